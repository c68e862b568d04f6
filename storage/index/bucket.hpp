// A slot and a bucket of the hash index: where one entry's address and tag live.
//
// Place: storage/index, used by sub_table and hash_index only.
// A slot is one word: bits 63..48 tag, 47..4 address of the entry, 3..0 marks of the owner.
// Invariants: (1) 0 = free slot; (2) the used slots of a bucket are a prefix of it, so a bucket is
// full when its last slot is used; (3) entries are 16-byte aligned and below 2^48.
#pragma once

#include <cstdint>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

#include "storage/base/ensure.hpp"

namespace troupe::index {

using slot = std::uint64_t;

inline constexpr slot slot_mark_bits = 0xF;
inline constexpr slot slot_address_bits = 0x0000'FFFF'FFFF'FFF0;
inline constexpr unsigned slots_per_bucket = 8;

/// One cache line of slots.
struct alignas(64) bucket {
  slot slots[slots_per_bucket];

  [[nodiscard]] bool full() const noexcept { return slots[slots_per_bucket - 1] != 0; }
  /// Bit i: slot i has this tag. A free slot counts as tag 0.
  [[nodiscard]] unsigned matching(std::uint32_t tag) const noexcept;
};
static_assert(sizeof(bucket) == slots_per_bucket * 8);

[[nodiscard]] inline std::uint32_t tag_of(slot word) noexcept {
  return static_cast<std::uint32_t>(word >> 48);
}

// All slots at once: which slot holds the entry is random, so a loop that ends there costs a branch
// predicted wrongly for every key.
inline unsigned bucket::matching(std::uint32_t tag) const noexcept {
#ifdef __SSE4_2__
  const auto* pairs = reinterpret_cast<const __m128i*>(slots);
  const auto tags = [pairs](int pair) { return _mm_srli_epi64(_mm_load_si128(pairs + pair), 48); };
  const __m128i low = _mm_packus_epi32(tags(0), tags(1));
  const __m128i high = _mm_packus_epi32(tags(2), tags(3));
  const __m128i same =
      _mm_cmpeq_epi16(_mm_packus_epi32(low, high), _mm_set1_epi16(static_cast<std::int16_t>(tag)));
  return static_cast<unsigned>(_mm_movemask_epi8(_mm_packs_epi16(same, _mm_setzero_si128())));
#else
  unsigned found = 0;
  for (unsigned i = 0; i < slots_per_bucket; ++i) {
    found |= static_cast<unsigned>(tag_of(slots[i]) == tag) << i;
  }
  return found;
#endif
}

[[nodiscard]] inline void* address_of(slot word) noexcept {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(word & slot_address_bits));
}

/// A slot's word. `tag` has 16 bits, `marks` 4.
[[nodiscard]] inline slot make_slot(std::uint32_t tag, const void* address, unsigned marks) {
  const auto bits = static_cast<slot>(reinterpret_cast<std::uintptr_t>(address));
  ENSURE((bits & ~slot_address_bits) == 0 && bits != 0);
  return (static_cast<slot>(tag) << 48) | bits | (marks & slot_mark_bits);
}

/// The same word with another tag.
[[nodiscard]] inline slot with_tag(slot word, std::uint32_t tag) noexcept {
  return (word & 0x0000'FFFF'FFFF'FFFF) | (static_cast<slot>(tag) << 48);
}

}  // namespace troupe::index
