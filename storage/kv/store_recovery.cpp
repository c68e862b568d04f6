// Rebuilding the store from its log. Everything read is durable, so kills count at once.
#include <fmt/format.h>

#include <algorithm>

#include "storage/base/coding.hpp"
#include "storage/kv/store.hpp"

namespace troupe::kv {
namespace {

failure not_ours(const log::record_view& record, std::string_view what) {
  return {errc::foreign, fmt::format("the {} record with LSN {} has {}, which this version does "
                                     "not know",
                                     log::to_string(record.type), record.sequence.value, what)};
}

}  // namespace

result<void> store::apply(const log::record_view& record, log::position where) {
  if (record.collection != collection_id{}) return not_ours(record, "a collection");
  if (!record.member.empty()) return not_ours(record, "a member");
  switch (record.type) {
    case log::record_type::put:
    case log::record_type::head: TRY_VOID(apply_put(record, where)); break;
    case log::record_type::part:
      ledger_.noted(where.segment, record.sequence);
      TRY_VOID(
          recovered_parts_.add({.where = where,
                                .size = static_cast<std::uint32_t>(record.size),
                                .sequence = record.sequence,
                                .value_size = static_cast<std::uint32_t>(record.value.size())}));
      break;
    case log::record_type::del:
      ledger_.tombstone(where.segment, record.sequence);
      apply_del(record.key, record.sequence);
      break;
    case log::record_type::del_range: TRY_VOID(apply_range(record, where)); break;
    case log::record_type::expire: TRY_VOID(apply_expire(record, where)); break;
    case log::record_type::no_op:
    case log::record_type::batch: ledger_.noted(where.segment, record.sequence); break;
    default: return not_ours(record, "a type");
  }
  // Parts may come before batched records with smaller LSNs.
  durable_ = std::max(durable_, record.sequence);
  ledger_.on_durable(durable_);
  return {};
}

void store::apply_del(std::string_view key, lsn killer) {
  if (const auto lacking = incomplete_.find(key); lacking != incomplete_.end())
    incomplete_.erase(lacking);
  const key_hash its_hash = hash(key);
  const place at = index_.find(its_hash, key);
  if (!at) return;
  bury(*at.entry(), killer);
  --live_keys_;
  if (at.entry()->has_deadline()) --expires_;
  forget(at, its_hash);
}

result<void> store::apply_put(const log::record_view& record, log::position where) {
  incoming in{.deadline_ms = record.deadline_ms, .at = {record.sequence, where}};
  std::vector<part_position> parts;
  if (record.type == log::record_type::head) {
    TRY(const log::head_prefix prefix, log::decode_head(record.value));
    auto taken = recovered_parts_.named_by(record.value);
    if (!taken && taken.error().code == errc::not_found) {
      // Its parts were retired, so a later record must kill it; until then its key has no value.
      apply_del(record.key, record.sequence);
      incomplete_.insert_or_assign(std::string(record.key), record.sequence);
      ledger_.noted(where.segment, record.sequence);
      return {};
    }
    TRY(parts, std::move(taken));
    for (const part_position& part : parts) ledger_.born(part.where.segment, part.sequence);
    in.parts = parts;
    in.size = static_cast<std::uint32_t>(prefix.total_length);
  } else {
    in.size = static_cast<std::uint32_t>(record.value.size());
    in.cached = memory_.has_space_for(record.value.size());
    if (in.cached) in.value = record.value;
  }
  if (const auto lacking = incomplete_.find(record.key); lacking != incomplete_.end())
    incomplete_.erase(lacking);
  const key_hash its_hash = hash(record.key);
  install(index_.find(its_hash, record.key), record.key, its_hash, in);
  return {};
}

result<void> store::apply_expire(const log::record_view& record, log::position where) {
  if (record.value.size() != sizeof(std::uint64_t)) {
    return failure{errc::corrupt,
                   fmt::format("the expire record with LSN {} has a value of {} bytes, not 8",
                               record.sequence.value, record.value.size())};
  }
  const lsn meant{load_le<std::uint64_t>(record.value.data())};
  const place at = index_.find(hash(record.key), record.key);
  if (at && at.entry()->value_lsn() == meant) {
    change_deadline(at, record.deadline_ms, {record.sequence, where});
  } else {
    ledger_.noted(where.segment, record.sequence);
  }
  return {};
}

result<void> store::apply_range(const log::record_view& record, log::position where) {
  const std::string_view all(record.value);
  if (all.size() != 1 || static_cast<log::range_scope>(all[0]) != log::range_scope::all)
    return not_ours(record, "a range");
  ledger_.tombstone(where.segment, record.sequence);
  incomplete_.clear();
  clear_index(record.sequence);
  while (release_some(SIZE_MAX)) {
  }
  return {};
}

result<void> store::check_recovered() const {
  if (incomplete_.empty()) return {};
  return failure{errc::corrupt, fmt::format("the large value with LSN {} lacks parts that the log "
                                            "must hold",
                                            incomplete_.begin()->second.value)};
}

void store::finish_recovery(log::log_tail& tail) {
  ENSURE(incomplete_.empty());
  tail_ = &tail;
  recovered_parts_.clear();
  // The segment now written is never retirable, even while nothing of it is known here.
  ledger_.noted(tail.active_segment(), tail.appended());
}

}  // namespace troupe::kv
