// The newest end of a shard's log, in memory: numbers records, encodes them into the open frame and
// decides where on disk each of them will stand.
//
// Place: storage/log; owned by the shard, on its reactor's thread. Pure: no file, clock or thread.
// A frame goes: open -> closed (queue) -> taken by the caller, who has it written in that order.
// Invariants:
//  I1. LSNs are contiguous and frames are handed out in LSN order: what is taken is a prefix.
//  I2. A record's position is final when append returns: a frame's place is fixed when it becomes
//      the open frame, and frames never move.
//  I3. A frame lies inside one segment and is at most limits::frame_bytes_max, padding included.
//  I4. Normal appends never start a segment that would leave fewer than limits::reserved_segments
//      prepared ones, so deletes and configuration can be written when the disk is full.
//  I5. A batched record is placed only where its batch record fits behind it in the same frame, so
//      end_batch cannot fail.
//  I6. The first record of an opening is the no_op that names its epoch.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"
#include "storage/log/log_types.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::log {

/// Whether an append may use the segments kept back: deletes, expire, config and no_op may.
enum class space : std::uint8_t { normal, reserved };

class log_tail {
 public:
  /// Begins the epoch that `start` names: the no_op is appended here and waits to be taken.
  /// Precondition: at least one spare, in log order.
  log_tail(const log_start& start, std::span<const prepared_segment> spares);

  /// One more prepared segment. Precondition: its ordinal is above all earlier ones.
  void add_spare(prepared_segment spare);
  /// Prepared segments not yet begun.
  [[nodiscard]] std::size_t spare_count() const noexcept { return spares_.size(); }

  /// True if appends of `record_bytes_total` encoded bytes in all (records of at most
  /// limits::record_bytes_max, a batch record included if there is one) will succeed now. May say
  /// no within the last few MiB of the space although they would.
  [[nodiscard]] bool has_room(std::size_t record_bytes_total, space use) const noexcept;
  /// Segments that must be prepared beyond the present ones before has_room says yes; 0 = none.
  [[nodiscard]] std::uint32_t segments_missing(std::size_t record_bytes_total,
                                               space use) const noexcept;

  struct appended_record {
    lsn sequence;
    position where;
  };
  /// Adds a record. no_space (nothing changed) if it would need a segment that is not there or is
  /// kept back; refused if no segment could hold it. `fields.batched` is ignored: begin_batch
  /// decides. Precondition: key and member within limits.hpp; encoded size within record_bytes_max.
  result<appended_record> append(const record_fields& fields, space use);

  /// From here to end_batch all records but parts are valid together or not at all.
  void begin_batch();
  /// Writes the batch record, unless the batch is empty. Precondition: begin_batch was called.
  void end_batch();

  [[nodiscard]] bool has_open_frame() const noexcept { return !open_.payload.empty(); }
  /// Payload bytes not yet taken.
  [[nodiscard]] std::size_t pending_bytes() const noexcept {
    return closed_bytes_ + open_.payload.size();
  }
  /// The oldest frame not yet taken, closing the open one if it is that; nothing if nothing is
  /// pending. Its time is now_ms(wall_ms). Precondition: no batch is open.
  std::optional<frame> take_frame(std::int64_t wall_ms);
  /// Gives a written frame's payload back for reuse.
  void recycle(std::string&& payload);

  /// LSN of the newest record.
  [[nodiscard]] lsn appended() const noexcept { return appended_; }
  /// The shard's clock: the wall clock, but never before the last frame or an earlier answer, so
  /// that what expired once never comes back.
  std::int64_t now_ms(std::int64_t wall_ms) noexcept;

  [[nodiscard]] epoch_number epoch() const noexcept { return start_.epoch; }
  /// Ordinal of the segment that the open frame will be written to.
  [[nodiscard]] std::uint32_t active_segment() const noexcept { return open_.segment; }

 private:
  [[nodiscard]] bool fits_open(std::size_t bytes) const noexcept {
    return open_.payload.size() + bytes <= payload_limit_;
  }
  [[nodiscard]] std::uint64_t open_end() const noexcept;
  [[nodiscard]] std::size_t usable_spares(space use) const noexcept;
  [[nodiscard]] std::uint64_t surely_usable(std::uint64_t room) const noexcept;
  result<void> make_room(std::size_t bytes, space use);
  appended_record append_placed(const record_fields& fields);
  void close_open();
  void place_open(std::uint64_t offset, std::uint64_t number);
  void roll();

  const log_start start_;
  const record_seed seed_;
  lsn appended_;
  std::int64_t clock_ms_;

  frame open_;                     ///< placed always, even while empty
  std::size_t payload_limit_ = 0;  ///< of the open frame at its place
  std::deque<frame> closed_;
  std::size_t closed_bytes_ = 0;
  std::deque<prepared_segment> spares_;
  std::vector<std::string> payloads_;  ///< empty, with memory

  bool in_batch_ = false;
  std::uint32_t batch_count_ = 0;
  lsn batch_first_{};  ///< meaningless while batch_count_ is 0
};

}  // namespace troupe::log
