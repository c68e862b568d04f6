// wal_flusher: all that is written to one shard's log, in order. Pinned to the shard's reactor.
//
// Small frames it begins itself, in a commit queue whose descriptor the reactor watches. What may
// block or is heavy it hands to its log_worker together with the turn: large frames, the first
// frame of a segment, manifest commits (adopting and retiring segments); without a commit queue all
// frames. Further jobs wait meanwhile.
//
//              small frame ──► under way ─┐
//   turn is here ◄─ the reactor: ended ───┘        worker died ──► lost (final)
//              other job ────► at the worker ─┐
//              ◄──── the worker's answer ─────┘
//              told to exit ─► at the worker, which seals the log ─► ended
//
// Owner: the node; one per shard. Policy when it dies: its shard treats the log as failed and turns
// read-only (degrade); nothing is retried in this process.
// Invariants:
//  1. At any time exactly one of flusher and worker uses the log_writer. The turn passes by message
//     and what was written before a message is seen after it (runtime/mailbox_order.hpp).
//  2. Jobs are done in the order they came, one at a time: frames stay in order.
//  3. One answer for each LogFrame and PrepareSegment, given here. If the worker died, one
//     FrameWritten more says so.
//  4. Making a segment file needs no turn: no frame waits for it.
//  5. Told to exit, it ends when nothing is under way and the turn is here or lost; killed, the
//     commit queue's destructor waits before the writer and its buffer can go.
//  6. Before it ends so, it has its worker seal the log, unless that failed: behind the last frame
//     that came, and nothing is begun behind the seal. Whether that succeeds changes nothing for
//     anybody here: not sealed, or killed meanwhile, the log opens as after a crash (log_writer
//     I8).
#pragma once

#include <cstddef>
#include <memory>

#include "actors/interfaces.hpp"
#include "actors/runtime/reactor.hpp"
#include "storage/io/file_system.hpp"
#include "storage/log/log_writer.hpp"

namespace troupe::actors {

/// Payload up to which a frame is small. To check and copy one costs a reactor a few microseconds,
/// to wake another thread for it some 40; at 64 KiB and more it is the other way round.
inline constexpr std::size_t small_frame_bytes = 16 * 1024;

/// What a flusher works with.
struct flusher_parts {
  /// Shared with `worker`, though not immutable: whichever of the two ends last, or is killed
  /// while the other writes, must find it alive.
  std::shared_ptr<log::log_writer> writer;
  log_worker_actor worker;
  data_writer_actor file_maker;               ///< prepares segment files
  std::unique_ptr<io::commit_queue> commits;  ///< null: the worker writes every frame
};

/// Spawns the flusher on `home`, which must outlive it.
[[nodiscard]] wal_flusher_actor spawn_wal_flusher(runtime::reactor& home, flusher_parts parts);

}  // namespace troupe::actors
