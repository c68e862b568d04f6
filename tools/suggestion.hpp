// "Did you mean ...?" for a mistyped word. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace troupe::tools {

/// " (did you mean 'x'?)" with the candidate nearest to `word` by edit distance, or "" when none
/// is near enough to be a typing mistake.
[[nodiscard]] std::string suggestion(std::string_view word,
                                     std::span<const std::string_view> candidates);

}  // namespace troupe::tools
