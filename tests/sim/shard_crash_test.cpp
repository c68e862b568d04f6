// A shard on the simulated disk: power fails, writes fail, the disk is full, the clock jumps, at
// every durability level; what clients were told must hold afterwards.
//
// Fault model: shard_driver.hpp. One seed decides a run; it is printed first and last.
// TROUPE_TEST_DEPTH=full looks at every write point of many seeds; TROUPE_TEST_SEED=n starts there.
// Lives worth repeating are recorded in seeds.txt.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "tests/sim/disk.hpp"
#include "tests/sim/seeds.hpp"
#include "tests/sim/shard_driver.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::uint32_t steps_per_life = 400;

shard_driver_options options_of(std::uint64_t seed, shard_canary bug) {
  constexpr value_sizes sizes[] = {value_sizes::small, value_sizes::mixed, value_sizes::large};
  return {.seed = seed, .bug = bug, .sizes = sizes[seed % 3]};
}

/// Of every other seed.
constexpr bool stops_in_order(std::uint64_t seed) { return seed % 2 == 0; }

// Two lives, until the disk crashes. The first comes to rest and is then stopped in order, or
// killed.
void run_script(shard_driver& driver, std::uint64_t seed) {
  if (!driver.open() || !driver.live(steps_per_life) || !driver.settle()) return;
  if (stops_in_order(seed) && !driver.stop()) return;
  if (driver.open()) driver.live(steps_per_life);
}

std::uint64_t write_points_of(std::uint64_t seed, shard_canary bug) {
  disk untouched({.seed = seed});
  shard_driver driver(untouched, options_of(seed, bug));
  run_script(driver, seed);
  INFO("seed " << seed << ": " << driver.model().violation().value_or("no violation"));
  REQUIRE_FALSE(driver.model().violation().has_value());
  CHECK(driver.model().changes() > 50);
  return untouched.write_points();
}

// The violation of one run that crashes at write point `n`, if there is one.
std::optional<std::string> crash_run(std::uint64_t seed, std::uint64_t n, shard_canary bug) {
  disk simulated({.seed = seed * 10'000 + n});
  shard_driver driver(simulated, options_of(seed, bug));
  simulated.crash_at_write(n);
  run_script(driver, seed);
  if (driver.model().violation()) return driver.model().violation();
  simulated.crash();
  simulated.restart();
  // Every other run crashes again soon, so that interrupted recoveries are recovered too.
  if (n % 2 == 0) simulated.crash_at_write(simulated.write_points() + 1 + n % 40);
  if (driver.open()) driver.live(steps_per_life / 4);
  if (driver.model().violation()) return driver.model().violation();
  simulated.crash();
  simulated.restart();
  if (driver.open() && driver.live(50)) driver.settle();
  return driver.model().violation();
}

// The violation after one write point failed, with and without a crash behind it.
std::optional<std::string> fault_run(std::uint64_t seed, std::uint64_t n, write_fault fault,
                                     std::uint64_t& poisoned) {
  disk simulated({.seed = seed * 10'000 + n});
  shard_driver driver(simulated, options_of(seed, shard_canary::none));
  if (!driver.open()) return driver.model().violation();
  const auto faulty = simulated.write_points() + n;
  simulated.plan_write_fault(faulty, fault);
  if (driver.live(steps_per_life) && driver.settle() && stops_in_order(seed)) driver.stop();
  if (driver.is_poisoned()) ++poisoned;
  if (driver.model().violation() || simulated.write_points() < faulty) {
    return driver.model().violation();
  }
  if (n % 2 == 0) simulated.crash();
  simulated.restart();
  if (driver.open() && driver.live(50)) driver.settle();
  return driver.model().violation();
}

// The write points of the life in fault_run, counted from its opening: where it writes frames and
// where it makes segment files.
struct life_points {
  std::set<std::uint64_t> frames, segments;
};

life_points points_of(std::uint64_t seed) {
  disk untouched({.seed = seed});
  shard_driver driver(untouched, options_of(seed, shard_canary::none));
  REQUIRE(driver.open());
  const auto start = untouched.write_points();
  REQUIRE(driver.live(steps_per_life));
  REQUIRE(driver.settle());
  life_points found;
  for (const auto n : driver.frame_points()) {
    if (n > start) found.frames.insert(n - start);
  }
  for (const auto n : driver.segment_points()) {
    if (n > start) found.segments.insert(n - start);
  }
  return found;
}

std::string violation_of(shard_canary bug) {
  for (std::uint64_t seed = 2; seed <= 60; seed += bug == shard_canary::announce_last ? 3 : 1) {
    disk untouched({.seed = seed});
    shard_driver driver(untouched, options_of(seed, bug));
    run_script(driver, seed);
    const auto points = untouched.write_points();
    for (std::uint64_t n = 5; n <= points; ++n) {
      if (const auto violation = crash_run(seed, n, bug)) return *violation;
    }
  }
  return "none";
}

}  // namespace

TEST_CASE("power failing at any write point breaks no promise of a shard") {
  const seed_range all(60, 150);
  for (auto seed = all.first(); seed < all.end(); ++seed) {
    const auto points = write_points_of(seed, shard_canary::none);
    const std::uint64_t stride = is_full() ? 1 : 7;
    for (auto n = 1 + seed % stride; n <= points; n += stride) {
      const auto violation = crash_run(seed, n, shard_canary::none);
      INFO("seed " << seed << ", crash at write point " << n << ": " << violation.value_or(""));
      REQUIRE_FALSE(violation.has_value());
    }
  }
}

TEST_CASE("the recorded lives of a shard break no promise") {
  std::uint64_t poisoned = 0;
  for (const recorded_seed life : recorded_seeds("shard-crash")) {
    const auto violation = crash_run(life.seed, life.write_point, shard_canary::none);
    INFO("seed " << life.seed << ", crash at write point " << life.write_point << ": "
                 << violation.value_or(""));
    CHECK_FALSE(violation.has_value());
  }
  for (const recorded_seed life : recorded_seeds("shard-fault")) {
    const auto fault = life.write_point % 2 == 0 ? write_fault::fail : write_fault::fail_partial;
    const auto violation = fault_run(life.seed, life.write_point, fault, poisoned);
    INFO("seed " << life.seed << ", fault at write " << life.write_point << ": "
                 << violation.value_or(""));
    CHECK_FALSE(violation.has_value());
  }
  CHECK(poisoned > 0);
}

TEST_CASE("a failing write poisons the shard, which then shows nothing that is lost") {
  const seed_range all(40, 150);
  std::uint64_t poisoned = 0;
  for (auto seed = all.first(); seed < all.end(); ++seed) {
    const auto points = write_points_of(seed, shard_canary::none) / 2;
    const std::uint64_t stride = is_full() ? 1 : 5;
    for (auto n = 1 + seed % stride; n <= points; n += stride) {
      const auto fault = n % 2 == 0 ? write_fault::fail : write_fault::fail_partial;
      const auto violation = fault_run(seed, n, fault, poisoned);
      INFO("seed " << seed << ", fault at write " << n << " of a life: " << violation.value_or(""));
      REQUIRE_FALSE(violation.has_value());
    }
  }
  CHECK(poisoned > 0);
}

TEST_CASE("no space where it was reserved poisons a shard, none for a segment file does not") {
  const seed_range all(30, 150);
  std::uint64_t frames = 0, segments = 0;
  for (auto seed = all.first(); seed < all.end(); ++seed) {
    const auto points = points_of(seed);
    const auto run = [&](std::uint64_t n, std::uint64_t poisoned_then) {
      const auto fault = n % 2 == 0 ? write_fault::no_space : write_fault::no_space_partial;
      std::uint64_t poisoned = 0;
      const auto violation = fault_run(seed, n, fault, poisoned);
      INFO("seed " << seed << ", fault at write " << n << " of a life: " << violation.value_or(""));
      REQUIRE_FALSE(violation.has_value());
      REQUIRE(poisoned == poisoned_then);
    };
    for (const auto n : points.frames) run(n, 1);
    for (const auto n : points.segments) run(n, 0);
    frames += points.frames.size();
    segments += points.segments.size();
  }
  CHECK(frames > 100);
  CHECK(segments > 20);
}

TEST_CASE("a shard on a full disk refuses writes, deletes, and recovers by itself") {
  const seed_range all(12, 60);
  for (auto seed = all.first(); seed < all.end(); ++seed) {
    disk simulated({.seed = seed, .capacity_bytes = 24 << 20});
    auto options = options_of(seed, shard_canary::none);
    options.sizes = value_sizes::large;
    shard_driver driver(simulated, options);
    INFO("seed " << seed);
    REQUIRE(driver.open());
    for (int i = 0; i < 40 && driver.model().refused_for_space() == 0; ++i) {
      REQUIRE(driver.live(200));
    }
    CHECK(driver.model().refused_for_space() > 0);
    INFO(driver.model().violation().value_or(""));
    REQUIRE(driver.settle());
    const std::string half(500'000, 'x');
    for (int i = 0; i < 30 && driver.ask({"SET", "key1", half}) == "+OK\r\n"; ++i) {
    }
    CHECK(driver.ask({"SET", "key1", half}).starts_with("-OOM disk full"));
    CHECK(driver.ask({"DEL", "key2"}).starts_with(":"));
    simulated.set_capacity(std::uint64_t{1} << 40);
    driver.pass(3s);
    CHECK(driver.ask({"SET", "key1", half}) == "+OK\r\n");
    simulated.crash();
    simulated.restart();
    CHECK(driver.open());
    INFO(driver.model().violation().value_or(""));
    CHECK_FALSE(driver.model().violation().has_value());
  }
}

TEST_CASE("values go cold and dead segments go away while a shard works") {
  disk simulated({.seed = 5});
  auto options = options_of(first_seed(), shard_canary::none);
  options.sizes = value_sizes::large;
  shard_driver driver(simulated, options);
  REQUIRE(driver.open());
  driver.live(is_full() ? 40'000 : 4'000);
  driver.settle();
  INFO(driver.model().violation().value_or(""));
  CHECK_FALSE(driver.model().violation().has_value());
  CHECK(driver.cold_reads() > 20);
  CHECK(driver.segments_retired() > 0);
}

TEST_CASE("large values come and go part by part, and power fails in the middle") {
  const seed_range all(30, 300);
  std::uint64_t streamed = 0, uploaded = 0, retired = 0;
  for (auto seed = all.first(); seed < all.end(); ++seed) {
    disk simulated({.seed = seed});
    auto options = options_of(seed, shard_canary::none);
    options.sizes = value_sizes::parts;
    options.segment_bytes = limits::segment_bytes_min;
    shard_driver driver(simulated, options);
    simulated.crash_at_write(20 + seed * 7 % 200);
    run_script(driver, seed);
    simulated.crash();
    simulated.restart();
    if (driver.open() && driver.live(steps_per_life)) driver.settle();
    streamed += driver.values_streamed();
    uploaded += driver.values_uploaded();
    retired += driver.segments_retired();
    INFO("seed " << seed << ": " << driver.model().violation().value_or(""));
    REQUIRE_FALSE(driver.model().violation().has_value());
  }
  CHECK(streamed > 20);
  CHECK(uploaded > 20);
  CHECK(retired > 0);
}

TEST_CASE("a gateway that answers before the watermark is caught") {
  CHECK(violation_of(shard_canary::release_early).find("was told of record") != std::string::npos);
}

TEST_CASE("a watermark inside a batch is caught") {
  const auto found = violation_of(shard_canary::announce_last);
  INFO(found);
  CHECK(found.find("was told of record") != std::string::npos);
}

TEST_CASE("a read that does not wait for the write it saw is caught") {
  CHECK(violation_of(shard_canary::forget_read_hold).find("was told of record") !=
        std::string::npos);
}

}  // namespace troupe::sim
