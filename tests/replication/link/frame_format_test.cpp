#include "replication/link/frame_format.hpp"

#include <doctest/doctest.h>

#include <array>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "tests/replication/link/frame_fixture.hpp"

namespace troupe::tests {
namespace {

using link::decode_frame_header;
using link::frame_header;
using link::frame_type;
using link::no_shard;
using link::trust;

std::string header_bytes(const frame_header& header) {
  std::string bytes(link::frame_header_bytes, '\0');
  link::encode_frame_header(header, bytes.data());
  return bytes;
}

/// The header with one byte set and its checksum made right again.
std::string with_byte(const frame_header& header, std::size_t at, std::uint8_t value) {
  auto bytes = header_bytes(header);
  store_le(bytes.data() + at, value);
  store_le(bytes.data() + 12, crc32c(std::string_view(bytes).substr(0, 12)));
  return bytes;
}

std::string why(const result<frame_header>& refused) {
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::corrupt);
  return refused.error().message;
}

}  // namespace

TEST_CASE("a frame on a link has the documented bytes") {
  const auto bytes = encoded(frame_type::records, "123456789", {7});
  REQUIRE(bytes.size() == 16 + 9);
  CHECK(load_le<std::uint32_t>(bytes.data()) == 9);
  CHECK(bytes[4] == 17);
  CHECK(bytes[5] == 0);
  CHECK(load_le<std::uint16_t>(bytes.data() + 6) == 7);
  CHECK(load_le<std::uint32_t>(bytes.data() + 8) == 0xE3069283);
  CHECK(load_le<std::uint32_t>(bytes.data() + 12) == crc32c(std::string_view(bytes).substr(0, 12)));
  CHECK(bytes.substr(16) == "123456789");
}

TEST_CASE("a header reads back as it was written, for every type") {
  constexpr std::array types = {frame_type::hello,   frame_type::challenge, frame_type::proof,
                                frame_type::welcome, frame_type::refused,   frame_type::heartbeat,
                                frame_type::message, frame_type::records,   frame_type::console};
  for (const auto type : types) {
    const auto shard = type == frame_type::records ? shard_id{255} : no_shard;
    const std::uint32_t size = type == frame_type::heartbeat ? 0 : 80;
    const auto read = decode_frame_header(header_bytes({type, shard, size, 99}), trust::proved);
    REQUIRE(read);
    CHECK(read->type == type);
    CHECK(read->shard == shard);
    CHECK(read->body_bytes == size);
    CHECK(read->body_crc == 99);
  }
}

TEST_CASE("every changed bit of a frame is noticed") {
  const auto whole = encoded(frame_type::message, "some message", {3});
  for (std::size_t bit = 0; bit < 8 * whole.size(); ++bit) {
    auto bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto header = decode_frame_header(bytes, trust::proved);
    if (bit < 8 * link::frame_header_bytes) {
      CHECK(why(header) == "frame: the header's checksum does not match");
    } else {
      REQUIRE(header);
      const auto checked = check_body(*header, std::string_view(bytes).substr(16));
      REQUIRE_FALSE(checked);
      CHECK(checked.error().message == "frame: the body's checksum does not match");
    }
  }
}

TEST_CASE("what an intact header must not say is refused by name") {
  const frame_header message{frame_type::message, {3}, 8, 0};
  CHECK(why(decode_frame_header(with_byte(message, 5, 1), trust::proved)) ==
        "frame: flags are not zero");
  CHECK(why(decode_frame_header(with_byte(message, 4, 0), trust::proved)) ==
        "frame: unknown type 0");
  CHECK(why(decode_frame_header(with_byte(message, 4, 15), trust::proved)) ==
        "frame: unknown type 15");
  CHECK(why(decode_frame_header(with_byte(message, 4, 255), trust::proved)) ==
        "frame: unknown type 255");
  // 4 MiB and 64 KiB are the most; the highest byte of the length makes it 16 MiB and 8.
  CHECK(why(decode_frame_header(with_byte(message, 3, 1), trust::proved)) ==
        "frame: message of 16777224 bytes, at most 4259840");
  CHECK(why(decode_frame_header(header_bytes({frame_type::heartbeat, no_shard, 1, 0}),
                                trust::proved)) == "frame: heartbeat of 1 bytes, at most 0");
}

TEST_CASE("the longest body is the largest message, before the proof a small frame") {
  const auto most = static_cast<std::uint32_t>(limits::frame_bytes_max + 64 * 1024);
  CHECK(decode_frame_header(header_bytes({frame_type::records, {0}, most, 0}), trust::proved));
  CHECK_FALSE(
      decode_frame_header(header_bytes({frame_type::records, {0}, most + 1, 0}), trust::proved));
  const auto few = static_cast<std::uint32_t>(limits::link_hello_bytes_max - 16);
  CHECK(decode_frame_header(header_bytes({frame_type::hello, no_shard, few, 0}), trust::unproved));
  CHECK(why(decode_frame_header(header_bytes({frame_type::hello, no_shard, few + 1, 0}),
                                trust::unproved)) == "frame: hello of 4081 bytes, at most 4080");
}

TEST_CASE("an unproved peer may send nothing but the handshake") {
  for (const auto type : {frame_type::heartbeat, frame_type::message, frame_type::console}) {
    const auto bytes = header_bytes({type, no_shard, 0, 0});
    CHECK(decode_frame_header(bytes, trust::proved));
    CHECK(why(decode_frame_header(bytes, trust::unproved)) ==
          "frame: " + std::string(to_string(type)) + " before the proof");
  }
}

TEST_CASE("records name a shard, the handshake none, and no shard is above the largest") {
  const auto read = [](frame_type type, shard_id shard) {
    return decode_frame_header(header_bytes({type, shard, 0, 0}), trust::proved);
  };
  CHECK(why(read(frame_type::records, no_shard)) == "frame: records names shard 65535");
  CHECK(why(read(frame_type::records, {256})) == "frame: records names shard 256");
  CHECK(why(read(frame_type::hello, {0})) == "frame: hello names shard 0");
  CHECK(why(read(frame_type::console, {0})) == "frame: console names shard 0");
  CHECK(why(read(frame_type::message, {256})) == "frame: message names shard 256");
  CHECK(read(frame_type::message, no_shard));
  CHECK(read(frame_type::message, {255}));
}

}  // namespace troupe::tests
