// A reactor stepped by hand on a simulated clock, in a system whose scheduler is stepped, too: what
// a pinned actor does happens when, and only when, a test says so.
//
// Threads: the test's; actors the test spawns may have their own. All must end before it goes
// (end()).
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "actors/interfaces.hpp"
#include "actors/runtime/reactor.hpp"
#include "tests/sim/clock.hpp"

namespace troupe::tests {

class stepped_reactor {
 public:
  stepped_reactor() { REQUIRE(reactor.open()); }

  sim::clock time;

 private:
  static caf::actor_system_config& configured(caf::actor_system_config& config) {
    config.add_message_types<caf::id_block::troupe_messages>();
    config.set("scheduler.policy", caf::atom("testing"));
    return config;
  }
  // Far above what any test needs: a loop that gets there goes on for ever.
  static constexpr int rounds_max = 100'000;
  // What a socket brought has become a message after a few rounds.
  static constexpr int quiet_rounds = 8;
  caf::actor_system_config config_;

 public:
  caf::actor_system system{configured(config_)};
  caf::scheduler::test_coordinator& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());

 private:
  runtime::round_clock round_time_{time};

 public:
  runtime::reactor reactor{system, round_time_, 0};

  /// Rounds until nobody has anything to do.
  void run() {
    auto quiet = 0;
    for (auto round = 0; quiet < quiet_rounds; ++round) {
      REQUIRE(round < rounds_max);
      const auto before = reactor.counters().jobs;
      reactor.step();
      quiet = scheduler.run() == 0 && reactor.counters().jobs == before ? quiet + 1 : 0;
    }
  }
  /// Rounds until `condition` holds.
  template <class Condition>
  void run_until(const Condition& condition) {
    for (auto round = 0; !condition(); ++round) {
      REQUIRE(round < rounds_max);
      reactor.step();
      scheduler.run();
    }
  }
  /// Time passes for clocks and delayed messages, a tenth of a second at a time.
  void pass(std::chrono::milliseconds wanted) {
    constexpr std::chrono::milliseconds tick{100};
    for (auto left = wanted; left.count() > 0; left -= tick) {
      time.advance(std::min(left, tick));
      scheduler.advance_time(std::min(left, tick));
      run();
    }
  }
  /// Tells an actor to exit and waits until it has: one on a thread of its own may still be about
  /// to wake the reactor, which is gone soon.
  template <class Handle>
  void end(Handle& actor) {
    if (!actor) return;
    const auto ended = std::make_shared<std::atomic<bool>>(false);
    caf::actor_cast<caf::actor>(actor)->attach_functor(
        [ended](const caf::error&) { *ended = true; });
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
    actor = nullptr;
    while (!*ended) {
      reactor.step();
      scheduler.run();
      std::this_thread::yield();
    }
    run();
  }
};

}  // namespace troupe::tests
