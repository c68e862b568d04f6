// Opens a shard's log for writing: creates or recovers it and begins a new epoch.
//
// Place: storage/log; runs once per opening, on the thread that will own the log_writer.
// Why each step may be interrupted:
//  I1. Until the whole log was read and found good, nothing on disk is changed: a refused store is
//      as it was.
//  I2. One manifest commit seals the last used segment, promises the new epoch, enters it in the
//      epoch table and drops the first spare. Before it the old state stands; after it the epoch is
//      spent, whether or not anything was written in it.
//  I3. The first spare is dropped and comes back under a new use id, because the frame in flight at
//      the crash may have left blocks in it that no check can see. No other spare was touched.
//  I4. Unlisted files go after that commit: they are unfinished or retired, never part of the log.
//  I5. A sealed segment that fills less than half of its file is cut to its frames after that
//      commit, by a copy that takes its name: before and after, the name leads to the same frames.
//  I6. An epoch in which no record was written leaves the table again at the next opening; its
//      number stays spent, since the promise is above it.
//  I7. The last used segment is synced before it is sealed: its last frame may have been read from
//      a cache after only the process died, and what readers see must survive a loss of power.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "storage/io/file_system.hpp"
#include "storage/log/log_scan.hpp"
#include "storage/log/log_types.hpp"
#include "storage/log/log_writer.hpp"

namespace troupe::log {

/// Whether there may be no log yet. Whoever knows that there was one says so, since a log that is
/// gone must not come back empty.
enum class log_presence : std::uint8_t { may_be_new, required };

struct open_options {
  cluster_id cluster{};
  node_id node{};
  shard_id shard{};
  std::uint32_t shard_count = 1;
  std::uint64_t segment_bytes = 0;  ///< a multiple of 4096, at least open_segment_bytes_min
  std::uint64_t seed = 0;           ///< for use and history ids: random in the node
  log_presence presence = log_presence::may_be_new;
};

/// What the log itself can work with; limits::segment_bytes_min bounds what may be configured.
inline constexpr std::uint64_t open_segment_bytes_min = 64 * 1024;

/// What recovery found and did, for the operator.
struct recovery_report {
  bool created = false;
  log_summary log{};
  std::string manifest_damage{};       ///< empty if both copies were good
  std::vector<std::string> removed{};  ///< names of unlisted files
};

struct opened {
  log_start start;                         ///< for log_tail
  std::unique_ptr<log_writer> writer;      ///< for the flusher
  std::vector<prepared_segment> segments;  ///< all listed, spares included, in log order
  std::vector<prepared_segment> spares;    ///< for log_tail; at least one
  lsn purged;
  recovery_report report;
};

/// Corrupt, with the reason, if `shard_directory` holds no log. Changes nothing.
result<void> check_log_present(io::file_system& files, const std::string& shard_directory);

/// Opens the log in `shard_directory`, creating it if there is none and may be none. The visitor
/// gets every record that counts, in order, with the ordinals that hold from now on. Precondition:
/// the caller holds the data directory's lock. Errors: corrupt (names file and offset), foreign
/// (names the field and both values), no_space (not even one segment could be prepared), refused
/// (options).
result<opened> open_log(io::file_system& files, const std::string& shard_directory,
                        const open_options& options, const record_visitor& visitor);

}  // namespace troupe::log
