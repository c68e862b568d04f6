// Letters without their case, for words that people type. Pure; ASCII only, as all our words are.
#pragma once

#include <string>
#include <string_view>

namespace troupe::tools {

/// `text` with A to Z as a to z.
[[nodiscard]] inline std::string lower_case(std::string_view text) {
  std::string copy(text);
  for (char& c : copy)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return copy;
}

}  // namespace troupe::tools
