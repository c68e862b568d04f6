#include "replication/link/frame_reader.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstring>

#include "storage/base/coding.hpp"
#include "tests/replication/link/frame_fixture.hpp"

namespace troupe::tests {
namespace {

using link::frame_reader;
using link::frame_type;

/// What a reader made of a stream.
struct read_stream {
  std::vector<frame_copy> frames;
  std::string fault;
  std::size_t memory_max = 0;
};

void read_all(frame_reader& reader, std::string_view bytes, std::size_t piece, read_stream& to) {
  while (!bytes.empty()) {
    const auto room = reader.room();
    to.memory_max = std::max(to.memory_max, reader.memory_bytes());
    if (room.empty()) return;
    const auto size = std::min({room.size(), bytes.size(), piece});
    std::memcpy(room.data(), bytes.data(), size);
    reader.received(size);
    bytes.remove_prefix(size);
    for (;;) {
      const auto frame = reader.next();
      if (!frame) {
        to.fault = frame.error().message;
        break;
      }
      if (!*frame) break;
      to.frames.push_back({(*frame)->type, (*frame)->shard, std::string((*frame)->body)});
    }
  }
}

frame_reader proved_reader() {
  frame_reader reader;
  reader.set_proved();
  return reader;
}

std::string some_frames() {
  return encoded(frame_type::message, "first", {1}) + encoded(frame_type::heartbeat, "") +
         encoded(frame_type::records, std::string(300, 'r'), {2}) +
         encoded(frame_type::message, "") + encoded(frame_type::message, "last", {1});
}

}  // namespace

TEST_CASE("frames come out the same however their bytes were cut") {
  const auto bytes = some_frames();
  const auto expected = frames_of(bytes);
  REQUIRE(expected.size() == 5);
  for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
    auto reader = proved_reader();
    read_stream read;
    read_all(reader, bytes, piece, read);
    REQUIRE(read.frames == expected);
    REQUIRE(read.fault.empty());
  }
  for (std::size_t cut = 0; cut <= bytes.size(); ++cut) {
    auto reader = proved_reader();
    read_stream read;
    read_all(reader, std::string_view(bytes).substr(0, cut), SIZE_MAX, read);
    read_all(reader, std::string_view(bytes).substr(cut), SIZE_MAX, read);
    REQUIRE(read.frames == expected);
  }
}

TEST_CASE("small frames never cost more than the block of a proved peer") {
  auto reader = proved_reader();
  std::string bytes;
  for (int i = 0; i < 200; ++i) bytes += encoded(frame_type::message, std::string(2'700, 'm'));
  for (const std::size_t piece : {1'000ul, 65'536ul, 999'999ul}) {
    read_stream read;
    read_all(reader, bytes, piece, read);
    CHECK(read.frames.size() == 200);
    CHECK(read.memory_max == limits::link_read_bytes);
  }
}

TEST_CASE("a large frame has a block of exactly its size, given back when it was read") {
  auto reader = proved_reader();
  const std::string body(link::body_bytes_max(link::trust::proved), 'b');
  const auto bytes = encoded(frame_type::records, body, {0}) + some_frames();
  read_stream read;
  read_all(reader, bytes, 50'000, read);
  CHECK(read.frames.size() == 6);
  CHECK(read.frames.front().body == body);
  CHECK(read.memory_max == limits::link_frame_bytes_max);
  CHECK(reader.memory_bytes() == limits::link_read_bytes);
  static_cast<void>(reader.next());
  CHECK(reader.room().size() == limits::link_read_bytes);
}

TEST_CASE("of an unproved peer no more is held than one small frame") {
  const auto hello = encoded(frame_type::hello, std::string(4080, 'h'));
  REQUIRE(hello.size() == limits::link_hello_bytes_max);
  for (const std::size_t piece : {1ul, 100ul, 100'000ul}) {
    frame_reader reader;
    CHECK(reader.memory_bytes() == 0);
    read_stream read;
    read_all(reader, hello + hello + hello, piece, read);
    CHECK(read.frames.size() == 3);
    CHECK(read.memory_max == limits::link_hello_bytes_max);
  }
}

TEST_CASE("an announced length that is too large costs nothing and is refused at its header") {
  std::string header(link::frame_header_bytes, '\0');
  link::encode_frame_header({frame_type::records, {0}, 0xffffffff, 0}, header.data());
  auto reader = proved_reader();
  read_stream read;
  read_all(reader, header, SIZE_MAX, read);
  CHECK(read.fault == "frame: records of 4294967295 bytes, at most 4259840");
  CHECK(read.memory_max == limits::link_read_bytes);
}

TEST_CASE("frames in front of a fault come out, nothing behind it does") {
  auto bytes = some_frames();
  const auto good = bytes.size();
  bytes += encoded(frame_type::message, "damaged") + some_frames();
  bytes[good + 20] = static_cast<char>(bytes[good + 20] ^ 1);
  for (const std::size_t piece : {1ul, 10ul, 100'000ul}) {
    auto reader = proved_reader();
    read_stream read;
    read_all(reader, bytes, piece, read);
    CHECK(read.frames.size() == 5);
    CHECK(read.fault == "frame: the body's checksum does not match");
    CHECK(reader.room().empty());
    const auto again = reader.next();
    REQUIRE_FALSE(again);
    CHECK(again.error().message == read.fault);
  }
}

TEST_CASE("frames that were received together with the last of the handshake are a member's") {
  frame_reader reader;
  const auto bytes = encoded(frame_type::welcome, "w") + encoded(frame_type::message, "m", {0});
  std::memcpy(reader.room().data(), bytes.data(), bytes.size());
  reader.received(bytes.size());
  auto first = reader.next();
  REQUIRE(first);
  REQUIRE(*first);
  CHECK((*first)->type == frame_type::welcome);
  reader.set_proved();
  auto second = reader.next();
  REQUIRE(second);
  REQUIRE(*second);
  CHECK((*second)->body == "m");
}

}  // namespace troupe::tests
