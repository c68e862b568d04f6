// Decides when the open frame is sent to the disk. It decides and does not wait: time is given.
//
// Place: storage/log; owned by the shard, on its reactor's thread.
//
//             on_append / on_demand            on_sent                on_committed
//   idle ───────────────────────────► pending ─────────► in flight ─────────────────► idle |
//   pending
//
// Invariants:
//  I1. At most one frame is in flight: should_send is false from on_sent to on_committed. What
//      arrives meanwhile gathers in the open frame: natural group commit without a timer.
//  I2. A write that somebody waits for, or of level interval, is sent at once when nothing is in
//      flight: a lone writer pays exactly one write.
//  I3. Writes of level memory are sent when limits::memory_frame_bytes have gathered or the oldest
//      is limits::memory_frame_age_ms old, whichever comes first.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "storage/base/ids.hpp"

namespace troupe::log {

class group_commit {
 public:
  /// A record of `bytes` was appended at this level.
  void on_append(durability level, std::size_t bytes, std::uint64_t now_us) noexcept;
  /// Somebody waits for all that is pending (WAITAOF, shutdown, a new epoch).
  void on_demand() noexcept;
  /// True if the caller should take the oldest frame and send it now.
  [[nodiscard]] bool should_send(std::uint64_t now_us) const noexcept;
  /// A frame went to the disk; `bytes_left` are pending behind it (more than one frame was). What
  /// is left keeps its age and urgency.
  void on_sent(std::size_t bytes_left) noexcept;
  /// The frame in flight is durable.
  void on_committed() noexcept;
  /// When should_send becomes true by time alone; nothing if it never does or is true already by
  /// other reasons.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_us() const noexcept;
  [[nodiscard]] bool in_flight() const noexcept { return in_flight_; }

 private:
  bool in_flight_ = false;
  bool urgent_ = false;
  std::size_t bytes_ = 0;
  std::uint64_t oldest_us_ = 0;  ///< of what is pending; meaningless if nothing is
};

}  // namespace troupe::log
