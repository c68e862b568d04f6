// Strings: the SET and GET families, ranges, and several keys at once.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp: all reads come before
// the first write; `cold` means nothing happened). Owner: the shard's thread.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

exec_status handle_set(shard_command& command);
exec_status handle_setnx(shard_command& command);
/// SET with the value that `from` uploaded, of `size` bytes, in place of argv[2].
exec_status set_from_upload(shard_command& command, kv::upload_id from, std::uint64_t size);
exec_status handle_setex(shard_command& command);
exec_status handle_psetex(shard_command& command);
exec_status handle_get(shard_command& command);
exec_status handle_getex(shard_command& command);
exec_status handle_getdel(shard_command& command);
exec_status handle_getset(shard_command& command);
exec_status handle_mget(shard_command& command);
exec_status handle_mset(shard_command& command);
exec_status handle_msetnx(shard_command& command);
exec_status handle_append(shard_command& command);
exec_status handle_strlen(shard_command& command);
exec_status handle_getrange(shard_command& command);
exec_status handle_setrange(shard_command& command);

}  // namespace troupe::resp
