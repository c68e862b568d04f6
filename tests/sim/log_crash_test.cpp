// The log on the simulated disk: power fails at every write point of scripted lives, and what was
// acknowledged must be there afterwards, in order, with nothing invented.
//
// Fault model: that of tests/sim/disk.hpp, points 1 to 3 (torn and reordered blocks, lost names);
// all of it must be survived. One seed decides a run; a failing run prints its seed and crash
// point.
#include <doctest/doctest.h>

#include <cstdint>
#include <optional>
#include <string>

#include "tests/sim/disk.hpp"
#include "tests/sim/log_driver.hpp"

namespace troupe::sim {
namespace {

constexpr std::uint32_t steps_per_life = 30;

// Three lives, most with an ordered stop, until the disk crashes.
void run_script(log_driver& driver) {
  for (int life = 0; life < 3; ++life) {
    if (!driver.open() || !driver.live(steps_per_life) || !driver.stop()) return;
  }
}

// After the crash: recovers, lives on, perhaps crashes again, and recovers for good.
void run_aftermath(disk& disk, log_driver& driver, std::uint64_t second_crash_in) {
  disk.restart();
  if (second_crash_in != 0) disk.crash_at_write(disk.write_points() + second_crash_in);
  if (driver.open() && driver.live(steps_per_life / 2)) driver.stop();
  disk.crash();
  disk.restart();
  driver.open();
}

std::uint64_t write_points_of_script(std::uint64_t seed) {
  disk untouched({.seed = seed});
  log_driver driver(untouched, {.seed = seed});
  run_script(driver);
  INFO("seed " << seed << ": " << driver.checker().violation().value_or("no violation"));
  REQUIRE_FALSE(driver.checker().violation().has_value());
  REQUIRE(driver.checker().record_count() > 20);
  return untouched.write_points();
}

// The violation of one run that crashes at write point `n`, if there is one.
std::optional<std::string> crash_run(std::uint64_t seed, std::uint64_t disk_seed, std::uint64_t n,
                                     canary bug) {
  disk simulated({.seed = disk_seed});
  log_driver driver(simulated, {.seed = seed, .bug = bug});
  simulated.crash_at_write(n);
  run_script(driver);
  if (!driver.checker().violation()) {
    // Even runs crash once more soon after, so that interrupted recoveries are recovered too.
    run_aftermath(simulated, driver, disk_seed % 2 == 0 ? 1 + disk_seed % 40 : 0);
  }
  return driver.checker().violation();
}

// The violation after one write point failed without a crash and the process started again.
std::optional<std::string> fault_run(std::uint64_t seed, std::uint64_t n, write_fault fault) {
  disk simulated({.seed = seed + n});
  log_driver driver(simulated, {.seed = seed, .errors = failures::planned});
  simulated.plan_write_fault(n, fault);
  run_script(driver);
  simulated.restart();
  driver.end_of_faults();
  if (!driver.checker().violation()) driver.open();
  return driver.checker().violation();
}

// As fault_run with a write that failed half-way, but power fails after the recovery: what the
// recovery read from a disk that had not promised it must by then be durable.
std::optional<std::string> recovered_then_crashed(std::uint64_t seed, std::uint64_t n) {
  disk simulated({.seed = seed + n});
  log_driver driver(simulated, {.seed = seed, .errors = failures::planned});
  simulated.plan_write_fault(n, write_fault::fail_partial);
  run_script(driver);
  simulated.restart();
  driver.end_of_faults();
  if (!driver.checker().violation() && driver.open()) {
    simulated.crash();
    simulated.restart();
    driver.open();
  }
  return driver.checker().violation();
}

// The first violation that the planted bug leads to, whatever the crash point.
std::string violation_of(canary bug) {
  const std::uint64_t points = write_points_of_script(1);
  for (std::uint64_t n = 1; n <= points; ++n) {
    if (const auto violation = crash_run(1, n, n, bug)) return *violation;
  }
  return "none";
}

}  // namespace

TEST_CASE("power failing at any write point loses nothing acknowledged and invents nothing") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const std::uint64_t points = write_points_of_script(seed);
    for (std::uint64_t n = 1; n <= points; ++n) {
      const std::uint64_t disk_seed = seed * 1000 + n;
      const auto violation = crash_run(seed, disk_seed, n, canary::none);
      INFO("seed " << seed << ", crash at write point " << n << ": " << violation.value_or(""));
      REQUIRE_FALSE(violation.has_value());
    }
  }
}

TEST_CASE("a failing write or a full disk at any write point loses nothing acknowledged") {
  for (const write_fault fault : {write_fault::fail, write_fault::fail_partial,
                                  write_fault::no_space, write_fault::no_space_partial}) {
    const std::uint64_t seed = 20 + static_cast<std::uint64_t>(fault);
    const std::uint64_t points = write_points_of_script(seed);
    for (std::uint64_t n = 1; n <= points; ++n) {
      const auto violation = fault_run(seed, n, fault);
      INFO("seed " << seed << ", fault at write point " << n << ": " << violation.value_or(""));
      REQUIRE_FALSE(violation.has_value());
    }
  }
}

TEST_CASE("what a recovery found survives a loss of power right after it") {
  for (std::uint64_t seed = 30; seed < 34; ++seed) {
    const std::uint64_t points = write_points_of_script(seed);
    for (std::uint64_t n = 1; n <= points; ++n) {
      const auto violation = recovered_then_crashed(seed, n);
      INFO("seed " << seed << ", fault at write point " << n << ": " << violation.value_or(""));
      REQUIRE_FALSE(violation.has_value());
    }
  }
}

TEST_CASE("a disk that loses a write it called durable is noticed") {
  const std::uint64_t points = write_points_of_script(1);
  std::uint64_t noticed = 0;
  for (std::uint64_t n = 1; n <= points; ++n) {
    if (fault_run(1, n, write_fault::lose)) ++noticed;
  }
  CHECK(noticed > 0);
}

TEST_CASE("a log that acknowledges before the write returned is caught") {
  CHECK(violation_of(canary::acknowledge_before_durable).find("is lost (acknowledged up to") !=
        std::string::npos);
}

TEST_CASE("a log that goes on behind a torn tail is caught") {
  CHECK(violation_of(canary::append_after_torn_tail).find("damaged frame") != std::string::npos);
}

TEST_CASE("a log that uses an epoch twice is caught") {
  CHECK(violation_of(canary::reuse_epoch).find("name two records") != std::string::npos);
}

TEST_CASE("a log that is sealed before its last frame is durable is caught") {
  CHECK(violation_of(canary::seal_before_last_frame).find("(the segment is sealed at") !=
        std::string::npos);
}

TEST_CASE("a log that takes a torn frame for damage is caught") {
  CHECK(violation_of(canary::torn_is_corrupt).find("torn last frame was refused") !=
        std::string::npos);
}

}  // namespace troupe::sim
