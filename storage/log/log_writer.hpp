// Writes a shard's log: frames into segment files, and every change of the list of segments.
//
// Place: storage/log; used by the shard's wal_flusher and log_worker, one at a time, which pass the
// turn by message. make_segment_file alone may run beside them, on any thread.
//
//   a segment:  file made -> adopted (spare) -> active -> sealed -> retired -> recycled | unlinked
//
// Why no crash loses or invents anything:
//  I1. A file is listed only after its zeros or its new header block and its name are durable:
//      recovery never meets a listed file that is missing or half made.
//  I2. A file is renamed, reused or unlinked only after a manifest without it is durable: no listed
//      segment ever changes under its name.
//  I3. Every use has a new id, whose counter is durable with the manifest that lists it and whose
//      lower half is random: a frame of an earlier use, or one forged in a value, is never
//      believed.
//  I4. Frames are written in order, one at a time, each one commit_at, each chained to the one
//      before: after a crash only the last one can be incomplete. Between begin_write and
//      finish_write the frame is under way and nothing else is written.
//  I5. Rolling to a spare writes no manifest; the chain tells recovery. The sealed length follows
//      with the next manifest commit.
//  I6. The first failure poisons: nothing is written afterwards, since a frame behind a torn one
//      would turn the torn one into damage. Only no_space while preparing leaves the log healthy;
//      where space was reserved it is a failed write like any other (io_failed).
//  I7. A file is reused only if it has one link and full size: a snapshot's link stays as it was.
//  I8. seal() commits the end of the active segment after its last frame is durable, and nothing is
//      written behind it, whatever came of that commit. So frames that end elsewhere than a
//      manifest says are damaged, never torn. Until that commit is durable the manifest before it
//      stands, in which the segment is open: recovery then finds the end as after any crash, and
//      all frames are there.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/limits.hpp"
#include "storage/base/prng.hpp"
#include "storage/io/aligned_buffer.hpp"
#include "storage/io/file_system.hpp"
#include "storage/log/log_types.hpp"
#include "storage/log/manifest_format.hpp"
#include "storage/log/manifest_store.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::log {

/// What make_segment_file needs; holds no reference to the writer.
struct segment_order {
  std::string directory;
  segment_header header;
  std::optional<use_id> recycled{};  ///< the earlier use of the file to be renamed
};

/// A segment file that is complete and durable but not yet listed.
struct segment_file {
  use_id use{};
  bool recycled = false;  ///< a retired file under a new name, not a new one
};

/// The slow part of preparing a segment: renames a retired file or writes a new one full of zeros,
/// writes its header block, syncs. Any thread. On failure nothing of it stays, or only an unlisted
/// file that the next opening removes; no_space if the disk is full.
result<segment_file> make_segment_file(io::file_system& files, const segment_order& order);

/// Counts since the log was opened.
struct writer_statistics {
  std::uint64_t commits = 0;
  std::uint64_t records = 0;
  std::uint64_t payload_bytes = 0;
  std::uint64_t written_bytes = 0;  ///< headers and padding included
  std::uint64_t segments_created = 0;
  std::uint64_t segments_recycled = 0;
  std::uint64_t segments_retired = 0;
  std::uint64_t manifest_commits = 0;
};

/// A listed segment as the writer keeps it.
struct held_segment {
  segment_entry entry{};
  std::uint32_t ordinal = 0;
  std::uint64_t length = segment_header_bytes;  ///< end of the last frame
};

/// One commit_at that a log_writer wants done; its parts belong to the writer.
struct pending_commit {
  io::file* into = nullptr;
  std::uint64_t offset = 0;
  std::string_view bytes{};
};

/// What recovery hands over.
struct writer_start {
  manifest content{};  ///< as committed last
  std::size_t newest_copy = 0;
  std::vector<held_segment> segments{};  ///< as listed
  std::size_t used = 0;                  ///< segments[used..] are spares
  std::uint32_t next_ordinal = 0;        ///< above all of segments
  std::uint32_t previous_header = 0;     ///< chain value for the next frame
  std::vector<use_id> recyclable{};      ///< unlisted files that may be reused
  std::uint64_t seed = 0;                ///< for use ids
};

class log_writer {
 public:
  /// `files` must outlive this.
  log_writer(io::file_system& files, std::string directory, writer_start start);
  ~log_writer();
  log_writer(const log_writer&) = delete;
  log_writer& operator=(const log_writer&) = delete;

  /// Writes a frame: one commit_at. Returns the LSN up to which everything is durable and
  /// counts (the frame's `settled`). Frames come in the order log_tail hands them out. The first
  /// failure poisons the writer: every later call returns it again. A frame whose records fail
  /// their checks is refused before it is written (errc::corrupt), which poisons too.
  result<lsn> write(const frame_view& to_write);
  /// write() in two halves, for whoever has its one commit_at done elsewhere: what to commit, then
  /// how that ended. The frame's payload is not needed after the first half. Between the two only
  /// order_segment and what is const may be called; the writer must stay until the commit has
  /// ended.
  result<pending_commit> begin_write(const frame_view& to_write);
  result<lsn> finish_write(const result<void>& committed);
  result<lsn> write(const frame& to_write) { return write(view_of(to_write)); }

  /// The last call, when the node stops in order: has the manifest say where the log ends. Stops
  /// the writer in any case: every later call is refused. A failure is harmless (I8); that of a
  /// writer that was poisoned before is returned again, and nothing is written. Not between
  /// begin_write and finish_write.
  result<void> seal();

  /// Why the writer stopped; null while it has not.
  [[nodiscard]] const failure* poisoned() const noexcept { return poison_ ? &*poison_ : nullptr; }

  /// Makes and lists one more spare: order_segment, make_segment_file and adopt in one call.
  result<prepared_segment> prepare_segment();
  /// What to make next. Every order is for another use; an order may be dropped.
  [[nodiscard]] segment_order order_segment();
  /// Lists a file made by make_segment_file as the last spare. no_space: nothing changed, the file
  /// may be adopted later.
  result<prepared_segment> adopt(const segment_file& made);

  /// Drops the oldest segments, those with ordinals below `first_live_ordinal`, and reuses or
  /// unlinks their files. The newest segment that was begun stays in any case. `consistent_from` is
  /// recorded with the oldest segment that stays, `purged` with the log. Returns the number of
  /// segments dropped.
  result<std::size_t> retire_prefix(std::uint32_t first_live_ordinal, lsn consistent_from,
                                    lsn purged);

  /// Path of a listed segment; not_found once it is retired.
  [[nodiscard]] result<std::string> path_of(std::uint32_t ordinal) const;
  /// Listed segments that are not yet begun.
  [[nodiscard]] std::size_t spare_count() const noexcept { return segments_.size() - used_; }
  /// True if one more spare should be made, so that normal writes never wait for one.
  [[nodiscard]] bool wants_spare() const noexcept {
    return spare_count() < limits::reserved_segments + 1;
  }
  [[nodiscard]] std::size_t segment_count() const noexcept { return segments_.size(); }
  [[nodiscard]] const writer_statistics& statistics() const noexcept { return statistics_; }

 private:
  struct frame_in_buffer {
    lsn first;
    lsn last;
    lsn settled;
    std::uint32_t record_count;
    std::uint64_t payload_bytes;
  };

  /// Checks every record; the payload's checksum.
  result<std::uint32_t> check_payload(const frame_view& to_write) const;
  result<void> step_into(const frame_view& to_write);
  void fill_buffer(const frame_view& to_write, std::uint32_t payload_crc);
  result<void> commit_manifest(manifest next);
  manifest listing() const;
  result<void> dispose(use_id use);
  failure poison(failure why);

  io::file_system& files_;
  const std::string directory_;
  manifest manifest_;
  manifest_store store_;
  std::deque<held_segment> segments_;
  std::size_t used_;  ///< segments_[0..used_) are sealed or active
  std::uint32_t next_ordinal_;
  std::uint32_t previous_header_;
  std::uint64_t next_number_ = 0;
  std::unique_ptr<io::file> active_;
  std::vector<use_id> recyclable_;
  prng random_;
  const record_seed seed_;
  io::aligned_buffer buffer_;
  std::uint32_t written_header_ = 0;          ///< checksum of the header now in buffer_
  std::optional<frame_in_buffer> under_way_;  ///< between begin_write and finish_write
  std::optional<failure> poison_;
  writer_statistics statistics_;
};

}  // namespace troupe::log
