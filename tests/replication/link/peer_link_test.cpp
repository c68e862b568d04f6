#include "replication/link/peer_link.hpp"

#include <doctest/doctest.h>

#include "replication/link/unproved_places.hpp"
#include "tests/replication/link/link_pair.hpp"

namespace troupe::tests {
namespace {

using namespace link;

constexpr std::uint64_t heartbeat_ms = limits::link_heartbeat_ms;
constexpr std::uint64_t silence_ms = limits::link_silence_ms;

/// Opens a pair and forgets what the handshake wrote.
struct open_pair : link_pair {
  explicit open_pair(const handshake_setup& dials = dialler_setup()) : link_pair(dials) {
    settle();
    REQUIRE(is_open());
    forget();
  }
  void forget() {
    for (auto* end : {&dialler, &listener}) {
      end->written.clear();
      end->delivered = 0;
    }
  }
  [[nodiscard]] std::size_t heartbeats(const link_end& of) const {
    std::size_t count = 0;
    for (const auto& each : frames_of(of.written)) count += each.type == frame_type::heartbeat;
    return count;
  }
};

frame_copy copy_of(frame_type type, shard_id shard, std::string body) {
  return {type, shard, std::move(body)};
}

/// Frames of all sizes both ways.
void converse(link_pair& pair) {
  pair.dialler.core.allow_sending({3}, 100'000);
  pair.listener.core.allow_peer({3}, 100'000);
  for (const std::size_t size : {0ul, 1ul, 100ul, 20'000ul}) {
    static_cast<void>(
        pair.dialler.core.push(frame_of(frame_type::message, no_shard, std::string(size, 'd'))));
    static_cast<void>(
        pair.dialler.core.push(frame_of(frame_type::records, {3}, std::string(size, 'r'))));
    static_cast<void>(
        pair.listener.core.push(frame_of(frame_type::message, {1}, std::string(size, 'l'))));
  }
}

std::string why(const peer_link& core) {
  REQUIRE(core.closed());
  return to_string(*core.closed());
}

}  // namespace

TEST_CASE("an open link carries frames both ways, and knows who is there") {
  open_pair pair;
  CHECK(pair.dialler.core.peer().node == listener_setup().node);
  CHECK(pair.listener.core.peer().node == dialler_setup().node);
  CHECK(pair.listener.core.role() == link_role::member);
  converse(pair);
  pair.settle();
  CHECK(pair.listener.frames.size() == 8);
  CHECK(pair.listener.frames[2] == copy_of(frame_type::message, no_shard, "d"));
  CHECK(pair.listener.frames[3] == copy_of(frame_type::records, {3}, "r"));
  CHECK(pair.dialler.frames.size() == 4);
  CHECK(pair.dialler.core.output_bytes() == 0);
}

TEST_CASE("a dialogue is the same however its bytes are cut") {
  link_pair whole;
  whole.settle();
  converse(whole);
  whole.settle();
  REQUIRE(whole.listener.frames.size() == 8);

  SUBCASE("in pieces of one size") {
    for (std::size_t piece = 1; piece < 300; ++piece) {
      link_pair pair;
      pair.settle(piece);
      REQUIRE(pair.is_open());
      converse(pair);
      pair.settle(piece);
      REQUIRE(pair.listener.frames == whole.listener.frames);
      REQUIRE(pair.dialler.frames == whole.dialler.frames);
    }
  }
  SUBCASE("in two at every byte, with all else happening in between") {
    const auto check_cut = [&](bool cut_dialler, std::size_t cut) {
      link_pair pair;
      // Delivers all up to the cut, then settles as far as that goes, then the rest.
      const auto settle_to_cut = [&] {
        for (bool moved = true; moved;) {
          pair.write(pair.dialler);
          pair.write(pair.listener);
          auto& slow = cut_dialler ? pair.dialler : pair.listener;
          auto& other = cut_dialler ? pair.listener : pair.dialler;
          const auto left = cut - std::min(cut, slow.delivered);
          moved = pair.deliver(slow, other, left);
          moved = pair.deliver(other, slow, SIZE_MAX) || moved;
        }
      };
      settle_to_cut();
      if (!pair.is_open()) pair.settle();
      REQUIRE(pair.is_open());
      converse(pair);
      settle_to_cut();
      pair.settle();
      REQUIRE(pair.listener.frames == whole.listener.frames);
      REQUIRE(pair.dialler.frames == whole.dialler.frames);
    };
    // The large bodies look alike in the middle; their ends are what matters.
    const auto is_dull = [](std::size_t at, std::size_t size) {
      return at > 1'000 && at + 1'000 < size && at % 997 != 0;
    };
    for (const bool cut_dialler : {true, false}) {
      const auto size = (cut_dialler ? whole.dialler : whole.listener).written.size();
      for (std::size_t cut = 0; cut <= size; ++cut) {
        if (!is_dull(cut, size)) check_cut(cut_dialler, cut);
      }
    }
  }
}

TEST_CASE("nothing goes in or out before the link is open") {
  link_pair pair;
  CHECK(pair.dialler.core.push(frame_of(frame_type::message, {0}, "m")) == pushed::not_open);
  CHECK(pair.listener.core.push(frame_of(frame_type::message, {0}, "m")) == pushed::not_open);
  pair.write(pair.dialler);
  CHECK(frames_of(pair.dialler.written).size() == 1);
  pair.settle();
  CHECK(pair.dialler.core.push(frame_of(frame_type::message, {0}, "m")) == pushed::taken);
}

TEST_CASE("a peer that does not prove itself in time is refused, however it trickles") {
  peer_link listener(listener_setup(), start_us);
  const auto hello = encoded(frame_type::hello, std::string(4'000, 'h'));
  std::vector<frame_copy> frames;
  CHECK(listener.next_deadline_us() == start_us + 5'000'000);
  for (std::uint64_t second = 1; second < 5; ++second) {
    const auto now_us = start_us + second * 1'000'000;
    feed(listener, hello.substr(second, 1), frames, now_us);
    listener.on_time(now_us);
    REQUIRE_FALSE(listener.closed());
    CHECK(drain(listener, now_us).empty());
    CHECK(listener.input_bytes() == limits::link_hello_bytes_max);
  }
  listener.on_time(start_us + 5'000'000);
  CHECK(why(listener) == "too_slow: no proof within 5000 ms");
  CHECK_FALSE(listener.is_finished());
  CHECK(frames_of(drain(listener)).at(0).body == encode_refused(refusal::too_slow));
  CHECK(listener.is_finished());
}

TEST_CASE("a dialler does not wait for ever for a listener either") {
  peer_link dialler(dialler_setup(), start_us);
  static_cast<void>(drain(dialler));
  dialler.on_time(dialler.next_deadline_us() - 1);
  CHECK_FALSE(dialler.closed());
  dialler.on_time(dialler.next_deadline_us());
  CHECK(why(dialler) == "too_slow: no proof within 5000 ms");
}

TEST_CASE("heartbeats keep an idle link open") {
  open_pair pair;
  for (std::uint64_t ms = 0; ms < 60'000; ms += heartbeat_ms / 4) {
    pair.pass(heartbeat_ms / 4);
    pair.settle();
  }
  CHECK(pair.is_open());
  for (const auto* end : {&pair.dialler, &pair.listener}) {
    CHECK(pair.heartbeats(*end) == 60);
    CHECK(end->frames.empty());
  }
}

TEST_CASE("who sends something else needs no heartbeat") {
  open_pair pair;
  for (std::uint64_t ms = 0; ms < 10'000; ms += heartbeat_ms / 2) {
    REQUIRE(pair.dialler.core.push(frame_of(frame_type::message, {0}, "m")) == pushed::taken);
    pair.settle();
    pair.pass(heartbeat_ms / 2);
  }
  CHECK(pair.heartbeats(pair.dialler) == 0);
  CHECK(pair.heartbeats(pair.listener) == 9);
}

TEST_CASE("a silent peer is noticed at the deadline and not before") {
  open_pair pair;
  auto& core = pair.listener.core;
  const auto silent_us = start_us + silence_ms * 1000;
  while (core.next_deadline_us() < silent_us) {
    core.on_time(core.next_deadline_us());
    static_cast<void>(drain(core, core.next_deadline_us()));
  }
  core.on_time(silent_us - 1);
  CHECK(core.is_open());
  core.on_time(silent_us);
  CHECK(why(core) == "silent: nothing heard for 5000 ms");
}

TEST_CASE("part of a large frame is a sign of life") {
  open_pair pair;
  REQUIRE(pair.dialler.core.push(frame_of(frame_type::message, {0}, std::string(4 << 20, 'm'))) ==
          pushed::taken);
  pair.write(pair.dialler);
  for (int second = 0; second < 20; ++second) {
    pair.pass(1000);
    pair.write(pair.listener);
    pair.deliver(pair.dialler, pair.listener, 100'000);
    pair.deliver(pair.listener, pair.dialler, SIZE_MAX);
    REQUIRE(pair.is_open());
    CHECK(pair.listener.core.input_bytes() <= limits::link_frame_bytes_max);
  }
  pair.settle();
  REQUIRE(pair.listener.frames.size() == 1);
  CHECK(pair.listener.frames[0].body.size() == 4 << 20);
}

TEST_CASE("a heartbeat stands between large frames on a socket that takes nothing") {
  open_pair pair;
  auto& core = pair.dialler.core;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(core.push(frame_of(frame_type::message, {0}, std::string(100'000, 'm'))) ==
            pushed::taken);
  }
  std::string written(core.sendable().substr(0, 10));
  core.sent(10, start_us);
  // Blocked for three seconds: one heartbeat waits, not three.
  for (std::uint64_t ms = 1000; ms <= 3000; ms += 500) core.on_time(start_us + ms * 1000);
  CHECK(core.next_deadline_us() == start_us + silence_ms * 1000);
  written += drain(core, start_us + 3'000'000);
  const auto frames = frames_of(written);
  REQUIRE(frames.size() == 4);
  CHECK(frames[0].type == frame_type::message);
  CHECK(frames[1].type == frame_type::heartbeat);
  CHECK(frames[2].type == frame_type::message);
}

TEST_CASE("a link that is closed says why behind the frame it was sending, and no more") {
  open_pair pair;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(pair.listener.core.push(
                frame_of(frame_type::message, {0}, std::string(100'000, 'm'))) == pushed::taken);
  }
  std::string written(pair.listener.core.sendable());
  pair.listener.core.sent(written.size(), start_us);
  pair.listener.core.close(refusal::stopping, start_us);
  CHECK(pair.listener.core.room().empty());
  CHECK(pair.listener.core.push(frame_of(frame_type::message, {0}, "m")) == pushed::not_open);
  CHECK_FALSE(pair.listener.core.is_finished());
  written += drain(pair.listener.core);
  CHECK(pair.listener.core.is_finished());
  CHECK(pair.listener.core.next_deadline_us() == UINT64_MAX);
  REQUIRE(frames_of(written).size() == 2);
  CHECK(frames_of(written)[1].type == frame_type::refused);
  feed(pair.dialler.core, written, pair.dialler.frames);
  CHECK(pair.dialler.frames.size() == 1);
  CHECK(why(pair.dialler.core) == "refused by the peer: stopping");
  CHECK(pair.dialler.core.is_finished());
}

TEST_CASE("a closed link does not wait for ever for a peer that reads nothing") {
  open_pair pair;
  auto& core = pair.listener.core;
  core.close(refusal::replaced, start_us + 500);
  core.close(refusal::busy, start_us + 600);
  CHECK(why(core) == "replaced");
  CHECK(core.next_deadline_us() == start_us + 500 + 1000ul * limits::link_farewell_ms);
  core.on_time(core.next_deadline_us() - 1);
  CHECK_FALSE(core.is_finished());
  core.on_time(core.next_deadline_us());
  CHECK(core.is_finished());
  CHECK(core.sendable().empty());
}

TEST_CASE("a connection that ends without a word ends the link at once") {
  open_pair pair;
  REQUIRE(pair.listener.core.push(frame_of(frame_type::message, {0}, "m")) == pushed::taken);
  pair.listener.core.end_input();
  CHECK(why(pair.listener.core) == "ended");
  CHECK(pair.listener.core.is_finished());
  peer_link dialler(dialler_setup(), start_us);
  dialler.end_input();
  CHECK(why(dialler) == "ended");
  // Who said why keeps that as the reason, but needs to say it no longer.
  peer_link listener(listener_setup(), start_us);
  listener.close(refusal::busy, start_us);
  listener.end_input();
  CHECK(why(listener) == "busy");
  CHECK(listener.is_finished());
}

TEST_CASE("without a secret a link over a network is over before it begins") {
  auto setup = listener_setup();
  setup.secret = {};
  peer_link listener(setup, start_us);
  CHECK(why(listener) == "no_secret: without a cluster secret links are on loopback only");
  CHECK(frames_of(drain(listener)).at(0).body == encode_refused(refusal::no_secret));
  CHECK(listener.is_finished());
}

TEST_CASE("a console's link carries its frames, a member's the members', none the others'") {
  open_pair consoles(console_setup());
  CHECK(consoles.listener.core.role() == link_role::console);
  REQUIRE(consoles.dialler.core.push(frame_of(frame_type::console, no_shard, "promote")) ==
          pushed::taken);
  consoles.settle();
  CHECK(consoles.listener.frames.at(0) == copy_of(frame_type::console, no_shard, "promote"));
  feed(consoles.listener.core, encoded(frame_type::message, "m"), consoles.listener.frames);
  CHECK(why(consoles.listener.core) == "bad_frame: message on a link of role operator");

  open_pair members;
  feed(members.listener.core, encoded(frame_type::console, "c"), members.listener.frames);
  CHECK(why(members.listener.core) == "bad_frame: console on a link of role member");
  CHECK(members.listener.frames.empty());
}

TEST_CASE("records beyond what was allowed end the link") {
  open_pair pair;
  auto& core = pair.listener.core;
  core.allow_peer({2}, 100);
  feed(core, encoded(frame_type::records, std::string(100, 'r'), {2}), pair.listener.frames);
  CHECK(pair.listener.frames.size() == 1);
  core.allow_peer({2}, 150);
  core.allow_peer({2}, 120);  // what was allowed stays so
  feed(core, encoded(frame_type::records, std::string(50, 'r'), {2}), pair.listener.frames);
  CHECK(pair.listener.frames.size() == 2);
  feed(core, encoded(frame_type::records, "r", {2}), pair.listener.frames);
  CHECK(why(core) == "over_credit: 1 bytes of records of shard 2, 0 were allowed");
  CHECK(pair.listener.frames.size() == 2);

  open_pair other;
  feed(other.dialler.core, encoded(frame_type::records, "r", {255}), other.dialler.frames);
  CHECK(why(other.dialler.core) == "over_credit: 1 bytes of records of shard 255, 0 were allowed");
}

TEST_CASE("credit that comes names the shards that waited for it") {
  open_pair pair;
  auto& core = pair.listener.core;
  const auto records = [](std::uint32_t shard) {
    return frame_of(frame_type::records, {shard}, std::string(1000, 'r'));
  };
  CHECK(core.push(records(1)) == pushed::no_credit);
  CHECK(core.push(records(0)) == pushed::no_credit);
  core.allow_sending({0}, 1000);
  CHECK(core.take_admissible() == std::vector<shard_id>{{0}});
  CHECK(core.push(records(0)) == pushed::taken);
  core.allow_sending({1}, 5000);
  CHECK(core.take_admissible() == std::vector<shard_id>{{1}});
}

TEST_CASE("a listener with no place for one more stranger says so") {
  unproved_places places;
  std::vector<unproved_places::place> taken;
  while (auto place = places.take()) taken.push_back(std::move(*place));
  peer_link listener(listener_setup(), start_us);
  if (!places.take()) listener.close(refusal::busy, start_us);
  CHECK(why(listener) == "busy");
  peer_link dialler(dialler_setup(), start_us);
  std::vector<frame_copy> frames;
  feed(dialler, drain(listener), frames);
  CHECK(why(dialler) == "refused by the peer: busy");
}

}  // namespace troupe::tests
