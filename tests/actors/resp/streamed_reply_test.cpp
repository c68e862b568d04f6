// Replies of which the value comes part by part, in the queue of a connection's replies.
#include <doctest/doctest.h>

#include <memory>
#include <string>

#include "actors/resp/reply_queue.hpp"

namespace troupe::tests {
namespace {

using resp::reply_queue;

constexpr std::uint64_t mib = limits::part_bytes_max;

resp::shared_bytes part(std::string bytes) {
  const auto kept = std::make_shared<const std::string>(std::move(bytes));
  return {kept, *kept};
}

std::string drain(reply_queue& queue) {
  std::string sent;
  for (auto ready = queue.sendable(); !ready.empty(); ready = queue.sendable()) {
    sent += ready;
    queue.consume(ready.size());
  }
  return sent;
}

resp::stream_source source(std::uint64_t number, std::uint64_t size) {
  return {{0}, number, size, static_cast<std::uint32_t>((size + mib - 1) / mib)};
}

/// A stream of `size` bytes in a place of its own.
resp::ticket reply_streamed(reply_queue& queue, std::uint64_t number, std::uint64_t size,
                            std::span<const resp::hold_reason> waits = {}) {
  const auto place = queue.reserve();
  CHECK(queue.fill_streamed(place, {"", {{0, source(number, size)}}}, waits));
  return place;
}

}  // namespace

TEST_CASE("a streamed reply goes out in order, header first, between those around it") {
  reply_queue queue;
  queue.output() += "+A\r\n";
  reply_streamed(queue, 1, 6);
  queue.output() += "+B\r\n";
  CHECK(drain(queue) == "+A\r\n");
  CHECK(queue.take_stream_credit().parts == 1);
  queue.add_part({0}, 1, 1, part("def"));
  CHECK(drain(queue).empty());
  queue.add_part({0}, 1, 0, part("abc"));
  CHECK(drain(queue) == "$6\r\nabcdef\r\n+B\r\n");
  CHECK(queue.empty());
  CHECK(queue.stream_count() == 0);
}

TEST_CASE("a streamed reply may be sent byte by byte") {
  reply_queue queue;
  reply_streamed(queue, 1, 4);
  CHECK(queue.take_stream_credit().parts == 1);
  queue.add_part({0}, 1, 0, part("abcd"));
  std::string sent;
  while (!queue.empty()) {
    sent += queue.sendable().front();
    queue.consume(1);
  }
  CHECK(sent == "$4\r\nabcd\r\n");
}

TEST_CASE("parts are asked for a few ahead of what was sent, never more") {
  reply_queue queue;
  reply_streamed(queue, 7, 10 * mib);
  auto credit = queue.take_stream_credit();
  CHECK(credit.source.number == 7);
  CHECK(credit.parts == limits::streamed_parts_ahead);
  CHECK(queue.take_stream_credit().parts == 0);
  for (std::uint32_t i = 0; i < 10; ++i) {
    queue.add_part({0}, 7, i, part(std::string(mib, 'x')));
    if (i == 0) queue.consume(queue.sendable().size());  // the header
    CHECK(queue.sendable().size() == mib);
    queue.consume(mib - 1);
    CHECK(queue.take_stream_credit().parts == 0);
    queue.consume(1);
    const auto left = i + 1 + limits::streamed_parts_ahead <= 10 ? 1u : 0u;
    CHECK(queue.take_stream_credit().parts == left);
  }
  CHECK(queue.sendable() == "\r\n");
  queue.consume(2);
  CHECK(queue.empty());
}

TEST_CASE("only the stream at the front asks for parts, and only when it may be seen") {
  reply_queue queue;
  const resp::hold_reason why{{0}, resp::hold_kind::read, {5}, 0};
  reply_streamed(queue, 1, 3, std::span(&why, 1));
  reply_streamed(queue, 2, 3);
  CHECK(queue.take_stream_credit().parts == 0);
  queue.advance({0}, {5});
  CHECK(queue.take_stream_credit().source.number == 1);
  queue.add_part({0}, 1, 0, part("abc"));
  CHECK(queue.take_stream_credit().parts == 0);
  CHECK(drain(queue) == "$3\r\nabc\r\n");
  CHECK(queue.take_stream_credit().source.number == 2);
}

TEST_CASE("a stream that fails before anything was sent is an error; after that it is the end") {
  reply_queue queue;
  reply_streamed(queue, 1, 2 * mib);
  reply_streamed(queue, 2, 3);
  CHECK(queue.fail_stream({0}, 1, "ERR broken"));
  CHECK(drain(queue) == "-ERR broken\r\n");
  CHECK(queue.take_stream_credit().source.number == 2);
  queue.add_part({0}, 2, 0, part("abc"));
  queue.consume(1);
  CHECK_FALSE(queue.fail_stream({0}, 2, "ERR broken"));
  CHECK(queue.fail_stream({0}, 3, "ERR of a stream that is over"));
}

TEST_CASE("several streams of one reply come one after the other, with what stands between") {
  reply_queue queue;
  const auto place = queue.reserve();
  CHECK(queue.fill_streamed(
      place, {"*4\r\n+a\r\n+b\r\n", {{4, source(1, 3)}, {8, source(2, 2)}, {8, source(3, 1)}}}));
  queue.output() += "+C\r\n";
  CHECK(drain(queue) == "*4\r\n");
  CHECK(queue.open_streams().size() == 3);
  CHECK(queue.take_stream_credit().source.number == 1);
  queue.add_part({0}, 2, 0, part("too early, and of nobody's asking"));
  queue.add_part({0}, 1, 0, part("abc"));
  CHECK(drain(queue) == "$3\r\nabc\r\n+a\r\n");
  const auto credit = queue.take_stream_credit();
  CHECK(credit.source.number == 2);
  CHECK(credit.parts == 1);
  queue.add_part({0}, 2, 0, part("de"));
  CHECK(drain(queue) == "$2\r\nde\r\n");
  CHECK(queue.take_stream_credit().source.number == 3);
  queue.add_part({0}, 3, 0, part("f"));
  CHECK(drain(queue) == "$1\r\nf\r\n+b\r\n+C\r\n");
  CHECK(queue.empty());
  CHECK(queue.buffered_bytes() == 0);
}

TEST_CASE("a stream that fails in the middle of a reply is one error among its elements") {
  reply_queue queue;
  const auto place = queue.reserve();
  CHECK(queue.fill_streamed(place, {"*3\r\n+a\r\n", {{4, source(1, 3)}, {8, source(2, 2)}}}));
  CHECK(drain(queue) == "*3\r\n");
  CHECK(queue.fail_stream({0}, 2, "ERR of the second"));
  CHECK(queue.take_stream_credit().parts == 1);
  CHECK(queue.fail_stream({0}, 1, "ERR of the first"));
  CHECK(queue.open_streams().empty());
  CHECK(drain(queue) == "-ERR of the first\r\n+a\r\n-ERR of the second\r\n");
  CHECK(queue.empty());
}

TEST_CASE("nothing of a held reply is sent, not even its error") {
  reply_queue queue;
  const resp::hold_reason why{{0}, resp::hold_kind::write, {5}, 0};
  reply_streamed(queue, 1, 3, std::span(&why, 1));
  CHECK(queue.fail_stream({0}, 1, "ERR broken"));
  CHECK(queue.sendable().empty());
  queue.advance({0}, {5});
  CHECK(drain(queue) == "-ERR broken\r\n");
}

TEST_CASE("a held stream that expires is named, so that nobody reads for it") {
  reply_queue queue;
  const resp::hold_reason why{{0}, resp::hold_kind::read, {5}, 100};
  reply_streamed(queue, 1, 3, std::span(&why, 1));
  CHECK(queue.open_streams().size() == 1);
  CHECK(queue.expire(200).reads == 1);
  const auto replaced = queue.take_replaced_streams();
  REQUIRE(replaced.size() == 1);
  CHECK(replaced[0].number == 1);
  CHECK(queue.take_replaced_streams().empty());
  CHECK(queue.open_streams().empty());
  queue.add_part({0}, 1, 0, part("abc"));
  CHECK(drain(queue) == "-TRYAGAIN key has an undecided write\r\n");
  CHECK(queue.empty());
}

TEST_CASE("a stream whose last part arrived has nothing left to be dropped") {
  reply_queue queue;
  reply_streamed(queue, 1, 3);
  CHECK(queue.buffered_bytes() > reply_queue::stream_claim_bytes);
  CHECK(queue.open_streams().size() == 1);
  queue.add_part({0}, 1, 0, part("abc"));
  CHECK(queue.open_streams().empty());
  drain(queue);
  CHECK(queue.buffered_bytes() == 0);
}

}  // namespace troupe::tests
