#include "storage/log/frame_format.hpp"

#include <cstring>
#include <string>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/base/limits.hpp"

namespace troupe::log {
namespace {

constexpr std::size_t at_magic = 0;
constexpr std::size_t at_crc = 4;
constexpr std::size_t at_use = 8;
constexpr std::size_t at_number = 16;
constexpr std::size_t at_offset = 24;
constexpr std::size_t at_payload_length = 32;
constexpr std::size_t at_payload_crc = 36;
constexpr std::size_t at_first = 40;
constexpr std::size_t at_last = 48;
constexpr std::size_t at_epoch = 56;
constexpr std::size_t at_history = 64;
constexpr std::size_t at_time = 72;
constexpr std::size_t at_previous = 80;
constexpr std::size_t at_count = 84;
constexpr std::size_t at_reserved = 88;
static_assert(at_reserved + sizeof(std::uint64_t) == frame_header_bytes);

failure damaged(const char* why) { return {errc::corrupt, std::string("frame header: ") + why}; }

// The checksum covers the whole header with its own field taken as zero.
std::uint32_t header_crc(const char* header) noexcept {
  constexpr char zeros[4] = {};
  const std::uint32_t magic = crc32c({header, at_crc});
  const std::uint32_t with_zeros = crc32c({zeros, sizeof zeros}, magic);
  return crc32c({header + at_use, frame_header_bytes - at_use}, with_zeros);
}

}  // namespace

std::uint32_t encode_frame_header(const frame_header& header, char* to) noexcept {
  std::memset(to, 0, frame_header_bytes);
  store_le(to + at_magic, frame_magic);
  store_le(to + at_use, header.use.value);
  store_le(to + at_number, header.number);
  store_le(to + at_offset, header.offset);
  store_le(to + at_payload_length, header.payload_length);
  store_le(to + at_payload_crc, header.payload_crc);
  store_le(to + at_first, header.first.value);
  store_le(to + at_last, header.last.value);
  store_le(to + at_epoch, header.epoch.value);
  store_le(to + at_history, header.history.value);
  store_le(to + at_time, header.time_ms);
  store_le(to + at_previous, header.previous_header);
  store_le(to + at_count, header.record_count);
  const std::uint32_t crc = header_crc(to);
  store_le(to + at_crc, crc);
  return crc;
}

result<checked_header> decode_frame_header(std::string_view bytes, const frame_place& place) {
  if (bytes.size() < frame_header_bytes) return damaged("cut short");
  const char* from = bytes.data();
  if (!looks_like_frame(bytes)) return damaged("no frame begins here");
  const auto crc = load_le<std::uint32_t>(from + at_crc);
  if (header_crc(from) != crc) return damaged("checksum does not match");
  frame_header header;
  header.use = {load_le<std::uint64_t>(from + at_use)};
  header.number = load_le<std::uint64_t>(from + at_number);
  header.offset = load_le<std::uint64_t>(from + at_offset);
  header.payload_length = load_le<std::uint32_t>(from + at_payload_length);
  header.payload_crc = load_le<std::uint32_t>(from + at_payload_crc);
  header.first = {load_le<std::uint64_t>(from + at_first)};
  header.last = {load_le<std::uint64_t>(from + at_last)};
  header.epoch = {load_le<std::uint64_t>(from + at_epoch)};
  header.history = {load_le<std::uint64_t>(from + at_history)};
  header.time_ms = load_le<std::int64_t>(from + at_time);
  header.previous_header = load_le<std::uint32_t>(from + at_previous);
  header.record_count = load_le<std::uint32_t>(from + at_count);
  if (header.use != place.use) return damaged("of another use of the file");
  if (header.offset != place.offset) return damaged("names another offset");
  if (load_le<std::uint64_t>(from + at_reserved) != 0)
    return damaged("reserved bytes are not zero");
  if (header.payload_length == 0 ||
      header.payload_length > limits::frame_bytes_max - frame_header_bytes) {
    return damaged("impossible payload length");
  }
  if (place.offset + frame_header_bytes + header.payload_length > place.segment_bytes) {
    return damaged("payload beyond the segment's end");
  }
  if (header.record_count == 0 || header.first.value == 0 || header.last < header.first ||
      header.last.value - header.first.value < header.record_count - 1u) {
    return damaged("impossible LSN range");
  }
  return checked_header{header, crc};
}

bool looks_like_frame(std::string_view bytes) noexcept {
  return bytes.size() >= sizeof frame_magic &&
         load_le<std::uint32_t>(bytes.data() + at_magic) == frame_magic;
}

std::uint64_t frame_bytes(std::uint64_t payload_bytes, std::uint32_t alignment) noexcept {
  return align_up(frame_header_bytes + payload_bytes, alignment);
}

}  // namespace troupe::log
