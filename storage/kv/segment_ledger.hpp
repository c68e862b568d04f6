// How many live records each segment of the log holds, and which of the oldest hold none.
//
// Place: storage/kv, owned by a store; told of every record the store appends or recovers.
// Invariants:
//  1. A record is live from its birth until the record that killed it is durable; live() counts
//     exactly those.
//  2. `referenced` counts the records the index refers to now: what a flush kills.
//  3. Segments are reported dead only as a prefix, never the one written last, and only when all
//     records in them are durable: then a tombstone may go with its segment, because what it
//     killed stands in the same prefix.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "storage/base/ids.hpp"
#include "storage/kv/types.hpp"

namespace troupe::kv {

/// Live records by segment ordinal.
class segment_ledger {
 public:
  /// A record that stays until it is killed.
  void born(std::uint32_t segment, lsn sequence) {
    account& its = at(segment);
    ++its.live;
    ++its.referenced;
    its.newest = std::max(its.newest, sequence);
  }
  /// A record that nothing refers to: a part before its head, a batch, the opening of an epoch.
  void noted(std::uint32_t segment, lsn sequence);
  /// Like noted(), for a record that only removes.
  void tombstone(std::uint32_t segment, lsn sequence);
  /// A born record of `segment` is dead once `killer` is durable. Killers ascend.
  void killed(std::uint32_t segment, lsn killer);
  /// All born records are dead once `killer` is durable. Takes time by segments.
  void killed_all(lsn killer);
  void on_durable(lsn durable);

  /// Live records of a segment.
  [[nodiscard]] std::uint64_t live(std::uint32_t segment) const noexcept;
  /// Segments from `kept_from` on stay, whatever they hold.
  [[nodiscard]] std::optional<retirable_prefix> retirable(std::uint32_t kept_from) const;
  void retired(std::uint32_t first_live_ordinal);

 private:
  struct account {
    std::uint32_t live = 0;
    std::uint32_t referenced = 0;
    lsn newest{};     ///< last record in this segment
    lsn tombstone{};  ///< last tombstone in it
    lsn killer{};     ///< last record that killed one of its records
  };
  struct kill {
    lsn last;  ///< the killer that decides
    std::uint32_t segment;
    std::uint32_t count;
  };

  account& at(std::uint32_t segment) {
    const std::size_t index = segment - first_;
    return index < accounts_.size() ? accounts_[index] : opened(segment);
  }
  account& opened(std::uint32_t segment);

  std::vector<account> accounts_;  ///< few, and found for every record: no deque
  std::uint32_t first_ = 0;        ///< ordinal of accounts_[0]
  std::deque<kill> kills_;         ///< not yet durable, in order
  lsn durable_{};
};

}  // namespace troupe::kv
