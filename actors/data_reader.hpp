// data_reader: reads cold records of one shard from its segments. Detached, because it blocks.
//
// Owner: the node; one per shard. Policy when it dies: the node stops, since commands that wait for
// values would never be answered.
// Invariants: one answer for each ReadRecord; at most limits::reader_files_max files stay
// open.
#pragma once

#include <string>

#include "actors/interfaces.hpp"
#include "storage/base/ids.hpp"
#include "storage/io/file_system.hpp"

namespace troupe::actors {

/// Spawns the reader of the shard in `directory`. `files` must outlive the actor.
[[nodiscard]] data_reader_actor spawn_data_reader(caf::actor_system& system, io::file_system& files,
                                                  shard_id shard, const std::string& directory);

}  // namespace troupe::actors
