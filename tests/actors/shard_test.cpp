// The shard actor on a reactor stepped by hand, between a flusher, a reader and gateways that note
// what they are told: which messages make which calls, and what is sent when.
#include "actors/shard.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/actors/shard_world.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

}  // namespace

TEST_CASE("a shard introduces itself to its disk actors before it sends them anything") {
  shard_world world;
  REQUIRE(world.flusher.events.size() >= 2);
  CHECK(world.flusher.events[0] == "attach 0");
  CHECK(world.flusher.events[1] == "frame");
  REQUIRE(world.reader.events.size() == 1);
  CHECK(world.reader.events[0] == "attach 0");
}

TEST_CASE("the commands of one batch are answered by one message, in the order of a connection") {
  shard_world world;
  world.send(1, {{7, 1, {"SET", "a", "1"}}, {8, 2, {"GET", "b"}}, {7, 3, {"INCR", "a"}}});
  REQUIRE(world.far.events == std::vector<std::string>{"replies"});
  REQUIRE(world.far.replies.size() == 3);
  CHECK(world.far.replies[0].lane.connection == 7);
  CHECK(world.far.replies[0].bytes == "+OK\r\n");
  CHECK(world.far.replies[1].lane.connection == 8);
  CHECK(world.far.replies[1].bytes == "$-1\r\n");
  CHECK(world.far.replies[2].ticket == 3);
  CHECK(world.far.replies[2].bytes == ":2\r\n");
  CHECK(world.near.events.empty());
}

TEST_CASE("one frame is in flight, and its watermark is told only after the flusher's answer") {
  shard_world world;
  world.write_frame();  // the opening of the epoch
  world.near.events.clear();
  world.send(1, {{7, 1, {"SET", "a", "1"}}});
  REQUIRE(world.flusher.frames.size() == 1);
  world.send(1, {{7, 2, {"SET", "b", "1"}}});
  world.at.pass(1s);
  CHECK(world.flusher.frames.size() == 1);
  const auto first = world.far.replies[0].outcome;
  const auto second = world.far.replies[1].outcome;
  CHECK(first.kind == resp::hold_kind::write);
  CHECK(first.hold == first.last_write);
  CHECK(second.hold > first.hold);
  CHECK(world.far.watermark == lsn{});
  world.write_frame();
  CHECK(world.far.watermark == first.hold);
  REQUIRE(world.flusher.frames.size() == 1);
  world.write_frame();
  CHECK(world.far.watermark == second.hold);
  CHECK(world.flusher.frames.empty());
  CHECK(world.near.watermark == second.hold);
}

TEST_CASE("a gateway elsewhere that waits for nothing is not told of commits") {
  shard_world world;
  world.write_frame();
  world.send(1, {{7, 1, {"GET", "a"}}});
  world.send(0, {{9, 1, {"SET", "a", "1"}}});
  world.write_frame();
  CHECK(world.far.events == std::vector<std::string>{"replies"});
  CHECK(world.near.watermark == world.near.replies[0].outcome.hold);
}

TEST_CASE("a reply goes out before the watermark that releases it") {
  shard_world world;
  world.write_frame();
  world.send(0, {{9, 1, {"SET", "a", "1"}}});
  world.far.events.clear();
  // Both are in the mailbox when the shard's turn comes.
  world.post(1, {{7, 1, {"GET", "a"}}});
  world.write_frame();
  CHECK(world.far.events == std::vector<std::string>{"replies", "watermark"});
  CHECK(world.far.replies[0].outcome.hold == world.far.watermark);
}

TEST_CASE("a failed frame turns the shard read-only, and every gateway is told why") {
  shard_world world;
  world.write_frame();
  world.send(0, {{9, 1, {"SET", "kept", "1"}}});
  world.write_frame();
  const auto durable = world.near.watermark;
  world.send(0, {{9, 2, {"SET", "lost", "1"}}});
  world.fail_frame("the disk is broken");
  CHECK(world.near.failure == "the disk is broken");
  CHECK(world.far.failure == "the disk is broken");
  CHECK(world.near.watermark == durable);
  world.near.replies.clear();
  world.send(0, {{9, 3, {"SET", "a", "1"}}, {9, 4, {"GET", "lost"}}, {9, 5, {"GET", "kept"}}});
  REQUIRE(world.near.replies.size() == 3);
  CHECK(world.near.replies[0].bytes.starts_with("-MISCONF shard 0 is read-only"));
  CHECK(world.near.replies[1].bytes.starts_with("-MISCONF the key's last write is lost"));
  CHECK(world.near.replies[2].bytes == "$1\r\n1\r\n");
  world.at.pass(2s);
  CHECK(world.flusher.frames.empty());
  CHECK(world.statistics().poisoned);
}

TEST_CASE("segments are asked for one at a time until there are enough") {
  shard_world world({.segments = 2});
  CHECK(world.flusher.prepares == 1);
  world.at.pass(3s);
  CHECK(world.flusher.prepares == 1);
  CHECK(world.statistics().segments == 2);
  for (std::uint32_t ordinal = 2; world.flusher.prepares == ordinal - 1; ++ordinal) {
    REQUIRE(ordinal < 10);
    world.adopt_segment(ordinal);
    CHECK(world.statistics().segments == ordinal + 1);
  }
  world.at.pass(3s);
  CHECK(world.statistics().segments == 2 + world.flusher.prepares);
  CHECK(world.statistics().segments > limits::reserved_segments);
}

TEST_CASE("a segment that could not be made is asked for again after a second") {
  shard_world world({.segments = 2});
  world.refuse_segment();
  world.at.pass(800ms);
  CHECK(world.flusher.prepares == 1);
  world.at.pass(400ms);
  CHECK(world.flusher.prepares == 2);
}

TEST_CASE("a cold value is read by the segment's use id and given back in the reply") {
  shard_world world({.memory_bytes = 0});
  world.send(0, {{9, 1, {"SET", "key", "value"}}});
  while (!world.flusher.frames.empty()) world.write_frame();
  world.at.pass(1s);
  world.near.replies.clear();
  world.send(0, {{9, 2, {"GET", "key"}}});
  CHECK(world.near.replies.empty());
  REQUIRE(world.reader.reads.size() == 1);
  CHECK(world.reader.reads[0].use == world.use_of(world.reader.reads[0].segment));
  world.answer_read();
  REQUIRE(world.near.replies.size() == 1);
  CHECK(world.near.replies[0].bytes == "$5\r\nvalue\r\n");
}

TEST_CASE("a large value is passed on part by part, to whom it was asked for and under credit") {
  shard_world world;
  const std::string value(2 * limits::part_bytes_max + 5, 'v');
  world.send(1, {{9, 1, {"SET", "key", value}}});
  while (!world.flusher.frames.empty()) world.write_frame();
  world.far.replies.clear();
  world.send(1, {{9, 2, {"GET", "key"}}});
  REQUIRE(world.far.replies.size() == 1);
  REQUIRE(world.far.replies[0].streams.size() == 1);
  const auto stream = world.far.replies[0].streams[0];
  CHECK(world.far.replies[0].bytes.empty());
  CHECK(stream.size == value.size());
  CHECK(stream.parts == 3);
  CHECK(world.reader.reads.empty());
  world.order(stream.number, 2);
  REQUIRE(world.reader.reads.size() == 2);
  world.answer_read();
  world.answer_read();
  CHECK(world.far.parts == std::vector<std::string>(2, std::string(limits::part_bytes_max, 'v')));
  CHECK(world.near.parts.empty());
  world.order(stream.number, 1);
  world.fail_read("unreadable");
  CHECK(world.far.parts.back() == "unreadable");
  CHECK(world.statistics().unreadable_records == 1);
  world.order(stream.number, 0);
  CHECK(world.is_alive());
}

TEST_CASE("a read that fails twice is an error reply, not a dead shard") {
  shard_world world({.memory_bytes = 0});
  world.send(0, {{9, 1, {"SET", "key", "value"}}});
  while (!world.flusher.frames.empty()) world.write_frame();
  world.at.pass(1s);
  world.near.replies.clear();
  world.send(0, {{9, 2, {"GET", "key"}}});
  world.fail_read("unreadable");
  CHECK(world.near.replies.empty());
  world.fail_read("unreadable");
  REQUIRE(world.near.replies.size() == 1);
  CHECK(world.near.replies[0].bytes == "-ERR a stored value cannot be read: unreadable\r\n");
  CHECK(world.is_alive());
}

TEST_CASE("a transaction pauses the shard, runs its pieces and is answered once for each step") {
  shard_world world;
  while (!world.flusher.frames.empty()) world.write_frame();
  world.step(1, 5, "pause");
  REQUIRE(world.far.transactions.size() == 1);
  CHECK(world.far.transactions[0].empty());
  world.send(0, {{9, 1, {"SET", "a", "outside"}}});
  CHECK(world.near.replies.empty());
  world.step(0, 6, "pause");
  CHECK(world.near.transactions.empty());
  world.run_pieces(1, 5, {{"SET", "a", "inside"}, {"GET", "a"}});
  REQUIRE(world.far.transactions.size() == 2);
  REQUIRE(world.far.transactions[1].size() == 2);
  CHECK(world.far.transactions[1][1].bytes == "$6\r\ninside\r\n");
  world.at.pass(1s);
  CHECK(world.flusher.frames.empty());
  world.step(1, 5, "release");
  REQUIRE(world.far.transactions.size() == 3);
  REQUIRE(world.far.transactions[2].size() == 1);
  const auto end = world.far.transactions[2][0].outcome.hold;
  REQUIRE(world.near.transactions.size() == 1);
  CHECK(world.near.replies.empty());
  world.step(0, 6, "release");
  REQUIRE(world.near.replies.size() == 1);
  CHECK(world.near.replies[0].bytes == "+OK\r\n");
  while (!world.flusher.frames.empty()) world.write_frame();
  CHECK(world.far.watermark >= end);
}

TEST_CASE("a demand for a commit sends what no level hurries for, and is answered by a watermark") {
  shard_world world;
  while (!world.flusher.frames.empty()) world.write_frame();
  world.send(1, {{7, 1, {"SET", "a", "1"}, durability::memory}});
  CHECK(world.flusher.frames.empty());
  const auto written = world.far.replies[0].outcome.last_write;
  CHECK(world.far.replies[0].outcome.hold == lsn{});
  world.demand(1, written);
  REQUIRE(world.flusher.frames.size() == 1);
  world.write_frame();
  CHECK(world.far.watermark == written);
}

TEST_CASE("a demand for what is durable already is answered at once, unless that was told before") {
  shard_world world;
  while (!world.flusher.frames.empty()) world.write_frame();
  world.send(0, {{9, 1, {"SET", "a", "1"}}});
  world.write_frame();
  const auto durable = world.near.watermark;
  CHECK(world.far.events.empty());
  world.demand(1, durable);
  CHECK(world.far.events == std::vector<std::string>{"watermark"});
  CHECK(world.far.watermark == durable);
  world.demand(1, durable);
  CHECK(world.far.events.size() == 1);
}

TEST_CASE("a shard says what it counts") {
  shard_world world;
  world.send(0, {{9, 1, {"SET", "a", "1"}}, {9, 2, {"SET", "b", "1", "PX", "5000"}}});
  while (!world.flusher.frames.empty()) world.write_frame();
  const auto counted = world.statistics();
  CHECK(counted.shard == shard_id{0});
  CHECK(counted.keys == 2);
  CHECK(counted.keys_with_deadline == 1);
  CHECK(counted.durable == counted.appended);
  CHECK(counted.commits == 2);
  CHECK(counted.segment_bytes == counted.segments * limits::segment_bytes_min);
  CHECK_FALSE(counted.poisoned);
}

TEST_CASE("a shard told to stop commits what it has, then goes") {
  shard_world world;
  world.send(0, {{9, 1, {"SET", "a", "1"}, durability::memory}});
  world.stop(10s);
  CHECK(world.is_alive());
  world.write_frame();
  CHECK(world.is_alive());
  REQUIRE(world.flusher.frames.size() == 1);
  world.write_frame();
  CHECK_FALSE(world.is_alive());
}

TEST_CASE("a shard whose flusher never answers stops after its grace") {
  shard_world world;
  world.stop(3s);
  world.at.pass(2900ms);
  CHECK(world.is_alive());
  world.at.pass(300ms);
  CHECK_FALSE(world.is_alive());
}

TEST_CASE("a shard with nothing to commit stops at once, one with a failed log too") {
  shard_world idle;
  idle.write_frame();
  idle.stop(10s);
  CHECK_FALSE(idle.is_alive());
  shard_world poisoned;
  poisoned.fail_frame("broken");
  poisoned.stop(10s);
  CHECK_FALSE(poisoned.is_alive());
}

TEST_CASE("answers that nobody waits for change nothing") {
  shard_world world;
  world.reader.reads.push_back({77, {1}, 0, 0});
  world.fail_read("too late");
  world.step(1, 5, "release");  // was never granted
  world.step(1, 5, "pause");
  world.step(0, 6, "pause");
  world.step(0, 6, "release");  // taken back before its turn
  world.step(1, 5, "release");
  CHECK(world.near.transactions.empty());
  world.fail_frame("first");
  world.fail_frame("second");
  CHECK(world.near.failure == "first");
  world.send(0, {{9, 1, {"GET", "a"}}});
  CHECK(world.near.replies.size() == 1);
  CHECK(world.is_alive());
}

}  // namespace troupe::tests
