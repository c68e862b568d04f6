// Lets records pass that count: batched ones wait until their batch record has come.
//
// Place: storage/log; used by log_scan. Memory: the views of the current frame's waiting records,
// and a list of the earlier frames that hold some; those are read again when the batch is complete.
//
//            flagged                              batch record: deliver all waiting, then it
//   empty ────────────► run (waiting records) ───────────────────────────────────► empty
//                        │  any other record but a part: the run is aborted, nobody sees it
//                        └────────────────────────────────────────────────────────► empty
//
// Invariants: (1) a batch record covers exactly the run before it; (2) the one exception: a run at
// the very start of the log may be shorter, because the segments before it were retired; (3) parts
// pass at once and do not end a run: only their head makes them visible.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "storage/base/result.hpp"
#include "storage/log/log_types.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::log {

class batch_filter {
 public:
  using visitor = std::function<void(const record_view&, position)>;
  /// Reads the frame at a position again and shows all its records.
  using frame_reader = std::function<result<void>(position frame, const visitor& show)>;

  /// `deliver` may be empty: then only counting and checking happens.
  batch_filter(visitor deliver, frame_reader read_again)
      : deliver_(std::move(deliver)), read_again_(std::move(read_again)) {}

  /// The next record of the log. Its views must stay valid until end_frame.
  result<void> on_record(const record_view& record, position where);
  /// The views given since the last call die now; `frame` is where they can be read again.
  void end_frame(position frame);
  /// Nothing follows: what still waits is aborted.
  void end_log() { abort_run(); }
  /// Flagged records that no batch record covered.
  [[nodiscard]] std::uint64_t aborted() const noexcept { return aborted_; }

 private:
  result<void> complete(const record_view& batch);
  void abort_run();
  void deliver(const record_view& record, position where) const {
    if (deliver_) deliver_(record, where);
  }

  visitor deliver_;
  frame_reader read_again_;
  bool at_log_start_ = true;  ///< nothing but parts and this run came yet
  std::uint64_t run_length_ = 0;
  lsn run_first_{};
  std::vector<std::pair<record_view, position>> here_;  ///< waiting, in the current frame
  std::vector<position> earlier_;                       ///< frames with waiting records
  std::uint64_t aborted_ = 0;
};

}  // namespace troupe::log
