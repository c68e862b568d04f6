// supervisor: the node actor. See node.hpp for what it does when one of its actors dies.
//
// Scheduled; owned by run_node. Start order: per shard data_writer, log_worker, wal_flusher,
// data_reader, shard; then gateways; then metrics; then link_listener, admin. Stop order: the table
// in supervisor.cpp.
#pragma once

#include <memory>

#include "actors/interfaces.hpp"
#include "actors/node_children.hpp"

namespace troupe::actors {

/// Spawns the node actor, which makes all others with `children`.
[[nodiscard]] node_actor spawn_supervisor(caf::actor_system& system,
                                          std::unique_ptr<node_children> children);

}  // namespace troupe::actors
