// log_worker: does for one shard's wal_flusher what may block or is heavy: large frames, the first
// frame of a segment (it opens a file), manifest commits, the one that seals the log at the end
// included. Detached, because it blocks in the disk.
//
// Owner: the node; one per shard. Policy when it dies: the flusher tells the shard that the log
// failed, the shard turns read-only (degrade).
// Invariant: it touches the log_writer only between a message and its answer (invariant 1 of
// wal_flusher.hpp).
#pragma once

#include <memory>

#include "actors/interfaces.hpp"
#include "storage/log/log_writer.hpp"

namespace troupe::actors {

/// Spawns the worker. `writer` is shared with the flusher (wal_flusher.hpp says why).
[[nodiscard]] log_worker_actor spawn_log_worker(caf::actor_system& system,
                                                std::shared_ptr<log::log_writer> writer);

}  // namespace troupe::actors
