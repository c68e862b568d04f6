// The reply queue, behaviour by behaviour; the property test beside it compares it with a model.
#include "actors/resp/reply_queue.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::tests {
namespace {

using resp::hold_kind;
using resp::hold_reason;
using resp::reply_queue;

hold_reason on(std::uint32_t shard, std::uint64_t sequence, hold_kind kind = hold_kind::write,
               std::uint64_t since_us = 0) {
  return {.shard = {shard}, .kind = kind, .sequence = {sequence}, .since_us = since_us};
}

void reply(reply_queue& queue, std::string_view bytes) { queue.output() += bytes; }

void reply_held(reply_queue& queue, std::string_view bytes, const hold_reason& why) {
  const std::size_t from = queue.mark();
  queue.output() += bytes;
  queue.hold(from, why);
}

/// Sends all that may be sent.
std::string drain(reply_queue& queue) {
  std::string sent;
  for (;;) {
    const std::string_view ready = queue.sendable();
    if (ready.empty()) return sent;
    sent += ready;
    queue.consume(ready.size());
  }
}

}  // namespace

TEST_CASE("replies that wait for nothing are sendable at once") {
  reply_queue queue;
  CHECK(queue.empty());
  reply(queue, "+A\r\n");
  reply(queue, "+B\r\n");
  CHECK(queue.sendable() == "+A\r\n+B\r\n");
  queue.consume(5);
  CHECK(queue.sendable() == "B\r\n");
  CHECK(drain(queue) == "B\r\n");
  CHECK(queue.empty());
}

TEST_CASE("a held reply and all behind it wait for the watermark of its shard") {
  reply_queue queue;
  reply(queue, "+A\r\n");
  reply_held(queue, "+B\r\n", on(1, 7));
  reply(queue, "+C\r\n");
  CHECK(queue.held_bytes() == 8);
  CHECK(drain(queue) == "+A\r\n");
  queue.advance({0}, {100});
  queue.advance({1}, {6});
  CHECK(drain(queue).empty());
  queue.advance({1}, {7});
  CHECK(queue.held_count() == 0);
  CHECK(drain(queue) == "+B\r\n+C\r\n");
}

TEST_CASE("one advance releases a whole round, in order over shards") {
  reply_queue queue;
  for (std::uint64_t i = 1; i <= 64; ++i) reply_held(queue, "+OK\r\n", on(i % 2, i));
  queue.advance({0}, {64});
  CHECK(drain(queue).empty());
  queue.advance({1}, {10});
  CHECK(drain(queue).size() == 10 * 5);
  queue.advance({1}, {64});
  CHECK(drain(queue).size() == 54 * 5);
  CHECK(queue.empty());
}

TEST_CASE("what is durable already is not held") {
  reply_queue queue;
  queue.advance({0}, {9});
  reply_held(queue, "+A\r\n", on(0, 9));
  CHECK(queue.held_count() == 0);
  CHECK(drain(queue) == "+A\r\n");
  queue.advance({0}, {3});
  reply_held(queue, "+B\r\n", on(0, 9));
  CHECK(drain(queue) == "+B\r\n");
}

TEST_CASE("a reply held by several shards waits for all of them") {
  reply_queue queue;
  const std::size_t from = queue.mark();
  reply(queue, "+OK\r\n");
  queue.hold(from, on(0, 5));
  queue.hold(from, on(3, 8));
  queue.advance({3}, {8});
  CHECK(drain(queue).empty());
  queue.advance({0}, {5});
  CHECK(drain(queue) == "+OK\r\n");
}

TEST_CASE("a reserved place keeps later replies back until it is filled") {
  reply_queue queue;
  reply(queue, "+A\r\n");
  const resp::ticket first = queue.reserve();
  const resp::ticket second = queue.reserve();
  reply(queue, "+D\r\n");
  CHECK(drain(queue) == "+A\r\n");
  CHECK(queue.fill(second, "+C\r\n"));
  CHECK(drain(queue).empty());
  CHECK(queue.reserved_count() == 1);
  CHECK(queue.fill(first, "+B\r\n"));
  CHECK(queue.sendable() == "+B\r\n+C\r\n+D\r\n");
  CHECK(drain(queue) == "+B\r\n+C\r\n+D\r\n");
  CHECK(queue.empty());
}

TEST_CASE("a filled place may itself be held") {
  reply_queue queue;
  const resp::ticket place = queue.reserve();
  const std::array waits = {on(0, 2), on(1, 3)};
  CHECK(queue.fill(place, "+A\r\n", waits));
  reply(queue, "+B\r\n");
  queue.advance({0}, {2});
  CHECK(drain(queue).empty());
  queue.advance({1}, {3});
  CHECK(drain(queue) == "+A\r\n+B\r\n");
}

TEST_CASE("a second answer for the same place is refused") {
  reply_queue queue;
  const resp::ticket place = queue.reserve();
  const resp::ticket other = queue.reserve();
  CHECK(queue.fill(place, "-TIMEOUT\r\n"));
  CHECK_FALSE(queue.fill(place, "+late\r\n"));
  CHECK(drain(queue) == "-TIMEOUT\r\n");
  CHECK_FALSE(queue.fill(place, "+later\r\n"));
  CHECK_FALSE(queue.fill({other.value + 1}, "+never asked\r\n"));
  CHECK(queue.fill(other, "+B\r\n"));
  CHECK(drain(queue) == "+B\r\n");
}

TEST_CASE("a failure replaces exactly the commands that were held above the watermark") {
  reply_queue queue;
  reply(queue, "+ready\r\n");
  reply_held(queue, "+durable\r\n", on(0, 1));
  reply_held(queue, "+lost\r\n", on(0, 2));
  reply(queue, "+between\r\n");
  reply_held(queue, "+other shard\r\n", on(1, 2));
  reply_held(queue, "+lost too\r\n", on(0, 3));
  const resp::ticket place = queue.reserve();
  reply_held(queue, "+lost behind\r\n", on(0, 4));
  CHECK(queue.fail_held({0}, {1}, "ERR disk\r\nfailed") == 3);
  CHECK(queue.fill(place, "+place\r\n"));
  CHECK(queue.held_count() == 2);
  queue.advance({1}, {2});
  queue.advance({0}, {1});
  CHECK(drain(queue) ==
        "+ready\r\n+durable\r\n-ERR disk  failed\r\n+between\r\n+other shard\r\n"
        "-ERR disk  failed\r\n+place\r\n-ERR disk  failed\r\n");
  CHECK(queue.empty());
}

TEST_CASE("a command over two shards fails as one when either fails") {
  reply_queue queue;
  const std::size_t from = queue.mark();
  reply(queue, "*2\r\n:1\r\n:2\r\n");
  queue.hold(from, on(0, 5));
  queue.hold(from, on(1, 5));
  queue.advance({0}, {5});
  CHECK(queue.fail_held({1}, {4}, "ERR gone") == 1);
  CHECK(drain(queue) == "-ERR gone\r\n");
  CHECK(queue.held_count() == 0);
}

TEST_CASE("a failure in the middle of a half-sent buffer keeps what was not sent") {
  reply_queue queue;
  reply(queue, "+A\r\n");
  reply_held(queue, "+B\r\n", on(0, 1));
  CHECK(queue.sendable() == "+A\r\n");
  queue.consume(2);
  CHECK(queue.fail_held({0}, {0}, "ERR x") == 1);
  CHECK(drain(queue) == "\r\n-ERR x\r\n");
}

TEST_CASE("late commands are answered: writes with their LSN, reads to be tried again") {
  reply_queue queue;
  reply_held(queue, "+old write\r\n", on(2, 11, hold_kind::write, 100));
  reply_held(queue, "+old read\r\n", on(0, 5, hold_kind::read, 150));
  reply_held(queue, "+young\r\n", on(0, 6, hold_kind::write, 200));
  CHECK(queue.oldest_hold_us() == 100);
  CHECK(queue.expire(100).total() == 0);
  const auto late = queue.expire(200);
  CHECK(late.writes == 1);
  CHECK(late.reads == 1);
  CHECK(queue.oldest_hold_us() == 200);
  CHECK(drain(queue) ==
        "-TIMEOUT outcome unknown: the write was not durable in time and may still become so "
        "(shard 2 LSN 11)\r\n-TRYAGAIN key has an undecided write\r\n");
  queue.advance({0}, {6});
  CHECK(drain(queue) == "+young\r\n");
  CHECK(queue.oldest_hold_us() == UINT64_MAX);
}

TEST_CASE("an empty queue gives its memory back, one that owes a reply keeps it") {
  reply_queue queue;
  queue.output() += std::string(10'000, 'x');
  CHECK(queue.memory_bytes() >= 10'000);
  queue.release_memory();
  CHECK(drain(queue).size() == 10'000);
  CHECK(queue.memory_bytes() >= 10'000);
  const auto place = queue.reserve();
  queue.output() += "+behind\r\n";
  queue.release_memory();
  CHECK(queue.fill(place, "+first\r\n"));
  CHECK(drain(queue) == "+first\r\n+behind\r\n");
  queue.release_memory();
  CHECK(queue.memory_bytes() < 100);
  // Places go on from where they were.
  CHECK_FALSE(queue.fill(place, "+again\r\n"));
  CHECK(queue.fill(queue.reserve(), "+next\r\n"));
  CHECK(drain(queue) == "+next\r\n");
}

TEST_CASE("a command whose record is durable does not expire behind one that waits") {
  reply_queue queue;
  reply_held(queue, "+waits\r\n", on(0, 1, hold_kind::read, 10));
  reply_held(queue, "+known\r\n", on(1, 1, hold_kind::write, 10));
  queue.advance({1}, {1});
  CHECK(queue.expire(1000).total() == 1);
  CHECK(drain(queue) == "-TRYAGAIN key has an undecided write\r\n+known\r\n");
}

TEST_CASE("many short replies from elsewhere are sent as one piece, large ones on their own") {
  reply_queue queue;
  std::vector<resp::ticket> places;
  for (int i = 0; i < 64; ++i) places.push_back(queue.reserve());
  const resp::ticket large = queue.reserve();
  for (const resp::ticket place : places) CHECK(queue.fill(place, "+OK\r\n"));
  CHECK(queue.fill(large, std::string(1 << 20, 'x')));
  CHECK(queue.sendable().size() == 64 * 5);
  queue.consume(64 * 5);
  CHECK(queue.sendable().size() == 1 << 20);
}

TEST_CASE("an output that never runs empty does not grow") {
  reply_queue queue;
  std::uint64_t sequence = 0;
  const std::string value(1000, 'v');
  reply_held(queue, value, on(0, ++sequence));
  for (int round = 0; round < 20'000; ++round) {
    reply_held(queue, value, on(0, ++sequence));
    queue.advance({0}, {sequence - 1});
    const std::size_t size = queue.sendable().size();
    REQUIRE(size == value.size());
    queue.consume(size);
  }
  CHECK(queue.held_count() == 1);
  CHECK(queue.output().capacity() < 1 << 20);
}

TEST_CASE("a large output is given back once it is sent") {
  reply_queue queue;
  reply(queue, std::string(10 << 20, 'x'));
  CHECK(drain(queue).size() == 10 << 20);
  CHECK(queue.output().capacity() <= 64 * 1024);
}

}  // namespace troupe::tests
