// Walks over all keys of one shard: SCAN, KEYS, RANDOMKEY, DBSIZE, FLUSHDB and FLUSHALL.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp). Owner: the shard's
// thread. What spans all shards is put together by multi_shard.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

exec_status handle_scan(shard_command& command);
exec_status handle_keys(shard_command& command);
/// One step of KEYS from a cursor (piece_commands.hpp); replies like SCAN.
exec_status handle_keys_step(shard_command& command);
exec_status handle_randomkey(shard_command& command);
exec_status handle_dbsize(shard_command& command);
exec_status handle_flush_all(shard_command& command);

}  // namespace troupe::resp
