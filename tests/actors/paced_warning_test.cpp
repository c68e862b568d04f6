#include "actors/paced_warning.hpp"

#include <doctest/doctest.h>

namespace troupe::tests {

using actors::paced_warning;

TEST_CASE("what goes on failing is said at once, then now and then with how often it failed") {
  paced_warning warning;
  std::uint64_t now_us = 5;
  CHECK(warning.failed(now_us) == 1);
  for (int i = 0; i < 99; ++i) CHECK_FALSE(warning.failed(now_us += 100'000));
  CHECK(warning.failed(now_us += 100'000) == 100);
  CHECK_FALSE(warning.failed(now_us + 1));
}

TEST_CASE("what fails again much later is said at once") {
  paced_warning warning;
  CHECK(warning.failed(1) == 1);
  CHECK(warning.failed(1 + 50 * paced_warning::interval_us) == 1);
}

}  // namespace troupe::tests
