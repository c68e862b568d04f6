// gateway: the client sockets of one reactor and the sessions behind them. Pinned.
//
// Owner: the node. Policy when it dies: the node stops, since its clients are gone without answers.
//
//   open --Stop--> draining (no new clients, each closed when its replies are out) --> quit
//
// Invariants:
//  1. One CommandBatch per shard and round (shard_requests); one write per connection and round
//     where the socket takes it.
//  2. A socket is read only while its session wants input; the kernel's buffers push back then.
//  3. A session lives until the shards it paused are released, even when its client is gone.
//  4. Connections are bounded over all gateways (client_places), memory of clients by an equal part
//     for each gateway, checked at the end of every round.
#pragma once

#include <memory>
#include <vector>

#include "actors/client_places.hpp"
#include "actors/interfaces.hpp"
#include "actors/node_config.hpp"
#include "actors/runtime/reactor.hpp"
#include "actors/runtime/socket.hpp"
#include "actors/shard.hpp"
#include "actors/statistics.hpp"

namespace troupe::actors {

/// What a gateway is made of; moved into the actor.
struct gateway_parts {
  std::uint32_t index = 0;
  std::uint32_t shard_count = 1;
  std::uint64_t hash_seed = 0;
  std::uint64_t segment_bytes = limits::segment_bytes_default;  ///< of the data directory
  runtime::descriptor listener;
  std::vector<shard_actor> shards;
  node_actor node;
  client_places* places = nullptr;    ///< of the node; must outlive the actor
  const node_facts* facts = nullptr;  ///< likewise
};

/// Spawns the gateway on `home`. `home`, `directory` and `config` must outlive the actor.
[[nodiscard]] gateway_actor spawn_gateway(runtime::reactor& home, shard_directory& directory,
                                          const node_config& config, gateway_parts parts);

}  // namespace troupe::actors
