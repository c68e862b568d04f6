// console_messages.hpp's plain values from and to messages of schemas/admin.capnp.
//
// Place: actors; the node's side. The console program's side is console_bytes.hpp.
// Invariant: whatever the bytes are, decoding yields a value or a failure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "actors/console_messages.hpp"
#include "schemas/admin.capnp.h"
#include "schemas/envelope.hpp"
#include "storage/base/result.hpp"

namespace troupe::actors {

/// The number of a request that came from outside; nothing if it is no message of that type.
[[nodiscard]] std::optional<std::uint64_t> console_number(
    const schemas::envelope<schemas::ConsoleRequest>& request);
/// `corrupt` if it cannot be read.
[[nodiscard]] result<console_request> decode(
    const schemas::envelope<schemas::ConsoleRequest>& request);
[[nodiscard]] schemas::envelope<schemas::ConsoleAnswer> encode_failed(std::uint64_t number,
                                                                      std::string_view why);

}  // namespace troupe::actors
