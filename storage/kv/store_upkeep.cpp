// What the shard has the store do between commands: durability, expiry, eviction, release.
#include <algorithm>

#include "storage/kv/store.hpp"

namespace troupe::kv {
namespace {

constexpr std::size_t durable_evict_budget = 4096;
/// Weight of one sweep in the mean time to live.
constexpr double ttl_weight_min = 0.02;

}  // namespace

void store::on_durable(lsn durable, std::size_t forget_max) {
  durable_ = std::max(durable_, durable);
  forget_deleted(forget_max);
  if (!undecided_parts_.empty())
    undecided_parts_.erase(undecided_parts_.begin(), undecided_parts_.upper_bound(durable_));
  ledger_.on_durable(durable_);
  evict_some(durable_evict_budget);
}

void store::forget_deleted(std::size_t budget) {
  for (; budget > 0 && has_decided_deletes(); --budget, deletes_.pop_front()) {
    const undecided_delete decided = deletes_.front();
    const place at = index_.find_if(decided.hash, [&decided](const entry& its) {
      return its.deleted() && its.last_lsn() == decided.sequence;
    });
    if (at) forget(at, decided.hash);
  }
}

void store::forget(place at, key_hash hash) {
  entry* const gone = at.entry();
  memory_.remove(*gone);
  index_.erase(hash, at);
  entry::destroy(gone);
}

std::size_t store::sweep(std::size_t budget) {
  if (expires_ == 0 || sweeping_ == sweeping::off) return 0;
  now_ms_.reset();
  std::size_t erased = 0;
  double left_ms = 0;
  std::uint64_t left_count = 0;
  for (std::size_t seen = 0; seen < budget && expires_ > 0;) {
    sweep_found_.clear();
    ++seen;
    sweep_cursor_ = index_.scan_from(sweep_cursor_, 1, [&](place at) {
      ++seen;
      if ((at.marks() & mark_deadline) == 0) return;
      __builtin_prefetch(at.entry());
      sweep_found_.push_back(at);
    });
    for (const place at : sweep_found_) {
      const entry& its = *at.entry();
      if (its.deleted()) continue;
      if (!expired(its)) {
        left_ms += static_cast<double>(its.deadline_ms() - now_ms());
        ++left_count;
        continue;
      }
      const durability level = level_beside(its, durability::memory);
      if (!append_tombstone(at, hash(its.key()), level)) return erased;
      if (!watches_.empty()) watches_.removed(its.key());
      ++erased;
    }
  }
  if (left_count > 0) note_ttls(left_ms / static_cast<double>(left_count), left_count);
  return erased;
}

void store::note_ttls(double mean_ms, std::uint64_t count) {
  // Who saw all keys knows; else what was seen before counts on, as in Redis.
  const double share = static_cast<double>(count) / static_cast<double>(expires_);
  const double weight = mean_ttl_ms_ == 0 ? 1 : std::clamp(share, ttl_weight_min, 1.0);
  mean_ttl_ms_ += (mean_ms - mean_ttl_ms_) * weight;
}

std::uint64_t store::mean_ttl_ms() const {
  return expires_ == 0 ? 0 : static_cast<std::uint64_t>(mean_ttl_ms_);
}

bool store::evict_some(std::size_t budget) { return memory_.evict(index_, durable_, budget); }

bool store::release_some(std::size_t budget) {
  std::size_t freed = 0;
  while (!releasing_.empty() && freed < budget) {
    const bool more = releasing_.back().drain([&freed](entry* its) {
      entry::destroy(its);
      ++freed;
    });
    if (!more) releasing_.pop_back();
  }
  return !releasing_.empty();
}

std::optional<retirable_prefix> store::retirable(std::uint32_t kept_from) const {
  return ledger_.retirable(kept_from);
}

void store::retired(std::uint32_t first_live_ordinal) { ledger_.retired(first_live_ordinal); }

}  // namespace troupe::kv
