#include "actors/resp/number_parsing.hpp"

#include <array>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "storage/base/ensure.hpp"

namespace troupe::resp {
namespace {

// Redis' MAX_LONG_DOUBLE_CHARS: the longest long double in plain notation fits.
constexpr std::size_t long_double_text_max = 5 * 1024;

bool is_space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

}  // namespace

std::optional<std::int64_t> parse_integer(std::string_view text) noexcept {
  const bool negative = !text.empty() && text.front() == '-';
  const std::string_view digits = text.substr(negative ? 1 : 0);
  if (digits.empty() || digits.size() > 19) return std::nullopt;
  if (digits.front() == '0') {
    if (text.size() == 1) return 0;
    return std::nullopt;
  }
  std::uint64_t magnitude = 0;
  for (const char c : digits) {
    const unsigned digit = static_cast<unsigned char>(c) - unsigned{'0'};
    if (digit > 9) return std::nullopt;
    magnitude = magnitude * 10 + digit;  // 19 digits fit 64 bits
  }
  constexpr auto positive_max = static_cast<std::uint64_t>(INT64_MAX);
  if (magnitude > positive_max + (negative ? 1 : 0)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - magnitude : magnitude);
}

std::optional<long double> parse_long_double(std::string_view text) {
  if (text.empty() || text.size() >= long_double_text_max || is_space(text.front())) {
    return std::nullopt;
  }
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const long double value = std::strtold(terminated.c_str(), &end);
  if (end != terminated.c_str() + terminated.size() || std::isnan(value)) return std::nullopt;
  if (errno == ERANGE && (std::isinf(value) || value == 0)) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_cursor(std::string_view text) {
  if (text.empty()) return 0;
  if (is_space(text.front()) || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  char* end = nullptr;
  errno = 0;
  const unsigned long value = std::strtoul(terminated.c_str(), &end, 10);
  if (*end != '\0' || errno == ERANGE) return std::nullopt;
  return value;
}

std::optional<std::uint64_t> parse_memory(std::string_view text) noexcept {
  constexpr std::pair<std::string_view, std::uint64_t> units[] = {
      {"", 1},          {"b", 1},        {"k", 1000},          {"kb", 1 << 10},
      {"m", 1'000'000}, {"mb", 1 << 20}, {"g", 1'000'000'000}, {"gb", 1 << 30},
  };
  std::uint64_t number = 0;
  const auto [stopped, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(stopped - text.data()));
  for (const auto& [name, factor] : units) {
    if (!equals_ignoring_case(text, name)) continue;
    if (number > UINT64_MAX / factor) return std::nullopt;
    return number * factor;
  }
  return std::nullopt;
}

std::string format_long_double(long double value) {
  std::array<char, long_double_text_max> digits;
  const int printed = std::snprintf(digits.data(), digits.size(), "%.17Lf", value);
  ENSURE(printed > 0 && static_cast<std::size_t>(printed) < digits.size());
  std::string_view text(digits.data(), static_cast<std::size_t>(printed));
  text = text.substr(0, text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.remove_suffix(1);
  return std::string(text == "-0" ? "0" : text);
}

integer_text::integer_text(std::int64_t value) noexcept
    : size_(static_cast<std::size_t>(std::to_chars(digits_, digits_ + sizeof digits_, value).ptr -
                                     digits_)) {}

bool equals_ignoring_case(std::string_view text, std::string_view lower) noexcept {
  if (text.size() != lower.size()) return false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (to_lower(text[at]) != lower[at]) return false;
  }
  return true;
}

}  // namespace troupe::resp
