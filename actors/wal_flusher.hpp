// wal_flusher: writes one shard's log. Detached, because it blocks in the disk.
//
// Owner: the node; one per shard. Policy when it dies: its shard treats the log as failed and turns
// read-only (degrade); nothing is retried in this process.
// Invariants: those of log::log_writer; and one answer for each LogFrame and PrepareSegment.
#pragma once

#include <memory>

#include "actors/interfaces.hpp"
#include "storage/log/log_writer.hpp"

namespace troupe::actors {

/// Spawns the flusher, which owns `writer` from now on. `file_maker` prepares files for it.
[[nodiscard]] wal_flusher_actor spawn_wal_flusher(caf::actor_system& system,
                                                  std::unique_ptr<log::log_writer> writer,
                                                  data_writer_actor file_maker);

}  // namespace troupe::actors
