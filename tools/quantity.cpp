#include "tools/quantity.hpp"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <limits>
#include <string>
#include <utility>

#include "tools/letter_case.hpp"

namespace troupe::tools {

namespace {

constexpr std::array<std::pair<std::string_view, std::uint64_t>, 10> units{{
    {"", 1},
    {"b", 1},
    {"kib", 1ull << 10},
    {"mib", 1ull << 20},
    {"gib", 1ull << 30},
    {"tib", 1ull << 40},
    {"kb", 1'000},
    {"mb", 1'000'000},
    {"gb", 1'000'000'000},
    {"tb", 1'000'000'000'000},
}};

}  // namespace

result<std::uint64_t> parse_bytes(std::string_view text) {
  std::uint64_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  const failure refused{errc::refused,
                        fmt::format("'{}' is not a size, for example 512MiB or 4GB", text)};
  if (error == std::errc::invalid_argument) return refused;
  const auto suffix = lower_case({stopped, static_cast<std::size_t>(end - stopped)});
  for (const auto& [name, factor] : units) {
    if (suffix != name) continue;
    const bool fits =
        error == std::errc{} && number <= std::numeric_limits<std::uint64_t>::max() / factor;
    if (!fits) return failure{errc::refused, fmt::format("'{}' is too large", text)};
    return number * factor;
  }
  return refused;
}

result<std::uint32_t> parse_count(std::string_view text) {
  std::uint32_t number = 0;
  const auto* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && stopped == end) return number;
  if (error == std::errc::result_out_of_range)
    return failure{errc::refused, fmt::format("'{}' is too large", text)};
  return failure{errc::refused, fmt::format("'{}' is not a whole number", text)};
}

}  // namespace troupe::tools
