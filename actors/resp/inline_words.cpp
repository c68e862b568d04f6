#include "actors/resp/inline_words.hpp"

#include <array>
#include <cstddef>

namespace troupe::resp {
namespace {

constexpr bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// What ends a bare word; vertical tab and form feed do not, as in Redis.
constexpr bool ends_word(char c) noexcept {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

constexpr int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr char unescape(char c) noexcept {
  switch (c) {
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case 'b': return '\b';
    case 'a': return '\a';
    default: return c;
  }
}

/// One pass over a line: `from` reads, `to` writes, to <= from.
class word_scanner {
 public:
  explicit word_scanner(std::span<char> line) noexcept : line_(line) {}

  bool skip_blanks() noexcept {
    while (from_ < line_.size() && is_space(line_[from_])) ++from_;
    return from_ < line_.size();
  }

  /// Reads one word into `word`; false if its quotes are wrong. Precondition: skip_blanks().
  bool read(std::string_view& word) noexcept {
    const std::size_t start = to_ = from_;
    while (from_ < line_.size() && !ends_word(line_[from_])) {
      const char c = line_[from_++];
      if (c != '"' && c != '\'') {
        line_[to_++] = c;
        continue;
      }
      // A closing quote ends the word, whatever stood before the opening one.
      if (!(c == '"' ? read_double_quoted() : read_single_quoted())) return false;
      if (from_ < line_.size() && !is_space(line_[from_])) return false;
      break;
    }
    word = {line_.data() + start, to_ - start};
    return true;
  }

 private:
  bool read_double_quoted() noexcept {
    while (from_ < line_.size()) {
      const char c = line_[from_++];
      if (c == '"') return true;
      const std::size_t left = line_.size() - from_;
      if (c != '\\' || left == 0) {
        line_[to_++] = c;
        continue;
      }
      if (line_[from_] == 'x' && left >= 3) {
        const int high = hex_value(line_[from_ + 1]);
        const int low = hex_value(line_[from_ + 2]);
        if (high >= 0 && low >= 0) {
          line_[to_++] = static_cast<char>(high * 16 + low);
          from_ += 3;
          continue;
        }
      }
      line_[to_++] = unescape(line_[from_++]);
    }
    return false;
  }

  bool read_single_quoted() noexcept {
    while (from_ < line_.size()) {
      const char c = line_[from_++];
      if (c == '\'') return true;
      const bool escaped_quote = c == '\\' && from_ < line_.size() && line_[from_] == '\'';
      line_[to_++] = escaped_quote ? line_[from_++] : c;
    }
    return false;
  }

  std::span<char> line_;
  std::size_t from_ = 0;
  std::size_t to_ = 0;
};

constexpr char lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

bool starts_with(std::string_view text, std::string_view lower_case_prefix) noexcept {
  if (text.size() < lower_case_prefix.size()) return false;
  for (std::size_t i = 0; i < lower_case_prefix.size(); ++i) {
    if (lower(text[i]) != lower_case_prefix[i]) return false;
  }
  return true;
}

}  // namespace

bool split_inline(std::span<char> line, std::vector<std::string_view>& words) {
  const std::size_t before = words.size();
  word_scanner scanner(line);
  while (scanner.skip_blanks()) {
    std::string_view word;
    if (!scanner.read(word)) {
      words.resize(before);
      return false;
    }
    words.push_back(word);
  }
  return true;
}

bool looks_like_http(std::string_view line, line_place place) noexcept {
  while (!line.empty() && is_space(line.front())) line.remove_prefix(1);
  if (starts_with(line, "host:")) return true;
  if (starts_with(line, "post") && (line.size() == 4 || is_space(line[4]))) return true;
  if (place == line_place::first && starts_with(line, "get /")) return true;
  const std::size_t last_space = line.rfind(' ');
  if (last_space == std::string_view::npos) return false;
  if (!starts_with(line.substr(last_space + 1), "http/")) return false;
  static constexpr std::array<std::string_view, 8> methods = {
      "get /", "head ", "put ", "delete ", "options ", "patch ", "connect ", "trace "};
  for (const std::string_view method : methods) {
    if (starts_with(line, method)) return true;
  }
  return false;
}

bool is_http_word(std::string_view word) noexcept {
  return (word.size() == 4 && starts_with(word, "post")) ||
         (word.size() == 5 && starts_with(word, "host:"));
}

}  // namespace troupe::resp
