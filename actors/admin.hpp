// admin: does what operators ask, by asking whom it concerns. Scheduled.
//
// Owner: the node. Policy when it dies: it is made anew; who asked is told after the deadline.
//
// Invariants:
//  1. Every request is answered, at the latest after answer_deadline.
//  2. It changes nothing by itself: what a command does is done by the actor that it is about.
#pragma once

#include <caf/actor_system.hpp>
#include <vector>

#include "actors/interfaces.hpp"

namespace troupe::actors {

/// Whom admin asks.
struct admin_parts {
  node_actor node;
  metrics_actor metrics;
  std::vector<shard_actor> shards;
  std::vector<gateway_actor> gateways;
};

[[nodiscard]] admin_actor spawn_admin(caf::actor_system& system, admin_parts parts);

}  // namespace troupe::actors
