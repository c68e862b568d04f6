// The plain structs that the pieces of the log hand to each other.
//
// Place: storage/log; values, any thread.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/ids.hpp"

namespace troupe::log {

/// Where a record stands. `segment` is the ordinal of a segment in this opening of the log: dense,
/// ascending in log order, never reused while the process lives. `offset` counts from the file's
/// start.
struct position {
  std::uint32_t segment = 0;
  std::uint32_t offset = 0;

  friend constexpr auto operator<=>(const position&, const position&) = default;
};

/// A segment ready to be written, or one that is listed: its name on disk and in this opening.
struct prepared_segment {
  use_id use{};
  std::uint32_t ordinal = 0;

  friend constexpr bool operator==(const prepared_segment&, const prepared_segment&) = default;
};

/// The geometry that the tail lays frames out by.
struct log_geometry {
  shard_id shard{};
  std::uint64_t segment_bytes = 0;  ///< a multiple of alignment
  std::uint32_t alignment = 512;    ///< of frames
};

/// Where and as whom writing goes on: made by recovery, given to log_tail.
struct log_start {
  log_geometry geometry{};
  lsn next{1};  ///< of the first record to be written
  epoch_number epoch{};
  history_id history{};
  node_id node{};                 ///< the leader of this epoch: this node
  std::int64_t last_time_ms = 0;  ///< of the newest frame; the shard's clock never goes below
};

/// A closed frame on its way to the disk. Its place is decided; what the header needs beside is
/// added by log_writer. `Bytes` holds or borrows the payload.
template <class Bytes>
struct basic_frame {
  use_id use{};
  std::uint32_t segment = 0;  ///< ordinal
  std::uint64_t offset = 0;
  std::uint64_t number = 0;
  lsn first{};
  lsn last{};
  /// What counts for good once this frame is durable: `last`, or, if the frame ends inside a batch,
  /// the LSN before that batch, because a crash would still undo the batch.
  lsn settled{};
  epoch_number epoch{};
  history_id history{};
  std::int64_t time_ms = 0;
  std::uint32_t record_count = 0;
  Bytes payload{};
};

struct frame : basic_frame<std::string> {};
/// A frame whose payload belongs to somebody else.
struct frame_view : basic_frame<std::string_view> {};

[[nodiscard]] inline frame_view view_of(const frame& whole) noexcept {
  return {{whole.use, whole.segment, whole.offset, whole.number, whole.first, whole.last,
           whole.settled, whole.epoch, whole.history, whole.time_ms, whole.record_count,
           whole.payload}};
}

}  // namespace troupe::log
