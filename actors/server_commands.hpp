// Commands about the server as a whole: COMMAND, TIME, LASTSAVE, ROLE, INFO, SHUTDOWN, WAIT and
// WAITAOF.
//
// Place: actors, CAF-free; see connection_commands.hpp. INFO and ROLE tell figures of all shards,
// so they reserve a place that the services fill; WAIT and WAITAOF are left to the session.
#pragma once

#include "actors/connection_commands.hpp"
#include "actors/statistics.hpp"

namespace troupe::actors {

void run_command(const connection_call& call);
void run_time(const connection_call& call);
void run_lastsave(const connection_call& call);
void run_role(const connection_call& call);
void run_info(const connection_call& call);
void run_shutdown(const connection_call& call);
void run_wait(const connection_call& call);
void run_waitaof(const connection_call& call);

/// What ROLE answers, once the figures are known.
void reply_role(const node_statistics& node, resp::reply_writer& reply);

}  // namespace troupe::actors
