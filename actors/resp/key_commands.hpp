// Keys as such: existence, type, names, OBJECT, MEMORY USAGE.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp). Owner: the shard's
// thread.
#pragma once

#include <string_view>

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

/// What encoding_of() found: `encoding` as OBJECT ENCODING names it, if the key is there and not
/// `cold`.
struct encoding_outcome {
  kv::presence state;
  std::string_view encoding;
};
/// How the value of the command's first key is represented; `cold`: it must be read to know.
[[nodiscard]] encoding_outcome encoding_of(shard_command& command, std::string_view key);

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
