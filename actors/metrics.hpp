// metrics: asks every gateway and shard what it counts and answers with all of it. Scheduled.
//
// Owner: the node. Policy when it dies: the node stops (it holds no data, but a node that cannot be
// watched is not one to trust; it can only die of exhausted memory).
// Invariant: whoever does not answer within its deadline is left out; the asker is answered anyway.
#pragma once

#include <vector>

#include "actors/interfaces.hpp"

namespace troupe::actors {

[[nodiscard]] metrics_actor spawn_metrics(caf::actor_system& system,
                                          std::vector<shard_actor> shards,
                                          std::vector<gateway_actor> gateways);

}  // namespace troupe::actors
