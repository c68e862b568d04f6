// A node of two shards on one simulated disk: transactions over both, power failing and writes
// failing under them, at every durability level.
//
// Fault model and what must hold: node_driver.hpp. One seed decides a run; it is printed first and
// last. TROUPE_TEST_DEPTH=full looks at every write point of many seeds; TROUPE_TEST_SEED=n starts
// there. Lives worth repeating are recorded in seeds.txt.
#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "tests/sim/disk.hpp"
#include "tests/sim/node_driver.hpp"
#include "tests/sim/seeds.hpp"

namespace troupe::sim {
namespace {

constexpr std::uint32_t steps_per_life = 3000;

// Two lives, the first with a clean end, until the disk crashes.
void run_script(node_driver& node) {
  if (node.open() && node.live(steps_per_life) && node.settle() && node.open()) {
    node.live(steps_per_life);
  }
}

std::uint64_t write_points_of(std::uint64_t seed) {
  disk untouched({.seed = seed});
  node_driver node(untouched, seed, node_canary::none);
  run_script(node);
  INFO("seed " << seed << ": " << node.violation().value_or("no violation"));
  REQUIRE_FALSE(node.violation().has_value());
  CHECK(node.committed() > 10);
  return untouched.write_points();
}

// The violation of one run that crashes at write point `n`, if there is one.
std::optional<std::string> crash_run(std::uint64_t seed, std::uint64_t n, node_canary bug) {
  disk simulated({.seed = seed * 10'000 + n});
  node_driver node(simulated, seed, bug);
  simulated.crash_at_write(n);
  run_script(node);
  if (node.violation()) return node.violation();
  simulated.crash();
  simulated.restart();
  // Every other run crashes again soon, so that interrupted recoveries are recovered too.
  if (n % 2 == 0) simulated.crash_at_write(simulated.write_points() + 1 + n % 40);
  if (node.open()) node.live(steps_per_life / 2);
  if (node.violation()) return node.violation();
  simulated.crash();
  simulated.restart();
  if (node.open() && node.live(steps_per_life / 4)) node.settle();
  return node.violation();
}

// The violation after one write of a life failed: one shard is poisoned, the other goes on.
std::optional<std::string> fault_run(std::uint64_t seed, std::uint64_t n, write_fault fault,
                                     std::uint64_t& poisoned) {
  disk simulated({.seed = seed * 10'000 + n});
  node_driver node(simulated, seed, node_canary::none);
  if (!node.open()) return node.violation();
  const auto faulty = simulated.write_points() + n;
  simulated.plan_write_fault(faulty, fault);
  if (node.live(steps_per_life)) node.settle();
  if (node.has_poisoned_shard()) ++poisoned;
  if (node.violation() || simulated.write_points() < faulty) return node.violation();
  if (n % 2 == 0) simulated.crash();
  simulated.restart();
  if (node.open() && node.live(steps_per_life / 4)) node.settle();
  return node.violation();
}

constexpr write_fault faults[] = {write_fault::fail, write_fault::fail_partial,
                                  write_fault::no_space};

std::string violation_of(node_canary bug) {
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    disk untouched({.seed = seed});
    node_driver node(untouched, seed, bug);
    run_script(node);
    if (node.violation()) return *node.violation();
    for (std::uint64_t n = 10; n <= untouched.write_points(); n += 5) {
      if (const auto violation = crash_run(seed, n, bug)) return *violation;
    }
  }
  return "none";
}

}  // namespace

TEST_CASE("power failing at any write point breaks no transaction over two shards") {
  const seed_range all(60, 400);
  for (auto seed = all.first(); seed < all.end(); ++seed) {
    const auto points = write_points_of(seed);
    const std::uint64_t stride = is_full() ? 1 : 7;
    for (auto n = 1 + seed % stride; n <= points; n += stride) {
      const auto violation = crash_run(seed, n, node_canary::none);
      INFO("seed " << seed << ", crash at write point " << n << ": " << violation.value_or(""));
      REQUIRE_FALSE(violation.has_value());
    }
  }
}

TEST_CASE("a failing write leaves the other shard and all promises intact") {
  const seed_range all(60, 400);
  std::uint64_t poisoned = 0;
  for (auto seed = all.first(); seed < all.end(); ++seed) {
    const auto points = write_points_of(seed) / 2;
    const std::uint64_t stride = is_full() ? 1 : 7;
    for (auto n = 1 + seed % stride; n <= points; n += stride) {
      const auto violation = fault_run(seed, n, faults[n % 3], poisoned);
      INFO("seed " << seed << ", fault at write " << n << " of a life: " << violation.value_or(""));
      REQUIRE_FALSE(violation.has_value());
    }
  }
  CHECK(poisoned > 0);
}

TEST_CASE("the recorded lives of a node break no promise") {
  std::uint64_t poisoned = 0;
  for (const recorded_seed life : recorded_seeds("node-crash")) {
    const auto violation = crash_run(life.seed, life.write_point, node_canary::none);
    INFO("seed " << life.seed << ", crash at write point " << life.write_point << ": "
                 << violation.value_or(""));
    CHECK_FALSE(violation.has_value());
  }
  for (const recorded_seed life : recorded_seeds("node-fault")) {
    const auto violation =
        fault_run(life.seed, life.write_point, faults[life.write_point % 3], poisoned);
    INFO("seed " << life.seed << ", fault at write " << life.write_point << ": "
                 << violation.value_or(""));
    CHECK_FALSE(violation.has_value());
  }
  CHECK(poisoned > 0);
}

TEST_CASE("watched counters are contended: EXECs succeed and abort") {
  std::uint64_t committed = 0;
  std::uint64_t aborted = 0;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    disk untouched({.seed = seed});
    node_driver node(untouched, seed, node_canary::none);
    run_script(node);
    committed += node.committed();
    aborted += node.aborted();
  }
  CHECK(committed > 50);
  CHECK(aborted > 5);
}

TEST_CASE("a node that acknowledges before the disk answered is caught") {
  CHECK(violation_of(node_canary::acknowledge_early).find("promised") != std::string::npos);
}

TEST_CASE("transactions that do not hold up others are caught") {
  const auto violation = violation_of(node_canary::no_pause);
  // Seen by others, or left by a crash: what did not pause is no batch either.
  const auto is_seen = violation == "half a transaction was seen" ||
                       violation.ends_with("holds half a transaction") ||
                       violation.starts_with("two transactions counted to");
  INFO(violation);
  CHECK(is_seen);
}

TEST_CASE("an EXEC that does not look at its watched keys is caught") {
  CHECK(violation_of(node_canary::blind_watch).starts_with("two transactions counted to"));
}

}  // namespace troupe::sim
