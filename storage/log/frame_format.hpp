// One commit frame: header, records, zeros up to the alignment. One frame = one write to the disk.
//
// Place: storage/log; pure functions, any thread. Layout: storage/FORMAT.md, "Frame".
// Invariants:
//  I1. A header names the use of the segment, its own offset and number, so that a header of an
//      earlier use, or a copy of one that a client stored as a value, is never taken for a frame.
//  I2. A header carries the header checksum of the frame before it, across segments, so that a
//      frame missing between two segments is noticed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"

namespace troupe::log {

inline constexpr std::size_t frame_header_bytes = 96;
inline constexpr std::uint32_t frame_magic = 0x31465254;  // "TRF1"

/// Everything a frame header says, but for its own checksum.
struct frame_header {
  use_id use{};
  std::uint64_t number = 0;  ///< within the use, from 0
  std::uint64_t offset = 0;  ///< of the frame in the file
  std::uint32_t payload_length = 0;
  std::uint32_t payload_crc = 0;
  lsn first{};
  lsn last{};
  epoch_number epoch{};
  history_id history{};
  std::int64_t time_ms = 0;           ///< the leader's clock; never goes back within a shard
  std::uint32_t previous_header = 0;  ///< checksum of the previous frame's header; 0 = first ever
  std::uint32_t record_count = 0;
};

/// A header read from bytes that passed every check, and its own checksum (the next frame's
/// previous_header).
struct checked_header {
  frame_header header;
  std::uint32_t crc = 0;
};

/// Writes the header to frame_header_bytes bytes at `to`; returns its checksum.
std::uint32_t encode_frame_header(const frame_header& header, char* to) noexcept;

/// Where a frame is expected to stand.
struct frame_place {
  use_id use;
  std::uint64_t offset;
  std::uint64_t segment_bytes;
};

/// The frame header at the start of `bytes`, if it is intact, belongs to this place and its payload
/// would end inside the segment; errc::corrupt with the reason otherwise. Says nothing about the
/// payload.
[[nodiscard]] result<checked_header> decode_frame_header(std::string_view bytes,
                                                         const frame_place& place);

/// True if bytes begin like a frame: a cheap test before decode_frame_header in a scan.
[[nodiscard]] bool looks_like_frame(std::string_view bytes) noexcept;

/// Bytes on disk of a frame with such a payload.
[[nodiscard]] std::uint64_t frame_bytes(std::uint64_t payload_bytes,
                                        std::uint32_t alignment) noexcept;

}  // namespace troupe::log
