// What is counted of an actor, and the tap on its messages.
#include "actors/runtime/actor_counters.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <thread>

namespace troupe::tests {

using runtime::actor_counters;
using runtime::message_tap;

TEST_CASE("messages that arrived and were not handled are waiting") {
  actor_counters counters;
  for (int i = 0; i < 5; ++i) counters.arrived();
  counters.handled();
  counters.handled();
  CHECK(counters.mailbox_depth() == 3);
  CHECK(counters.messages() == 2);
  // A sender counts before it sends: seen by a third party, more may be handled than arrived.
  for (int i = 0; i < 5; ++i) counters.handled();
  CHECK(counters.mailbox_depth() == 0);
  counters.worked(1'999'999);
  CHECK(counters.busy_us() == 1999);
}

TEST_CASE("a tap keeps what fits, in order, and counts the rest as missed") {
  message_tap tap;
  for (std::uint64_t i = 0; i < message_tap::capacity + 10; ++i) {
    if (tap.wants_next()) tap.note({.at_ns = i, .took_ns = 0, .sender_id = 0, .type = {}});
  }
  CHECK(tap.missed() == 10);
  const auto first = tap.drain();
  REQUIRE(first.size() == message_tap::capacity);
  CHECK(first.front().at_ns == 0);
  CHECK(first.back().at_ns == message_tap::capacity - 1);
  CHECK(tap.drain().empty());
  CHECK(tap.wants_next());
}

TEST_CASE("nobody notes without a watcher, and a tap outlives the watching") {
  actor_counters counters;
  CHECK(counters.tap() == nullptr);
  auto& tap = counters.watch();
  CHECK(counters.tap() == &tap);
  counters.unwatch();
  CHECK(counters.tap() == nullptr);
  tap.note({.at_ns = 1, .took_ns = 2, .sender_id = 3, .type = {}});
  CHECK(&counters.watch() == &tap);
  CHECK(tap.drain().size() == 1);
}

TEST_CASE("an actor may note while somebody drains") {
  message_tap tap;
  constexpr std::uint64_t all = 50'000;
  std::thread actor([&tap] {
    for (std::uint64_t i = 0; i < all; ++i) {
      if (tap.wants_next()) tap.note({.at_ns = i, .took_ns = i, .sender_id = i, .type = {}});
    }
  });
  std::uint64_t seen = 0;
  std::uint64_t last = 0;
  const auto look = [&] {
    for (const auto& one : tap.drain()) {
      CHECK_MESSAGE((one.took_ns == one.at_ns && one.sender_id == one.at_ns), "torn");
      CHECK_MESSAGE((seen == 0 || one.at_ns > last), "out of order");
      last = one.at_ns;
      ++seen;
    }
  };
  while (seen + tap.missed() < all) look();
  actor.join();
  look();
  CHECK(seen + tap.missed() == all);
}

}  // namespace troupe::tests
