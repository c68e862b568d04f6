// Redis' glob patterns: * ? [abc] [^abc] [a-z] and \ before a literal character.
//
// Place: actors/resp, pure, safe from any thread. Invariant: time is bounded by pattern length
// times text length; no pattern makes it exponential, no recursion.
#pragma once

#include <cstdint>
#include <string_view>

namespace troupe::resp {

enum class letter_case : std::uint8_t { exact, ignored };

/// True if the whole of `text` matches `pattern`.
[[nodiscard]] bool glob_match(std::string_view pattern, std::string_view text,
                              letter_case letters = letter_case::exact) noexcept;

}  // namespace troupe::resp
