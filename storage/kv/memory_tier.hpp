// Which values stay in memory: accounting of what entries cost, and CLOCK eviction of cached
// values.
//
// Place: storage/kv, owned by a store. Everything the store needs to know of eviction is in this
// interface, so that another policy can take its place.
// Invariants:
//  1. used() is the sum of cached_bytes(), total() that of block_bytes(), over the entries added
//     and not removed; what malloc really spends is counted.
//  2. A value is evicted only if its record is durable: before that it could not be read back.
//  3. With a budget of 0 every value goes as soon as it is durable, without a walk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "storage/base/ids.hpp"
#include "storage/index/hash_index.hpp"
#include "storage/kv/entry.hpp"

namespace troupe::kv {

using entry_index = index::hash_index<entry>;

/// The cached values of one store.
class memory_tier {
 public:
  explicit memory_tier(std::uint64_t budget_bytes) : budget_(budget_bytes) {}

  /// Counts an entry; to be undone by remove() before its block changes in any way.
  void add(const entry& counted) noexcept;
  void remove(const entry& counted) noexcept;
  /// Nothing is counted any more: the entries are out of the index.
  void remove_all() noexcept;

  [[nodiscard]] std::uint64_t budget() const noexcept { return budget_; }
  [[nodiscard]] std::uint64_t used() const noexcept { return used_; }
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_; }
  [[nodiscard]] bool over_budget() const noexcept { return used_ > budget_; }
  /// True if `bytes` more fit without evicting anything.
  [[nodiscard]] bool has_space_for(std::size_t bytes) const noexcept {
    return used_ + bytes <= budget_;
  }
  /// True if a value read from disk is worth a place: not if it would push out most others.
  [[nodiscard]] bool admits(std::size_t bytes) const noexcept { return bytes <= budget_ / 8; }

  /// Tells that the value of the entry for `hash` was cached by a write.
  void wrote(key_hash hash, lsn value_lsn) {
    if (budget_ == 0) written_.push_back({value_lsn, hash});
  }
  /// Evicts values until the budget is kept, looking at up to about `budget` slots; false = kept,
  /// or nothing more can go before more is durable. Replaces entries in the index, moves no slot.
  bool evict(entry_index& index, lsn durable, std::size_t budget);

 private:
  struct written {
    lsn sequence;
    key_hash hash;
  };

  void evict_one(index::place<entry> at);
  bool evict_durable(entry_index& index, lsn durable);

  const std::uint64_t budget_;
  std::uint64_t used_ = 0;
  std::uint64_t total_ = 0;
  std::uint64_t evicted_ = 0;
  std::uint64_t hand_ = 0;  ///< the CLOCK's hand: a scan position of the index
  lsn stalled_at_{};        ///< durable LSN at which a walk found nothing to evict
  bool stalled_ = false;
  std::deque<written> written_;  ///< only with a budget of 0
  std::vector<index::place<entry>> candidates_;
};

}  // namespace troupe::kv
