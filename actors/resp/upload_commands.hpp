// Pieces of a SET whose value is stored part by part while it arrives. Clients cannot send them:
// a session does, all to the shard of the key and in this order (actors/README.md, "Large values"):
//
//   store_part* --> set_uploaded --> drop_upload        or store_part* --> drop_upload
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp). Owner: the shard's
// thread. Invariant: nothing of the value is visible before set_uploaded ran.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

/// argv {name, upload, key, part}: appends the next part; replies OK or why there is no room.
extern const command_spec store_part;

/// argv {name, upload, bytes in all, "SET", key, anything, options...}: what SET does and replies,
/// with the uploaded value. Refused as for a full disk if parts of it are not there.
extern const command_spec set_uploaded;

/// argv {name, upload}: forgets what is left of an upload; replies OK.
extern const command_spec drop_upload;

}  // namespace troupe::resp
