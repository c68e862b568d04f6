#include "actors/rate_window.hpp"

#include <doctest/doctest.h>

namespace troupe::tests {

using actors::rate_window;
using actors::recent_max;

TEST_CASE("a rate is that of the last sixteen intervals") {
  rate_window rate;
  CHECK(rate.per_second() == 0);
  std::uint64_t now = 5'000'000;
  std::uint64_t total = 1000;
  rate.sample(now, total);
  CHECK(rate.per_second() == 0);
  for (int i = 0; i < 40; ++i) rate.sample(now += 100'000, total += 50);
  CHECK(rate.per_second() == 500);
  for (int i = 0; i < 8; ++i) rate.sample(now += 100'000, total);
  CHECK(rate.per_second() == 250);
  for (int i = 0; i < 8; ++i) rate.sample(now += 100'000, total);
  CHECK(rate.per_second() == 0);
}

TEST_CASE("a counter that was set back starts a new rate") {
  rate_window rate;
  rate.sample(0, 1000);
  rate.sample(100'000, 2000);
  rate.sample(200'000, 5);
  CHECK(rate.per_second() == 0);
  rate.sample(300'000, 15);
  CHECK(rate.per_second() == 100);
}

TEST_CASE("a maximum is forgotten after one to two spans") {
  recent_max largest;
  largest.note(1'000'000, 7);
  largest.note(recent_max::span_us, 3);
  CHECK(largest.value() == 7);
  largest.note(2 * recent_max::span_us, 2);
  CHECK(largest.value() == 3);
  largest.note(9 * recent_max::span_us, 1);
  CHECK(largest.value() == 1);
}

}  // namespace troupe::tests
