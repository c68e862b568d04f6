// Fixed-width little-endian integers in byte buffers. Bytes are `std::string_view`/`char`
// throughout.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>

namespace troupe {

static_assert(std::endian::native == std::endian::little, "big-endian hosts need byte swaps here");

/// Reads an integer from `from`, which must have sizeof(T) readable bytes.
template <std::integral T>
[[nodiscard]] inline T load_le(const char* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

/// Writes an integer to `to`, which must have sizeof(T) writable bytes.
template <std::integral T>
inline void store_le(char* to, T value) noexcept {
  std::memcpy(to, &value, sizeof value);
}

/// Appends an integer to a growing buffer.
template <std::integral T>
inline void append_le(std::string& to, T value) {
  char bytes[sizeof(T)];
  store_le(bytes, value);
  to.append(bytes, sizeof bytes);
}

/// Next multiple of `alignment` (a power of two) at or above `size`.
[[nodiscard]] constexpr std::uint64_t align_up(std::uint64_t size, std::uint64_t alignment) {
  return (size + alignment - 1) & ~(alignment - 1);
}

}  // namespace troupe
