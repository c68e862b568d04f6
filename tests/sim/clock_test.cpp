#include "tests/sim/clock.hpp"

#include <doctest/doctest.h>

#include <chrono>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

TEST_CASE("simulated time stands still until it is stepped") {
  clock time;
  const auto wall = time.wall_ms();
  const auto monotonic = time.monotonic_us();
  CHECK(time.wall_ms() == wall);
  CHECK(time.monotonic_us() == monotonic);
  time.advance(1500us);
  CHECK(time.wall_ms() == wall + 1);
  CHECK(time.monotonic_us() == monotonic + 1500);
  time.advance(500us);
  CHECK(time.wall_ms() == wall + 2);
  time.advance(2s);
  CHECK(time.wall_ms() == wall + 2002);
}

TEST_CASE("the wall clock jumps both ways without time passing") {
  clock time(5000ms);
  const auto monotonic = time.monotonic_us();
  time.jump_wall(-3000ms);
  CHECK(time.wall_ms() == 2000);
  time.jump_wall(1h);
  CHECK(time.wall_ms() == 3'602'000);
  CHECK(time.monotonic_us() == monotonic);
}

}  // namespace
}  // namespace troupe::sim
