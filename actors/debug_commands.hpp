// DEBUG, on a node that was started with enable-debug: how a value stands, a wait, the sweeper, a
// line in the log. Nothing of it can stop or damage a node.
//
// Place: actors, CAF-free; see connection_commands.hpp. What concerns shards goes there as pieces
// (debug_pieces.hpp).
#pragma once

#include <optional>
#include <string_view>

#include "actors/connection_commands.hpp"

namespace troupe::actors {

void run_debug(const connection_call& call);

/// The key of a DEBUG OBJECT, which is run by its shard, so that it can stand in a MULTI block;
/// nothing for any other DEBUG.
[[nodiscard]] std::optional<std::string_view> key_of_debug_object(resp::arguments argv);

/// Why this DEBUG may not stand in a MULTI block; nothing: it may.
[[nodiscard]] std::optional<std::string_view> debug_refused_in_multi(const node_config& config,
                                                                     resp::arguments argv);

}  // namespace troupe::actors
