// What DEBUG does in shards. Clients cannot send these pieces: a session does, on a node where
// DEBUG is allowed.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp). Owner: the shard's
// thread.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

/// argv {name, key}: replies how and where the value stands, in one line. It counts as a call of
/// DEBUG and as no read.
[[nodiscard]] const command_spec& debug_object();

/// argv {name, "0" or "1"}: whether the shard's sweeper works; replies OK.
extern const command_spec set_sweeping;

}  // namespace troupe::resp
