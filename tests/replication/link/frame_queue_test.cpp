#include "replication/link/frame_queue.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/replication/link/frame_fixture.hpp"

namespace troupe::tests {
namespace {

using link::frame_queue;
using link::frame_type;
using link::no_shard;
using link::pushed;

/// Above this a body is not copied.
constexpr std::size_t large = 20'000;

pushed push_message(frame_queue& queue, shard_id shard, std::string body) {
  return queue.push(frame_of(frame_type::message, shard, std::move(body)));
}
pushed push_records(frame_queue& queue, shard_id shard, std::size_t bytes) {
  return queue.push(frame_of(frame_type::records, shard, std::string(bytes, 'r')));
}

std::string drain_queue(frame_queue& queue, std::size_t piece = SIZE_MAX) {
  std::string bytes;
  for (auto ready = queue.sendable(); !ready.empty(); ready = queue.sendable()) {
    ready = ready.substr(0, piece);
    bytes += ready;
    queue.sent(ready.size());
  }
  CHECK(queue.empty());
  return bytes;
}

/// "0.a 1.a - 0.b": shard and first byte of each frame, "-" = a heartbeat.
std::string order_of(std::string_view bytes) {
  std::string order;
  for (const auto& each : frames_of(bytes)) {
    if (!order.empty()) order += ' ';
    if (each.type == frame_type::heartbeat) {
      order += '-';
    } else if (each.shard == no_shard) {
      order += fmt::format("node.{}", each.body[0]);
    } else {
      order += fmt::format("{}.{}", each.shard.value, each.body[0]);
    }
  }
  return order;
}

/// A queue whose peer allows as much as there can be.
void allow_all(frame_queue& queue, std::uint32_t shards) {
  for (std::uint32_t shard = 0; shard < shards; ++shard) queue.allow({shard}, UINT64_MAX);
}

}  // namespace

TEST_CASE("shards take turns, one frame each, in order within a shard") {
  frame_queue queue;
  for (const char* body : {"a", "b", "c"}) {
    CHECK(push_message(queue, {0}, body) == pushed::taken);
  }
  for (const char* body : {"a", "b"}) CHECK(push_message(queue, {7}, body) == pushed::taken);
  CHECK(push_message(queue, no_shard, "a") == pushed::taken);
  CHECK(push_message(queue, {255}, "a") == pushed::taken);
  CHECK(order_of(drain_queue(queue)) == "0.a 7.a node.a 255.a 0.b 7.b 0.c");
}

TEST_CASE("a shard with much to send delays another by one frame of each") {
  frame_queue queue;
  for (int i = 0; i < 20; ++i) {
    REQUIRE(push_message(queue, {0}, std::string(large, 'x')) == pushed::taken);
  }
  // One is on its way.
  queue.sent(queue.sendable().size());
  REQUIRE(push_message(queue, {1}, "late") == pushed::taken);
  const auto order = order_of(drain_queue(queue).substr(large));
  CHECK(order.starts_with("0.x 1.l 0.x"));
}

TEST_CASE("the bytes are the same in pieces of any size") {
  std::string expected;
  for (const std::size_t piece : {SIZE_MAX, 1ul, 17ul, 4'096ul}) {
    frame_queue queue;
    for (std::uint32_t i = 0; i < 12; ++i) {
      const auto size = i % 3 == 0 ? large + i : 50 * i;
      REQUIRE(push_message(queue, {i % 4}, std::string(size, 'm')) == pushed::taken);
    }
    const auto bytes = drain_queue(queue, piece);
    if (expected.empty()) expected = bytes;
    CHECK(bytes == expected);
  }
  CHECK(frames_of(expected).size() == 12);
}

TEST_CASE("small frames go together, a large body from its own memory") {
  frame_queue queue;
  REQUIRE(push_message(queue, {0}, "one") == pushed::taken);
  REQUIRE(push_message(queue, {1}, "two") == pushed::taken);
  const auto body = std::make_shared<const std::string>(large, 'b');
  REQUIRE(queue.push({frame_type::message, {2}, {body, *body}}) == pushed::taken);
  const auto first = queue.sendable();
  CHECK(first.size() == 3 * 16 + 6);
  queue.sent(first.size());
  CHECK(queue.sendable().data() == body->data());
  CHECK(body.use_count() == 2);
  queue.sent(large);
  CHECK(body.use_count() == 1);
  CHECK(queue.empty());
}

TEST_CASE("what is being sent stays where it is while more is added") {
  frame_queue queue;
  REQUIRE(push_message(queue, {0}, "begun") == pushed::taken);
  const auto* at = queue.sendable().data();
  queue.sent(3);
  REQUIRE(push_message(queue, {0}, std::string(large, 'm')) == pushed::taken);
  queue.push_first(frame_type::refused, "12345678");
  queue.push_heartbeat();
  CHECK(queue.sendable().data() == at + 3);
}

TEST_CASE("a heartbeat stands between frames, and one is enough") {
  frame_queue queue;
  for (int i = 0; i < 3; ++i) {
    REQUIRE(push_message(queue, {0}, std::string(large, 'x')) == pushed::taken);
  }
  std::string bytes(queue.sendable().substr(0, 5));
  queue.sent(5);
  queue.push_heartbeat();
  queue.push_heartbeat();
  CHECK(queue.heartbeat_waits());
  bytes += drain_queue(queue);
  CHECK(order_of(bytes) == "0.x - 0.x 0.x");
  CHECK_FALSE(queue.heartbeat_waits());
}

TEST_CASE("records are taken within their shard's credit, messages always") {
  frame_queue queue;
  CHECK(push_records(queue, {0}, 1) == pushed::no_credit);
  queue.allow({0}, 100);
  CHECK(push_records(queue, {0}, 101) == pushed::no_credit);
  CHECK(push_records(queue, {0}, 60) == pushed::taken);
  CHECK(push_records(queue, {0}, 41) == pushed::no_credit);
  CHECK(push_records(queue, {0}, 40) == pushed::taken);
  CHECK(push_records(queue, {1}, 1) == pushed::no_credit);
  CHECK(push_message(queue, {0}, "m") == pushed::taken);
  static_cast<void>(drain_queue(queue));
  // Sent is not allowed again: the peer says so.
  CHECK(push_records(queue, {0}, 1) == pushed::no_credit);
  queue.allow({0}, 50);
  CHECK(push_records(queue, {0}, 1) == pushed::no_credit);
  queue.allow({0}, 201);
  queue.allow({0}, 101);
  CHECK(push_records(queue, {0}, 101) == pushed::taken);
}

TEST_CASE("a shard that was refused is named once its frame would be taken") {
  frame_queue queue;
  REQUIRE(push_records(queue, {4}, 100) == pushed::no_credit);
  REQUIRE(push_records(queue, {2}, 100) == pushed::no_credit);
  REQUIRE(push_records(queue, {2}, 100) == pushed::no_credit);
  CHECK(queue.take_admissible().empty());
  queue.allow({2}, 99);
  CHECK(queue.take_admissible().empty());
  queue.allow({2}, 100);
  queue.allow({4}, 1000);
  CHECK(queue.take_admissible() == std::vector<shard_id>{{4}, {2}});
  CHECK(queue.take_admissible().empty());
  REQUIRE(push_records(queue, {2}, 101) == pushed::no_credit);
  CHECK(queue.take_admissible().empty());
  queue.allow({2}, 101);
  CHECK(queue.take_admissible() == std::vector<shard_id>{{2}});
}

TEST_CASE("much of one shard leaves room for a frame of each other, and for no more") {
  frame_queue queue;
  allow_all(queue, 3);
  constexpr std::size_t frame = 1 << 20;
  std::size_t taken = 0;
  while (push_records(queue, {0}, frame) == pushed::taken) ++taken;
  CHECK(taken == limits::link_output_bytes_max / frame - 1);
  const auto whole = link::body_bytes_max(link::trust::proved);
  CHECK(push_records(queue, {1}, whole) == pushed::taken);
  CHECK(push_records(queue, {1}, 1) == pushed::full);
  CHECK(push_message(queue, no_shard, "m") == pushed::taken);
  CHECK(push_message(queue, no_shard, "m") == pushed::full);
  CHECK(queue.waiting_bytes() <= limits::link_output_bytes_max + 2 * limits::link_frame_bytes_max);
  CHECK(queue.take_admissible().empty());

  // Two of shard 0 leave, and the one of shard 1: its lane is empty then.
  const auto before = queue.waiting_bytes();
  while (queue.waiting_bytes() > before - 2 * frame - whole) queue.sent(queue.sendable().size());
  CHECK(queue.take_admissible() == std::vector<shard_id>{{0}, {1}, no_shard});
}

TEST_CASE("a farewell ends the stream behind the frame that was begun") {
  frame_queue queue;
  REQUIRE(push_message(queue, {0}, std::string(large, 'x')) == pushed::taken);
  REQUIRE(push_message(queue, {0}, "never") == pushed::taken);
  std::string bytes(queue.sendable());
  queue.sent(bytes.size());
  queue.push_heartbeat();
  queue.drop_waiting();
  queue.push_first(frame_type::refused, "12345678");
  bytes += drain_queue(queue);
  const auto frames = frames_of(bytes);
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].body == std::string(large, 'x'));
  CHECK(frames[1].type == frame_type::refused);

  REQUIRE(push_message(queue, {0}, std::string(large, 'x')) == pushed::taken);
  queue.sent(queue.sendable().size());
  queue.drop_all();
  CHECK(queue.empty());
  CHECK(queue.sendable().empty());
}

}  // namespace troupe::tests
