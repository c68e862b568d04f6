#include "replication/link/frame_format.hpp"

#include <fmt/format.h>

#include <utility>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::link {
namespace {

constexpr std::size_t at_body_bytes = 0;
constexpr std::size_t at_type = 4;
constexpr std::size_t at_flags = 5;
constexpr std::size_t at_shard = 6;
constexpr std::size_t at_body_crc = 8;
constexpr std::size_t at_header_crc = 12;
static_assert(at_header_crc + sizeof(std::uint32_t) == frame_header_bytes);

failure damaged(std::string why) { return {errc::corrupt, "frame: " + std::move(why)}; }

std::uint32_t header_crc(const char* header) noexcept { return crc32c({header, at_header_crc}); }

bool is_known(frame_type type) noexcept { return !to_string(type).empty(); }

bool is_before_the_proof(frame_type type) noexcept { return type <= frame_type::refused; }

}  // namespace

std::string_view to_string(frame_type type) noexcept {
  switch (type) {
    case frame_type::hello: return "hello";
    case frame_type::challenge: return "challenge";
    case frame_type::proof: return "proof";
    case frame_type::welcome: return "welcome";
    case frame_type::refused: return "refused";
    case frame_type::heartbeat: return "heartbeat";
    case frame_type::message: return "message";
    case frame_type::records: return "records";
    case frame_type::console: return "console";
  }
  return {};
}

bool may_name(frame_type type, shard_id shard) noexcept {
  const bool is_real = shard.value < limits::shards_max;
  if (type == frame_type::records) return is_real;
  if (type == frame_type::message) return is_real || shard == no_shard;
  return shard == no_shard;
}

void encode_frame_header(const frame_header& header, char* to) noexcept {
  store_le(to + at_body_bytes, header.body_bytes);
  store_le(to + at_type, static_cast<std::uint8_t>(header.type));
  store_le(to + at_flags, std::uint8_t{0});
  store_le(to + at_shard, static_cast<std::uint16_t>(header.shard.value));
  store_le(to + at_body_crc, header.body_crc);
  store_le(to + at_header_crc, header_crc(to));
}

result<frame_header> decode_frame_header(std::string_view bytes, trust from) {
  ENSURE(bytes.size() >= frame_header_bytes);
  const char* at = bytes.data();
  if (load_le<std::uint32_t>(at + at_header_crc) != header_crc(at)) {
    return damaged("the header's checksum does not match");
  }
  if (load_le<std::uint8_t>(at + at_flags) != 0) return damaged("flags are not zero");
  frame_header header;
  header.type = static_cast<frame_type>(load_le<std::uint8_t>(at + at_type));
  header.shard = {load_le<std::uint16_t>(at + at_shard)};
  header.body_bytes = load_le<std::uint32_t>(at + at_body_bytes);
  header.body_crc = load_le<std::uint32_t>(at + at_body_crc);
  if (!is_known(header.type)) {
    return damaged(fmt::format("unknown type {}", static_cast<unsigned>(header.type)));
  }
  if (from == trust::unproved && !is_before_the_proof(header.type)) {
    return damaged(fmt::format("{} before the proof", to_string(header.type)));
  }
  if (!may_name(header.type, header.shard)) {
    return damaged(fmt::format("{} names shard {}", to_string(header.type), header.shard.value));
  }
  const auto most = header.type == frame_type::heartbeat ? 0 : body_bytes_max(from);
  if (header.body_bytes > most) {
    return damaged(
        fmt::format("{} of {} bytes, at most {}", to_string(header.type), header.body_bytes, most));
  }
  return header;
}

result<void> check_body(const frame_header& header, std::string_view body) {
  if (body.size() != header.body_bytes || crc32c(body) != header.body_crc) {
    return damaged("the body's checksum does not match");
  }
  return {};
}

frame_header header_of(frame_type type, shard_id shard, std::string_view body) noexcept {
  return {type, shard, static_cast<std::uint32_t>(body.size()), crc32c(body)};
}

void append_frame(std::string& to, frame_type type, shard_id shard, std::string_view body) {
  ENSURE(body.size() <= body_bytes_max(trust::proved) && may_name(type, shard));
  char header[frame_header_bytes];
  encode_frame_header(header_of(type, shard, body), header);
  to.append(header, sizeof header);
  to.append(body);
}

}  // namespace troupe::link
