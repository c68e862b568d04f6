// One piece of the hash index: up to about a thousand slots in hash order.
//
// Place: storage/index, owned by a directory. A sub-table of depth d holds the entries whose hashes
// share their first d bits; the next 16 bits are an entry's tag, and an entry's home is bucket
// tag * buckets / 2^16. So the order of homes is the order of hashes, and a sub-table is resized or
// merged without touching an entry; only a split needs one more bit of each hash.
// Invariants:
//  1. An entry lies in its home or, if that is full, in the first bucket after it (cyclic) that had
//     room: every bucket from the home to it is full. Erasing keeps this by moving entries back.
//  2. At least one slot is free, so every search ends.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "storage/index/bucket.hpp"
#include "storage/index/key_hash.hpp"

namespace troupe::index {

/// Deepest sub-table: 24 bits of prefix and 16 of tag make the 40 bits of a scan position.
inline constexpr unsigned depth_max = 24;
/// Size at which a sub-table splits.
inline constexpr std::uint32_t split_buckets = 128;
/// Entries a sub-table of `buckets` may hold: 90 % of the slots, at least one slot stays free.
[[nodiscard]] constexpr std::uint32_t slots_usable(std::uint32_t buckets) noexcept {
  return buckets * 36 / 5;
}
static_assert(slots_usable(1) == 7 && slots_usable(split_buckets) < 1000);
/// Two siblings that together hold no more than this become one.
inline constexpr std::uint32_t merge_entries = slots_usable(split_buckets) * 2 / 5;

/// Gives the hash of an entry's key.
using rehash = key_hash (*)(const key_hasher&, const void* entry);

/// A sub-table, by value: address, number of buckets and depth in one word. Does not own.
class sub_table {
 public:
  sub_table() = default;

  /// An empty sub-table; to be freed with release().
  [[nodiscard]] static sub_table make(unsigned depth, std::uint32_t buckets);
  void release() noexcept;

  [[nodiscard]] bucket* buckets() const noexcept {
    return reinterpret_cast<bucket*>(static_cast<std::uintptr_t>(word_ & address_bits));
  }
  [[nodiscard]] std::uint32_t bucket_count() const noexcept {
    return static_cast<std::uint32_t>(word_ >> 48);
  }
  [[nodiscard]] unsigned depth() const noexcept { return static_cast<unsigned>(word_ & 0x3F); }
  [[nodiscard]] std::uint32_t size() const noexcept { return header().count; }
  /// Bytes of its block.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return (std::size_t{1} + bucket_count()) * sizeof(bucket);
  }

  [[nodiscard]] std::uint32_t tag(key_hash hash) const noexcept {
    return static_cast<std::uint32_t>((hash.value << depth()) >> 48);
  }
  [[nodiscard]] std::uint32_t home(std::uint32_t tag) const noexcept {
    return (tag * bucket_count()) >> 16;
  }
  /// The bucket after `at`, cyclic.
  [[nodiscard]] std::uint32_t after(std::uint32_t at) const noexcept {
    return at + 1 == bucket_count() ? 0 : at + 1;
  }
  /// Smallest tag whose home is `at`; 2^16 for at == bucket_count().
  [[nodiscard]] std::uint32_t first_tag(std::uint32_t at) const noexcept {
    return static_cast<std::uint32_t>(((std::uint64_t{at} << 16) + bucket_count() - 1) /
                                      bucket_count());
  }

  /// True if an insert must grow the sub-table first.
  [[nodiscard]] bool at_limit() const noexcept { return size() >= slots_usable(bucket_count()); }
  /// Puts a word whose tag is for this depth into a free slot. Precondition: !at_limit().
  slot* insert(slot word) noexcept;
  /// Frees a slot of this sub-table and moves others so that invariant 1 holds.
  void erase(slot* at) noexcept;

  /// The same entries in a new sub-table of `buckets`; this one stays.
  [[nodiscard]] sub_table resized(std::uint32_t buckets) const;
  /// The same entries in two new sub-tables of depth + 1, lower half first; this one stays.
  [[nodiscard]] std::pair<sub_table, sub_table> split(const key_hasher&, rehash) const;
  /// The entries of both in one new sub-table of depth - 1; both stay.
  [[nodiscard]] static sub_table merged(sub_table lower, sub_table upper);

 private:
  // Lies in the cache line before the buckets: only inserts and erases touch it.
  struct header_line {
    std::uint32_t count;
  };
  static constexpr std::uint64_t address_bits = 0x0000'FFFF'FFFF'FFC0;

  [[nodiscard]] header_line& header() const noexcept {
    return *reinterpret_cast<header_line*>(buckets() - 1);
  }
  slot* place(slot word) noexcept;

  // Bits 63..48 buckets, 47..6 address of the first bucket, 5..0 depth.
  std::uint64_t word_ = 0;
};
static_assert(sizeof(sub_table) == 8);

/// Buckets for `entries` at a load of 80 %.
[[nodiscard]] constexpr std::uint32_t buckets_for(std::uint32_t entries) noexcept {
  return entries * 5 / 32 + 1;
}
static_assert(slots_usable(buckets_for(7)) > 7 && slots_usable(buckets_for(1000)) > 1000);

}  // namespace troupe::index
