// statistics.hpp's plain structs as messages of schemas/admin.capnp, and back.
#pragma once

#include "actors/statistics.hpp"
#include "schemas/admin.capnp.h"

namespace troupe::actors {

void encode(const shard_statistics& from, schemas::ShardStatistics::Builder to);
[[nodiscard]] shard_statistics decode(schemas::ShardStatistics::Reader from);

void encode(const std::vector<actor_figures>& from, capnp::List<schemas::ActorFigures>::Builder to);
[[nodiscard]] std::vector<actor_figures> decode(capnp::List<schemas::ActorFigures>::Reader from);

void encode(const link_statistics& from, schemas::LinkStatistics::Builder to);
[[nodiscard]] link_statistics decode(schemas::LinkStatistics::Reader from);

/// A gateway's counters and those of the reactor it runs on.
struct gateway_statistics {
  client_statistics clients;
  reactor_statistics reactor;
};
void encode(const gateway_statistics& from, schemas::GatewayStatistics::Builder to);
[[nodiscard]] gateway_statistics decode(schemas::GatewayStatistics::Reader from);

/// Everything the actors count; process-wide figures are left at their defaults.
[[nodiscard]] node_statistics decode(schemas::NodeStatistics::Reader from);

}  // namespace troupe::actors
