#include "storage/kv/memory_tier.hpp"

#include <algorithm>

namespace troupe::kv {

void memory_tier::add(const entry& counted) noexcept {
  used_ += counted.cached_bytes();
  total_ += counted.block_bytes();
}

void memory_tier::remove(const entry& counted) noexcept {
  used_ -= counted.cached_bytes();
  total_ -= counted.block_bytes();
}

void memory_tier::remove_all() noexcept {
  used_ = 0;
  total_ = 0;
  hand_ = 0;
  stalled_ = false;
  written_.clear();
}

void memory_tier::evict_one(index::place<entry> at) {
  remove(*at.entry());
  entry* const smaller = entry::drop_value(at.entry());
  at.replace(smaller, smaller->marks());
  add(*smaller);
  ++evicted_;
}

bool memory_tier::evict_durable(entry_index& index, lsn durable) {
  for (; !written_.empty() && written_.front().sequence <= durable; written_.pop_front()) {
    const lsn sequence = written_.front().sequence;
    const auto at = index.find_if(written_.front().hash, [sequence](const entry& candidate) {
      return candidate.cached() && candidate.value_lsn() == sequence;
    });
    if (at) evict_one(at);
  }
  return false;
}

bool memory_tier::evict(entry_index& index, lsn durable, std::size_t budget) {
  if (budget_ == 0) return evict_durable(index, durable);
  if (!over_budget() || (stalled_ && stalled_at_ == durable)) return false;
  const std::uint64_t evicted_before = evicted_;
  for (std::size_t seen = 0; over_budget() && seen < budget;) {
    candidates_.clear();
    ++seen;
    hand_ = index.scan_from(hand_, 1, [&](index::place<entry> at) {
      ++seen;
      if ((at.marks() & mark_cached) == 0) return;
      __builtin_prefetch(at.entry());
      candidates_.push_back(at);
    });
    for (const auto at : candidates_) {
      if (!over_budget()) break;
      entry& candidate = *at.entry();
      if (candidate.value_lsn() > durable) continue;
      if (candidate.visited())
        candidate.set_visited(false);
      else
        evict_one(at);
    }
  }
  // Without this, a burst of undecided values would make every write walk in vain.
  stalled_ = over_budget() && evicted_ == evicted_before;
  stalled_at_ = durable;
  return over_budget() && !stalled_;
}

}  // namespace troupe::kv
