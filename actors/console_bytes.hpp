// Bodies of `console` frames as the console program makes and reads them.
//
// Place: actors, part of the console library; no Cap'n Proto in this header, for the tools.
// Invariant: whatever the bytes are, decoding yields a value or a failure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "actors/console_messages.hpp"
#include "storage/base/result.hpp"

namespace troupe::actors {

[[nodiscard]] std::string encode_request(std::uint64_t number, const console_request& request);

/// The number of the request and its answer; `corrupt` if it cannot be read.
[[nodiscard]] result<std::pair<std::uint64_t, console_answer>> decode_answer(std::string_view body);

}  // namespace troupe::actors
