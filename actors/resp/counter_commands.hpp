// Counters: strings read as numbers, changed and written back.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp). Owner: the shard's
// thread. Invariant: a counter keeps its expiry.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

exec_status handle_incr(shard_command& command);
exec_status handle_decr(shard_command& command);
exec_status handle_incrby(shard_command& command);
exec_status handle_decrby(shard_command& command);
exec_status handle_incrbyfloat(shard_command& command);

}  // namespace troupe::resp
