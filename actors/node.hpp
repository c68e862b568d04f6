// node: a whole Troupe node, from configuration to exit code. The node actor is the root: it spawns
// every other actor, watches them and stops them in one written order (stop_order in
// supervisor.cpp).
//
// What happens when an actor dies while the node runs:
//   gateway, shard, data_reader, metrics   the node stops (exit code 1); a restart recovers
//   wal_flusher, log_worker                its shard turns read-only, the node goes on
//   data_writer                            its shard runs out of segments and answers "disk full"
//   link_listener, admin                   are made anew; links are dialled again by their peers
#pragma once

#include "actors/node_config.hpp"

namespace troupe::actors {

/// Runs a node until SIGTERM, SIGINT, SHUTDOWN or a failure; SIGHUP is ignored. Prints `listening
/// client=H:P`, `listening peer=H:P`, `listening http=H:P` and `ready` on standard output,
/// everything else on standard error. Returns the exit code: 0 after an ordered stop with
/// everything written, 1 after a failure, which a log that failed meanwhile is. Precondition: the
/// configuration has no complaints(); no other threads run yet.
[[nodiscard]] int run_node(const node_config& config);

}  // namespace troupe::actors
