// Two links over a connection that takes and gives bytes in pieces of any size, with messages,
// records under credit, time and a farewell in between. Whatever was taken arrives, in order within
// each shard, exactly once; neither side ever holds more than its bounds.
#include <array>
#include <map>

#include "tests/replication/link/link_pair.hpp"

// doctest first: RapidCheck does not undefine its macros.
#include <doctest/doctest.h>
#include <rapidcheck.h>

namespace troupe::tests {
namespace {

using namespace link;

constexpr std::array<std::uint32_t, 4> shards = {0, 1, 2, 255};
constexpr std::array<std::size_t, 8> sizes = {0, 1, 15, 400, 4'100, 16'385, 70'000, 1 << 20};

using lanes = std::map<std::uint32_t, std::vector<frame_copy>>;

/// One direction: what was taken, and how much may be.
struct direction {
  lanes taken;
  std::map<std::uint32_t, std::uint64_t> allowed;
  std::map<std::uint32_t, std::uint64_t> used;
};

struct property_world {
  link_pair pair;
  std::array<direction, 2> directions;
  std::uint64_t settled_us = start_us;
  char next_byte = 'a';

  link_end& end_of(std::size_t side) { return side == 0 ? pair.dialler : pair.listener; }

  void push(std::size_t side) {
    const auto type = *rc::gen::element(frame_type::message, frame_type::records);
    const auto shard = shard_id{*rc::gen::elementOf(shards)};
    const std::string body(*rc::gen::elementOf(sizes), next_byte);
    next_byte = next_byte == 'z' ? 'a' : static_cast<char>(next_byte + 1);
    auto& to = directions[side];
    const auto verdict = end_of(side).core.push(frame_of(type, shard, body));
    const bool has_credit = type == frame_type::message ||
                            to.used[shard.value] + body.size() <= to.allowed[shard.value];
    RC_ASSERT((verdict == pushed::no_credit) == !has_credit);
    if (verdict != pushed::taken) return;
    if (type == frame_type::records) to.used[shard.value] += body.size();
    to.taken[shard.value].push_back({type, shard, body});
  }
  void allow(std::size_t side) {
    const auto shard = *rc::gen::elementOf(shards);
    auto& allowed = directions[side].allowed[shard];
    allowed += *rc::gen::element<std::uint64_t>(1, 5'000, 200'000, 4 << 20);
    // The receiver first, as in life: it allows before it says so.
    end_of(1 - side).core.allow_peer({shard}, allowed);
    end_of(side).core.allow_sending({shard}, allowed);
  }
  void move(std::size_t side) {
    const auto count = *rc::gen::element<std::size_t>(1, 16, 100, 5'000, 100'000, SIZE_MAX);
    if (*rc::gen::arbitrary<bool>()) return pair.write(end_of(side), count);
    static_cast<void>(pair.deliver(end_of(side), end_of(1 - side), count));
  }
  void settle() {
    pair.settle(*rc::gen::element<std::size_t>(999, 65'536, SIZE_MAX));
    settled_us = pair.now_us;
  }
  void pass() {
    const auto ms = *rc::gen::inRange<std::uint64_t>(1, 1'500);
    // A connection that moves nothing for long is another test's business.
    if (pair.now_us + ms * 1000 - settled_us > 4'500'000) settle();
    pair.pass(ms);
  }
  void step() {
    const std::size_t side = *rc::gen::arbitrary<bool>() ? 1 : 0;
    switch (*rc::gen::weightedElement<int>({{4, 0}, {2, 1}, {8, 2}, {1, 3}, {1, 4}})) {
      case 0: push(side); break;
      case 1: allow(side); break;
      case 2: move(side); break;
      case 3: pass(); break;
      default: settle(); break;
    }
    for (const std::size_t each : {0u, 1u}) {
      const auto& core = end_of(each).core;
      RC_ASSERT(core.input_bytes() <= limits::link_frame_bytes_max);
      RC_ASSERT(core.output_bytes() <=
                limits::link_output_bytes_max + (shards.size() + 1) * limits::link_frame_bytes_max);
      RC_ASSERT(core.closed() == std::nullopt);
    }
  }
  void check_arrived(bool all) {
    for (const std::size_t side : {0u, 1u}) {
      lanes arrived;
      for (const auto& each : end_of(1 - side).frames) arrived[each.shard.value].push_back(each);
      for (auto& [shard, expected] : directions[side].taken) {
        auto& here = arrived[shard];
        RC_ASSERT(here.size() <= expected.size());
        RC_ASSERT(!all || here.size() == expected.size());
        RC_ASSERT(std::equal(here.begin(), here.end(), expected.begin()));
        arrived.erase(shard);
      }
      RC_ASSERT(arrived.empty());
    }
  }
};

}  // namespace

TEST_CASE("frames arrive whole, once and in order, however the connection cuts them") {
  const bool held = rc::check([] {
    property_world world;
    // The handshake, cut like all else.
    const int before = *rc::gen::inRange(0, 30);
    for (int i = 0; i < before; ++i) world.move(i % 2 == 0 ? 0 : 1);
    world.settle();
    RC_ASSERT(world.pair.is_open());
    const int steps = *rc::gen::inRange(1, 150);
    for (int i = 0; i < steps; ++i) world.step();
    world.check_arrived(false);
    world.settle();
    world.check_arrived(true);
    RC_ASSERT(world.pair.is_open());
  });
  CHECK(held);
}

TEST_CASE("a link closed at any moment ends by name on both sides, with a prefix of the frames") {
  const bool held = rc::check([] {
    property_world world;
    if (*rc::gen::inRange(0, 4) > 0) world.settle();
    const int steps = *rc::gen::inRange(0, 40);
    for (int i = 0; i < steps; ++i) {
      if (world.pair.is_open()) {
        world.step();
      } else {
        world.move(i % 2 == 0 ? 0 : 1);
      }
    }
    auto& closing = world.end_of(*rc::gen::arbitrary<bool>() ? 1 : 0);
    closing.core.close(refusal::stopping, world.pair.now_us);
    world.settle();
    world.check_arrived(false);
    for (const auto* end : {&world.pair.dialler, &world.pair.listener}) {
      RC_ASSERT(end->core.is_finished());
      RC_ASSERT(end->core.closed()->why == refusal::stopping);
      RC_ASSERT((end->core.closed()->by == ended_by::us) == (end == &closing));
    }
  });
  CHECK(held);
}

}  // namespace troupe::tests
