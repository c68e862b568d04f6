// Commands that only gateways send to shards: the pieces by which WATCH and plans over several
// shards do their work there. Clients cannot name them.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp).
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

/// argv {name, watcher, key}: from now on a change of key makes the watcher dirty; replies OK.
extern const command_spec watch_key;

/// argv {name, watcher}: replies 1 if a key it watches here was touched, else 0.
extern const command_spec watch_check;

/// argv {name, watcher}: forgets the watcher and its keys; replies OK.
extern const command_spec watch_forget;

/// argv {name, key ...}: replies how many of the keys exist, for a write that depends on it: unlike
/// EXISTS it is no read in the statistics.
extern const command_spec count_existing;

/// argv {name, bytes}: replies OK if so many bytes of records have room, else the error of a write
/// that has none. It waits for room like a write.
extern const command_spec check_room;

/// argv {name, cursor, pattern}: one step of KEYS; replies like SCAN.
extern const command_spec keys_step;

/// The piece of that name, those of debug_pieces.hpp, transfer_commands.hpp and upload_commands.hpp
/// included, or nullptr. Their names begin with no letter.
[[nodiscard]] const command_spec* find_piece(std::string_view name) noexcept;

}  // namespace troupe::resp
