// Every pattern element but '*' takes exactly one character, so it is enough to remember the last
// star: if the rest fails, that star takes one character more and the rest is tried again.
#include "actors/resp/glob_match.hpp"

#include <cstddef>
#include <utility>

namespace troupe::resp {
namespace {

char folded(char c, letter_case letters) noexcept {
  return letters == letter_case::ignored && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a')
                                                                 : c;
}

/// One element of the pattern against one character.
struct element {
  bool matches;
  std::size_t next;  ///< index behind the element
};

// `at` is behind the '['. A class without its ']' ends with the pattern.
element match_class(std::string_view pattern, std::size_t at, char c,
                    letter_case letters) noexcept {
  const bool inverted = at < pattern.size() && pattern[at] == '^';
  if (inverted) ++at;
  bool found = false;
  while (at < pattern.size() && pattern[at] != ']') {
    const std::size_t left = pattern.size() - at;
    if (pattern[at] == '\\' && left >= 2) {
      found |= pattern[at + 1] == c;
      at += 2;
    } else if (left >= 3 && pattern[at + 1] == '-') {
      char low = pattern[at];
      char high = pattern[at + 2];
      if (low > high) std::swap(low, high);
      const char folded_c = folded(c, letters);
      found |= folded_c >= folded(low, letters) && folded_c <= folded(high, letters);
      at += 3;
    } else {
      found |= folded(pattern[at], letters) == folded(c, letters);
      ++at;
    }
  }
  return {found != inverted, at < pattern.size() ? at + 1 : at};
}

element match_element(std::string_view pattern, std::size_t at, char c,
                      letter_case letters) noexcept {
  switch (pattern[at]) {
    case '?': return {true, at + 1};
    case '[': return match_class(pattern, at + 1, c, letters);
    case '\\':
      if (at + 1 < pattern.size()) ++at;
      break;
    default: break;
  }
  return {folded(pattern[at], letters) == folded(c, letters), at + 1};
}

}  // namespace

bool glob_match(std::string_view pattern, std::string_view text, letter_case letters) noexcept {
  std::size_t at = 0;
  std::size_t star = std::string_view::npos;  // index behind the last star
  std::size_t star_text = 0;                  // where the text behind that star is tried next
  std::size_t position = 0;
  while (position < text.size()) {
    if (at < pattern.size() && pattern[at] == '*') {
      star = ++at;
      star_text = position;
      continue;
    }
    if (at < pattern.size()) {
      const element one = match_element(pattern, at, text[position], letters);
      if (one.matches) {
        at = one.next;
        ++position;
        continue;
      }
    }
    if (star == std::string_view::npos) return false;
    at = star;
    position = ++star_text;
  }
  while (at < pattern.size() && pattern[at] == '*') ++at;
  return at == pattern.size();
}

}  // namespace troupe::resp
