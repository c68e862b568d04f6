// "Did you mean ...?" for a mistyped word. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace troupe::tools {

/// " (did you mean 'x'?)" with the candidate nearest to what was typed by edit distance, or "" when
/// none is near enough to be a typing mistake. Case makes no difference; candidates are lower case.
[[nodiscard]] std::string suggestion(std::string_view typed,
                                     std::span<const std::string_view> candidates);

}  // namespace troupe::tools
