#include "storage/kv/segment_ledger.hpp"

#include <algorithm>

#include "storage/base/ensure.hpp"

namespace troupe::kv {
namespace {

// Neighbouring kills in one segment share an entry, which the last of them decides. Bounded, so
// that the entry at the end of the queue is not put off for ever by new ones.
constexpr std::uint32_t shared_kills_max = 64;

}  // namespace

segment_ledger::account& segment_ledger::opened(std::uint32_t segment) {
  ENSURE(segment >= first_);
  accounts_.resize(segment - first_ + std::size_t{1});
  return accounts_.back();
}

void segment_ledger::noted(std::uint32_t segment, lsn sequence) {
  account& its = at(segment);
  its.newest = std::max(its.newest, sequence);
}

void segment_ledger::tombstone(std::uint32_t segment, lsn sequence) {
  account& its = at(segment);
  its.newest = std::max(its.newest, sequence);
  its.tombstone = sequence;
}

void segment_ledger::killed(std::uint32_t segment, lsn killer) {
  account& its = at(segment);
  ENSURE(its.referenced > 0);
  --its.referenced;
  its.killer = killer;
  if (!kills_.empty()) {
    kill& last = kills_.back();
    if (last.segment == segment && last.count < shared_kills_max) {
      last.last = killer;
      ++last.count;
      return;
    }
  }
  kills_.push_back({killer, segment, 1});
}

void segment_ledger::killed_all(lsn killer) {
  for (std::size_t i = 0; i < accounts_.size(); ++i) {
    account& its = accounts_[i];
    if (its.referenced == 0) continue;
    its.killer = killer;
    kills_.push_back({killer, first_ + static_cast<std::uint32_t>(i), its.referenced});
    its.referenced = 0;
  }
}

void segment_ledger::on_durable(lsn durable) {
  durable_ = std::max(durable_, durable);
  for (; !kills_.empty() && kills_.front().last <= durable; kills_.pop_front()) {
    account& its = at(kills_.front().segment);
    ENSURE(its.live >= kills_.front().count);
    its.live -= kills_.front().count;
  }
}

std::uint64_t segment_ledger::live(std::uint32_t segment) const noexcept {
  const std::size_t index = segment - first_;
  return segment >= first_ && index < accounts_.size() ? accounts_[index].live : 0;
}

std::optional<retirable_prefix> segment_ledger::retirable(std::uint32_t kept_from) const {
  retirable_prefix prefix;
  std::size_t dead = 0;
  // The last account is the segment written last: it stays.
  for (; dead + 1 < accounts_.size(); ++dead) {
    const account& its = accounts_[dead];
    if (its.live > 0 || its.newest > durable_ || first_ + dead >= kept_from) break;
    prefix.consistent_from = std::max(prefix.consistent_from, its.killer);
    prefix.purged = std::max(prefix.purged, its.tombstone);
  }
  if (dead == 0) return std::nullopt;
  prefix.first_live_ordinal = first_ + static_cast<std::uint32_t>(dead);
  return prefix;
}

void segment_ledger::retired(std::uint32_t first_live_ordinal) {
  if (first_live_ordinal <= first_) return;
  const std::size_t count = first_live_ordinal - first_;
  ENSURE(count <= accounts_.size());
  const auto end = accounts_.begin() + static_cast<std::ptrdiff_t>(count);
  ENSURE(std::all_of(accounts_.begin(), end, [](const account& its) { return its.live == 0; }));
  accounts_.erase(accounts_.begin(), end);
  first_ = first_live_ordinal;
}

}  // namespace troupe::kv
