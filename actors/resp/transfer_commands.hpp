// Pieces of commands that move a value from one shard to another. Clients cannot send them: they
// have no place in the command table, only multi_shard plans contain them.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp). Owner: the shard's
// thread. Invariant: value and deadline arrive exactly as they were, whatever their bytes.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

/// argv {name, key}: replies the array {value, deadline in ms or 0}, or null if there is no key.
extern const command_spec fetch_for_transfer;

/// argv {name, key, value, deadline in ms or 0}: stores, replies OK.
extern const command_spec place_transferred;

}  // namespace troupe::resp
