#include "storage/base/error.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <set>
#include <string>

namespace troupe {
namespace {

TEST_CASE("an errno becomes the code of the action it asks for") {
  CHECK(os_error("x", ENOSPC).code == errc::no_space);
  CHECK(os_error("x", EDQUOT).code == errc::no_space);
  CHECK(os_error("x", ENOENT).code == errc::not_found);
  CHECK(os_error("x", EAGAIN).code == errc::busy);
  CHECK(os_error("x", EEXIST).code == errc::refused);
  CHECK(os_error("x", EIO).code == errc::io_failed);
  CHECK(os_error("x", EACCES).code == errc::io_failed);
}

TEST_CASE("the message says what failed and why") {
  CHECK(os_error("cannot open /a", ENOENT).message == "cannot open /a: No such file or directory");
}

TEST_CASE("context is put before the message and keeps the code") {
  const auto outer = failure{errc::corrupt, "bad checksum at 512"}.in("shard 3");
  CHECK(outer.code == errc::corrupt);
  CHECK(outer.message == "shard 3: bad checksum at 512");
}

TEST_CASE("every code has a name of its own") {
  std::set<std::string> names;
  for (const auto code : {errc::refused, errc::not_found, errc::busy, errc::no_space, errc::corrupt,
                          errc::foreign, errc::io_failed}) {
    names.emplace(to_string(code));
  }
  CHECK(names.size() == 7);
  CHECK_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace troupe
