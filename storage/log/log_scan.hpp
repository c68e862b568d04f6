// Reads a whole log, believes nothing, and finds where it ends. Changes nothing on disk.
//
// Place: storage/log; used by open_log and inspect, any thread.
// Reads large pieces in order; memory is bounded by two windows of two frames each, however long
// the log: an unfinished batch is kept as views while it lies in the current frame, and as a list
// of frame positions, read again when its batch record comes, once it is longer.
// Invariants (why the end found is the end):
//  I1. One frame is in flight at a time, and a frame is sent only after the one before it is
//      durable. So a valid header behind an invalid frame proves that the invalid one was once
//      durable: that is damage (errc::corrupt, naming file and offset), never the end.
//  I2. An invalid frame with no valid header behind it, in its segment or in later ones, was torn
//      or never written: the end of the log. Nothing acknowledged stands there.
//  I3. Across segments the header chain decides: a next segment whose first frame names the last
//      valid header is a clean roll; one that names another header proves a missing frame.
//  I4. A segment is listed only after its header block is durable, and that block is not written
//      again: a listed segment without an intact one is damage, whether it looks used or not.
//  I5. Frames of an earlier use of a recycled file never count: their use id is another.
//  I6. A segment is sealed behind its last frame only when that frame is durable and no other will
//      follow: by the opening after a crash, by rolling on, by an ordered stop. So frames that end
//      elsewhere than there are damage, the last one of the log included.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"
#include "storage/io/file_system.hpp"
#include "storage/log/frame_format.hpp"
#include "storage/log/log_types.hpp"
#include "storage/log/manifest_format.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::log {

/// Gets every record that counts, in log order; batched ones once their batch is complete. The
/// view is valid during the call. An ordinal is the place in the manifest's list, from 0.
using record_visitor = std::function<void(const record_view&, position)>;
/// Gets every valid frame, before its records.
using frame_visitor = std::function<void(const checked_header&, std::uint32_t ordinal)>;

/// What was found in one listed segment.
struct scanned_segment {
  use_id use{};
  std::uint64_t end = 0;  ///< behind the last valid frame; segment_header_bytes if none
  std::uint64_t file_bytes = 0;
  std::uint64_t frames = 0;
  lsn first{};  ///< 0 if it has no frame
  lsn last{};
  std::uint32_t alignment = 0;  ///< by its header block
};

struct log_summary {
  std::vector<scanned_segment> segments{};  ///< as listed
  std::size_t used = 0;                     ///< segments[used..] are spares
  std::uint32_t last_header_crc = 0;        ///< what the next frame must chain to
  lsn last{};
  epoch_number last_epoch{};
  std::int64_t last_time_ms = 0;
  std::uint64_t frames = 0;
  std::uint64_t records = 0;
  std::uint64_t aborted_records = 0;  ///< flagged, but their batch record was never written
  std::uint64_t bytes = 0;            ///< of frames, padding included
  std::string tail{};                 ///< why the log ends where it ends, for the operator
};

struct scan_visitors {
  record_visitor record{};  ///< may be empty
  frame_visitor frame{};    ///< may be empty
};

/// Reads all segments that `content` lists in `directory`.
result<log_summary> scan_log(io::file_system& files, const std::string& directory,
                             const manifest& content, const scan_visitors& visitors);

}  // namespace troupe::log
