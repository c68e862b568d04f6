// Expiry: when keys end, asked and changed.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp). Owner: the shard's
// thread. Invariant: a deadline that is not in the future deletes the key at once.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

exec_status handle_expire(shard_command& command);
exec_status handle_pexpire(shard_command& command);
exec_status handle_expireat(shard_command& command);
exec_status handle_pexpireat(shard_command& command);
exec_status handle_ttl(shard_command& command);
exec_status handle_pttl(shard_command& command);
exec_status handle_expiretime(shard_command& command);
exec_status handle_pexpiretime(shard_command& command);
exec_status handle_persist(shard_command& command);

}  // namespace troupe::resp
