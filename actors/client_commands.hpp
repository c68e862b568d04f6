// CLIENT and its subcommands.
//
// Place: actors, CAF-free; see connection_commands.hpp. LIST and KILL concern the connections of
// all gateways, so they reserve a place that the services fill; all others answer at once.
// Every connection is of type "normal" and belongs to the user "default".
#pragma once

#include "actors/connection_commands.hpp"

namespace troupe::actors {

void run_client(const connection_call& call);

}  // namespace troupe::actors
