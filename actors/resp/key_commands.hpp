// Keys as such: existence, type, names, OBJECT, MEMORY USAGE.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp). Owner: the shard's
// thread.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

exec_status handle_del(shard_command& command);
exec_status handle_exists(shard_command& command);
exec_status handle_type(shard_command& command);
exec_status handle_rename(shard_command& command);
exec_status handle_renamenx(shard_command& command);
exec_status handle_copy(shard_command& command);
exec_status handle_object_encoding(shard_command& command);
exec_status handle_object_freq(shard_command& command);
exec_status handle_object_idletime(shard_command& command);
exec_status handle_object_refcount(shard_command& command);
exec_status handle_memory_usage(shard_command& command);

}  // namespace troupe::resp
