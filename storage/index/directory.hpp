// The sub-tables of one hash index, found by the first bits of a hash.
//
// Place: storage/index, owned by a hash_index. Untyped: knows slots, not entries.
// Invariants:
//  1. There are 2^depth words; a sub-table of depth d stands in 2^(depth - d) neighbouring ones.
//  2. One insert or erase resizes, splits or merges sub-tables of at most slots_usable(
//     split_buckets) = 921 entries; only beyond depth_max (16 thousand million entries) may
//     sub-tables be larger.
//  3. The directory itself is doubled or halved in one step of 8 bytes per about 700 entries, each
//     time their number doubled: 256 KiB at 10 million entries, where an insert took 0.6 ms.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/index/key_hash.hpp"
#include "storage/index/sub_table.hpp"

namespace troupe::index {

/// Owner of the sub-tables. Moves leave the source fit for destruction only.
class directory {
 public:
  directory(key_hasher hasher, rehash hash_of);
  ~directory();
  directory(directory&& other) noexcept;
  directory& operator=(directory&& other) noexcept;

  /// The sub-table for a hash.
  [[nodiscard]] sub_table at(key_hash hash) const noexcept {
    return tables_[(hash.value >> 1) >> (63 - depth_)];
  }
  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Bytes of sub-tables and directory.
  [[nodiscard]] std::size_t bytes() const noexcept {
    return bytes_ + tables_.capacity() * sizeof(sub_table);
  }

  /// Adds an entry; room is made first. Moves slots.
  slot* insert(key_hash hash, const void* address, unsigned marks);
  /// Frees a slot of the sub-table for `hash`. Moves slots.
  void erase(key_hash hash, slot* place);

  /// Takes one sub-table out and frees it after `visit(address)` of each of its entries; false =
  /// none is left. After the first call only drain(), size() and destruction are allowed.
  template <class Visit>
  bool drain(Visit&& visit);

 private:
  void grow(key_hash hash);
  void shrink(key_hash hash);
  void split(key_hash hash);
  [[nodiscard]] bool merge(key_hash hash);
  /// Replaces the sub-tables that cover the prefix of `now`'s depth at `hash`.
  void put_in(key_hash hash, sub_table now) noexcept;
  void adopt(sub_table table) noexcept;
  void discard(sub_table table) noexcept;
  void release_all() noexcept;

  key_hasher hasher_;
  rehash hash_of_;
  std::vector<sub_table> tables_;
  unsigned depth_ = 0;
  std::uint64_t size_ = 0;
  std::size_t bytes_ = 0;
  std::array<std::uint32_t, depth_max + 1> at_depth_{};  ///< number of sub-tables by depth
  std::size_t drained_ = 0;                              ///< words already drained
};

template <class Visit>
bool directory::drain(Visit&& visit) {
  if (drained_ == tables_.size()) return false;
  const sub_table table = tables_[drained_];
  const std::size_t words = std::size_t{1} << (depth_ - table.depth());
  for (std::uint32_t b = 0; b < table.bucket_count(); ++b)
    for (const slot word : table.buckets()[b].slots)
      if (word != 0) visit(address_of(word));
  size_ -= table.size();
  discard(table);
  drained_ += words;
  return drained_ != tables_.size();
}

}  // namespace troupe::index
