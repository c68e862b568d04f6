// supervisor: the node actor. See node.hpp for what it does when one of its actors dies.
//
// Scheduled; owned by run_node. Start order: per shard data_writer, wal_flusher, data_reader,
// shard; then gateways; then metrics. Stop order: the table in supervisor.cpp.
#pragma once

#include <memory>
#include <vector>

#include "actors/gateway.hpp"
#include "actors/interfaces.hpp"
#include "actors/node_storage.hpp"
#include "actors/shard.hpp"

namespace troupe::actors {

/// What a node is made of. Borrowed parts must outlive the actor.
struct node_parts {
  const node_config* config = nullptr;
  io::file_system* files = nullptr;
  node_storage storage;
  std::vector<runtime::descriptor> listeners;  ///< one per reactor
  std::vector<std::unique_ptr<runtime::reactor>>* reactors = nullptr;
  std::vector<shard_directory>* directories = nullptr;  ///< one per reactor
};

[[nodiscard]] node_actor spawn_supervisor(caf::actor_system& system, node_parts parts);

}  // namespace troupe::actors
