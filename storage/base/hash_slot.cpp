// CRC-16/XMODEM eight bytes at a time: tables[n][b] is the checksum of byte b followed by n zero
// bytes, so the contributions of eight bytes are independent look-ups (Kounavis and Berry, "A
// Systematic Approach to Building High Performance, Software-based, CRC Generators", 2005).
#include "storage/base/hash_slot.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "storage/base/coding.hpp"

namespace troupe {
namespace {

using crc16_table = std::array<std::uint32_t, 256>;  // wide: look-up and sum in one step
constexpr std::size_t step = sizeof(std::uint64_t);  // bytes at a time

constexpr std::uint16_t shift_in_zero_bit(std::uint16_t crc) {
  const std::uint32_t shifted = static_cast<std::uint32_t>(crc) << 1;
  return static_cast<std::uint16_t>((crc & 0x8000) != 0 ? shifted ^ 0x1021 : shifted);
}

constexpr std::array<crc16_table, step> make_tables() {
  std::array<crc16_table, step> tables{};
  for (std::uint32_t byte = 0; byte < 256; ++byte) {
    auto crc = static_cast<std::uint16_t>(byte << 8);
    for (auto& table : tables) {
      for (int bit = 0; bit < 8; ++bit) crc = shift_in_zero_bit(crc);
      table[byte] = crc;
    }
  }
  return tables;
}

constexpr auto tables = make_tables();

/// What byte `index` of `word`, counted from the first in memory, adds to the checksum.
constexpr std::uint32_t contribution(std::uint64_t word, std::size_t index) noexcept {
  return tables[step - 1 - index][(word >> 8 * index) & 0xff];
}

[[gnu::always_inline]] inline std::uint16_t checksum(std::string_view bytes) noexcept {
  std::uint32_t crc = 0;
  const char* from = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= step; left -= step, from += step) {
    // The checksum so far is added to the first two bytes, its high byte to the first.
    const auto word = load_le<std::uint64_t>(from) ^ (crc >> 8 | (crc & 0xff) << 8);
    crc = contribution(word, 0) ^ contribution(word, 1) ^ contribution(word, 2) ^
          contribution(word, 3) ^ contribution(word, 4) ^ contribution(word, 5) ^
          contribution(word, 6) ^ contribution(word, 7);
  }
  for (; left > 0; --left, ++from) {
    crc = ((crc << 8) & 0xffff) ^ tables[0][(crc >> 8) ^ static_cast<unsigned char>(*from)];
  }
  return static_cast<std::uint16_t>(crc);
}

/// Whether there is a '{'. Nearly no key has one, and most are short: calling memchr costs more.
bool has_brace(std::string_view key) noexcept {
#ifdef __SSE2__
  constexpr std::size_t lane = sizeof(__m128i);
  if (key.size() >= lane) {
    const __m128i wanted = _mm_set1_epi8('{');
    const char* const last = key.data() + key.size() - lane;
    __m128i found = _mm_setzero_si128();
    for (const char* from = key.data();; from = std::min(from + lane, last)) {
      const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
      found = _mm_or_si128(found, _mm_cmpeq_epi8(bytes, wanted));
      if (from == last) return _mm_movemask_epi8(found) != 0;
    }
  }
#endif
  return key.find('{') != std::string_view::npos;
}

/// The part of a key with a brace that counts: its hash tag or all of it. Not inlined, so that keys
/// without one pay nothing for it.
[[gnu::noinline]] std::string_view tag_of(std::string_view key) noexcept {
  const std::size_t open = key.find('{');
  const std::size_t close = key.find('}', open + 1);
  if (close == std::string_view::npos || close == open + 1) return key;
  return key.substr(open + 1, close - open - 1);
}

}  // namespace

std::uint16_t crc16(std::string_view bytes) noexcept { return checksum(bytes); }

hash_slot hash_slot_of(std::string_view key) noexcept {
  if (has_brace(key)) [[unlikely]]
    key = tag_of(key);
  return {static_cast<std::uint16_t>(checksum(key) % limits::hash_slots)};
}

}  // namespace troupe
