// Pieces of commands that move a value from one shard to another. Clients cannot send them: they
// have no place in the command table, only multi_shard plans contain them.
//
// Place: actors/resp, pure handlers run by a shard (see command_table.hpp). Owner: the shard's
// thread. Invariant: value and deadline arrive exactly as they were, whatever their bytes.
#pragma once

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

/// The form of a copy of a value of that form.
[[nodiscard]] constexpr kv::value_form form_of_copy(kv::value_form form) noexcept {
  return form == kv::value_form::natural ? kv::value_form::copied : form;
}

/// argv {name, key}: replies the array {value, deadline in ms or 0, form}, or null if there is no
/// key. The form is a number, the one that the value is to have at its new place.
extern const command_spec fetch_for_transfer;

/// The same, and a read in the statistics.
extern const command_spec fetch_for_copy;

/// argv {name, key, value, deadline in ms or 0, form}: stores, replies OK.
extern const command_spec place_transferred;

}  // namespace troupe::resp
