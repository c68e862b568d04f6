// Numbers in commands, read and printed exactly as Redis 7.0 does.
//
// Place: actors/resp, pure, safe from any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace troupe::resp {

/// A signed 64-bit decimal number in its only canonical form: no spaces, no '+', no leading zeros,
/// no "-0".
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text) noexcept;

/// A floating-point number as strtold reads it (exponents, hexadecimal and "inf" included), the
/// whole text, no leading space, not NaN, no overflow or underflow to zero.
[[nodiscard]] std::optional<long double> parse_long_double(std::string_view text);

/// A SCAN cursor: decimal, as strtoul reads it (an empty text is 0, a minus sign wraps around).
[[nodiscard]] std::optional<std::uint64_t> parse_cursor(std::string_view text);

/// An amount of memory as in Redis' configuration: digits and b, k (1000), kb (1024), m, mb, g, gb
/// in any case, or nothing. Nothing is answered for what does not fit 64 bits.
[[nodiscard]] std::optional<std::uint64_t> parse_memory(std::string_view text) noexcept;

/// With 17 digits after the point, trailing zeros removed; never an exponent. Precondition:
/// `value` is finite.
[[nodiscard]] std::string format_long_double(long double value);

/// Decimal digits of an integer in place, without allocation.
class integer_text {
 public:
  explicit integer_text(std::int64_t value) noexcept;
  [[nodiscard]] std::string_view view() const noexcept { return {digits_, size_}; }

 private:
  char digits_[20];
  std::size_t size_;
};

/// ASCII case-insensitive equality; `lower` is lower case already.
[[nodiscard]] bool equals_ignoring_case(std::string_view text, std::string_view lower) noexcept;

}  // namespace troupe::resp
