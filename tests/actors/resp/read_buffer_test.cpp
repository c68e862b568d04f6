// The read buffer: bytes stay in order, memory follows what was received, never what was announced.
#include "actors/resp/read_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

namespace troupe::tests {
namespace {

using resp::read_buffer;

/// Receives at most `bytes` into one room; returns how many fitted.
std::size_t receive(read_buffer& buffer, std::string_view bytes, std::size_t missing = 1) {
  const auto room = buffer.room(missing);
  const std::size_t size = std::min(room.size(), bytes.size());
  std::memcpy(room.data(), bytes.data(), size);
  buffer.received(size);
  return size;
}

std::string_view unread(read_buffer& buffer) {
  const auto bytes = buffer.unread();
  return {bytes.data(), bytes.size()};
}

}  // namespace

TEST_CASE("a connection that sent nothing holds no memory") {
  read_buffer buffer(1 << 20);
  CHECK(buffer.capacity() == 0);
  CHECK(buffer.unread().empty());
  CHECK(buffer.room(1).size() == read_buffer::base_bytes);
}

TEST_CASE("received bytes come out in order while commands are consumed") {
  read_buffer buffer(1 << 20);
  std::string expected;
  std::size_t sent = 0;
  for (std::size_t round = 0; round < 2000; ++round) {
    const std::string piece(1 + round * 37 % 900, static_cast<char>('a' + round % 26));
    REQUIRE(receive(buffer, piece) == piece.size());
    expected += piece;
    // Keep a partial command behind, as pipelines do.
    const std::size_t take = buffer.unread().size() * (round % 10) / 10;
    REQUIRE(unread(buffer).substr(0, take) == std::string_view(expected).substr(sent, take));
    buffer.consume(take);
    sent += take;
  }
  CHECK(unread(buffer) == std::string_view(expected).substr(sent));
}

TEST_CASE("small commands never grow the block") {
  read_buffer buffer(1 << 20);
  for (int round = 0; round < 1000; ++round) {
    REQUIRE(receive(buffer, std::string(4000, 'x')) == 4000);
    buffer.consume(3900);
    if (buffer.unread().size() > 8000) buffer.consume(8000);
    REQUIRE(buffer.capacity() == read_buffer::base_bytes);
  }
}

TEST_CASE("an announced bulk gets room as its bytes arrive, then exactly its size") {
  read_buffer buffer(64 << 20);
  const std::size_t total = 10'000'000;
  std::size_t received = 0;
  while (received < total) {
    const std::size_t left = total - received;
    received += receive(buffer, std::string(std::min<std::size_t>(left, 50'000), 'v'), left);
    REQUIRE(buffer.capacity() <= std::max(read_buffer::large_bytes, 2 * received));
  }
  CHECK(buffer.capacity() <= total + read_buffer::base_bytes);
  buffer.consume(total);
  CHECK(buffer.capacity() == 0);
}

TEST_CASE("a small rest behind a large command moves back to a small block") {
  read_buffer buffer(64 << 20);
  const std::string large(100'000, 'v');
  std::size_t at = 0;
  while (at < large.size()) {
    at += receive(buffer, std::string_view(large).substr(at), large.size() - at);
  }
  REQUIRE(receive(buffer, "rest") == 4);
  buffer.consume(large.size());
  REQUIRE(receive(buffer, "more") == 4);
  CHECK(unread(buffer) == "restmore");
  CHECK(buffer.capacity() == read_buffer::base_bytes);
}

TEST_CASE("a full buffer offers no room until something is consumed") {
  read_buffer buffer(20'000);
  std::size_t received = 0;
  while (const std::size_t size = receive(buffer, std::string(3000, 'x'), 1 << 20)) {
    received += size;
  }
  CHECK(received == 20'000);
  CHECK(buffer.capacity() <= 20'000);
  CHECK(buffer.room(1).empty());
  buffer.consume(1);
  CHECK(buffer.room(1).size() == 1);
}

TEST_CASE("an idle connection gives its block back, a waiting one keeps it") {
  read_buffer buffer(1 << 20);
  REQUIRE(receive(buffer, "*1") == 2);
  buffer.release();
  CHECK(unread(buffer) == "*1");
  buffer.consume(2);
  buffer.release();
  CHECK(buffer.capacity() == 0);
}

}  // namespace troupe::tests
