// data_writer: makes segment files of one shard, away from the thread that commits. Detached.
//
// Owner: the node; one per shard. Policy when it dies: the flusher's requests fail, the shard keeps
// running on the segments it has and answers "disk full" when they are used up (degrade).
#pragma once

#include "actors/interfaces.hpp"
#include "storage/io/file_system.hpp"
#include "storage/log/log_writer.hpp"

namespace troupe::actors {

/// Spawns the writer. `pattern` says where and as whose the files are made; use and recycled file
/// come with each request. `files` must outlive the actor.
[[nodiscard]] data_writer_actor spawn_data_writer(caf::actor_system& system, io::file_system& files,
                                                  const log::segment_order& pattern);

}  // namespace troupe::actors
