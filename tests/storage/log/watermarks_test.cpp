#include "storage/log/watermarks.hpp"

#include <doctest/doctest.h>

namespace troupe::log {

TEST_CASE("durable follows appended, and alone it is committed") {
  watermarks marks(lsn{10});
  CHECK(marks.committed() == lsn{10});
  marks.on_appended(lsn{15});
  CHECK(marks.durable() == lsn{10});
  marks.on_durable(lsn{12});
  CHECK(marks.durable() == lsn{12});
  CHECK(marks.committed() == lsn{12});
}

TEST_CASE("after poison nothing becomes durable and the first reason stays") {
  watermarks marks(lsn{1});
  marks.on_appended(lsn{3});
  CHECK(marks.poisoned() == nullptr);
  marks.poison({errc::io_failed, "first"});
  marks.poison({errc::io_failed, "second"});
  marks.on_durable(lsn{3});
  CHECK(marks.durable() == lsn{1});
  REQUIRE(marks.poisoned() != nullptr);
  CHECK(marks.poisoned()->message == "first");
}

}  // namespace troupe::log
