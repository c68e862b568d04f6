// Writing: every change is a record first and a change of the index second.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "storage/base/coding.hpp"
#include "storage/kv/store.hpp"

namespace troupe::kv {

bool store::put_at_once(std::string_view key, key_hash hash, std::string_view value,
                        std::int64_t deadline_ms) {
  if (key.size() > limits::key_bytes_max || value.size() > limits::part_bytes_max) [[unlikely]]
    return false;
  const auto appended = tail_->append(
      {.type = log::record_type::put, .key = key, .value = value, .deadline_ms = deadline_ms},
      log::space::normal);
  if (!appended) [[unlikely]]
    return false;
  // Member by member: a copy of the whole would be one wide load of what was just stored in halves.
  const stamp by{appended->sequence, appended->where};
  place at = index_.find(hash, key);
  if (at && at.entry()->cached() && !at.entry()->deleted() &&
      at.entry()->can_hold(value.size(), deadline_ms != 0)) [[likely]] {
    overwrite(at, value, deadline_ms, by);
  } else {
    at = install(at, key, hash,
                 {.value = value,
                  .size = static_cast<std::uint32_t>(value.size()),
                  .cached = true,
                  .deadline_ms = deadline_ms,
                  .at = by});
  }
  finish_put(at, key, hash);
  return true;
}

void store::overwrite(place at, std::string_view value, std::int64_t deadline_ms, const stamp& by) {
  entry& its = *at.entry();
  bury(its, by.sequence);
  ledger_.born(by.where.segment, by.sequence);
  // memmove: the value may be a view of this very entry.
  if (!value.empty()) std::memmove(its.tail(), value.data(), value.size());
  its.set_value(by.sequence, by.where, static_cast<std::uint32_t>(value.size()));
  if (deadline_ms != 0) its.set_deadline_ms(deadline_ms);
}

result<void> store::put_with_care(std::string_view key, key_hash hash, std::string_view value,
                                  std::int64_t deadline_ms) {
  if (key.size() > limits::key_bytes_max || value.size() > limits::value_bytes_max) {
    return failure{errc::refused, fmt::format("a key of {} bytes or a value of {} is too large",
                                              key.size(), value.size())};
  }
  if (value.size() > limits::part_bytes_max) {
    std::vector<value_piece> pieces;
    for (std::size_t from = 0; from < value.size(); from += limits::part_bytes_max) {
      pieces.push_back({.bytes = value.substr(from, limits::part_bytes_max)});
    }
    return put_pieces(key, hash, pieces, deadline_ms);
  }
  lacked_room_ = std::max(lacked_room_, key.size() + value.size());
  return failure{errc::no_space, "the log has no room for this write"};
}

void store::finish_put(place at, std::string_view key, key_hash hash) {
  entry& its = *at.entry();
  its.set_level(level_);
  observe(its);
  wrote_ = true;
  if (!watches_.empty()) watches_.changed(key);
  memory_.wrote(hash, its.value_lsn());
  if (memory_.over_budget()) evict_some(write_evict_budget);
}

store::place store::install(place at, std::string_view key, key_hash hash, const incoming& in) {
  const lsn sequence = in.at.sequence;
  const bool with_deadline = in.deadline_ms != 0;
  if (at && !at.entry()->deleted()) {
    const entry& old = *at.entry();
    bury(old, sequence);
    --live_keys_;
    if (old.has_deadline()) --expires_;
  }
  ++live_keys_;
  if (with_deadline) ++expires_;
  ledger_.born(in.at.where.segment, sequence);

  if (at && in.cached && at.entry()->can_hold(in.value.size(), with_deadline)) {
    entry& its = *at.entry();
    const bool was_cached = its.cached();
    if (!was_cached) memory_.remove(its);
    // memmove: the value may be a view of this very entry.
    if (!in.value.empty()) std::memmove(its.tail(), in.value.data(), in.value.size());
    its.set_cached(true);
    its.set_deleted(false);
    if (!was_cached) {
      memory_.add(its);
      at.replace(&its, its.marks());
    }
  } else {
    at = rebuild(at, key, hash, in);
  }
  entry& its = *at.entry();
  its.set_value(sequence, in.at.where, in.size);
  if (with_deadline) its.set_deadline_ms(in.deadline_ms);
  return at;
}

store::place store::rebuild(place at, std::string_view key, key_hash hash, const incoming& in) {
  const bool large = !in.parts.empty();
  const std::size_t tail = large ? part_list_bytes(in.parts.size()) : in.value.size();
  entry* const made = entry::create({.tail_size = tail, .has_deadline = in.deadline_ms != 0}, key);
  if (large)
    write_part_list(made->tail(), in.parts);
  else if (!in.value.empty())
    std::memcpy(made->tail(), in.value.data(), in.value.size());
  made->set_large(large);
  made->set_cached(in.cached);
  memory_.add(*made);
  if (!at) return index_.insert(hash, made, made->marks());
  // Last, because key and value may be views of the old block.
  entry* const old = at.entry();
  memory_.remove(*old);
  at.replace(made, made->marks());
  entry::destroy(old);
  return at;
}

void store::bury(const entry& its, lsn killer) {
  ledger_.killed(its.where().segment, killer);
  if (its.has_expire_record()) ledger_.killed(its.expire_segment(), killer);
  if (!its.large()) return;
  const std::uint32_t parts = listed_parts(its.tail());
  for (std::uint32_t i = 0; i < parts; ++i)
    ledger_.killed(listed_part(its.tail(), i).where.segment, killer);
}

durability store::level_beside(const entry& its, durability level) const noexcept {
  return its.last_lsn() > durable_ ? std::max(level, its.level()) : level;
}

result<bool> store::erase(std::string_view key, key_hash hash) {
  const place at = look_up(key, hash);
  if (!at) return false;
  TRY_VOID(append_tombstone(at, hash, level_));
  if (!watches_.empty()) watches_.removed(key);
  observe(*at.entry());
  wrote_ = true;
  return true;
}

result<void> store::append_tombstone(place at, key_hash hash, durability level) {
  entry& its = *at.entry();
  TRY(const stamp by,
      tail_->append({.type = log::record_type::del, .key = its.key()}, log::space::reserved));
  ledger_.tombstone(by.where.segment, by.sequence);
  bury(its, by.sequence);
  --live_keys_;
  if (its.has_deadline()) --expires_;
  its.set_level(level);
  its.set_last_lsn(by.sequence);
  its.set_deleted(true);
  deletes_.push_back({by.sequence, hash});
  return {};
}

result<bool> store::set_deadline(std::string_view key, key_hash hash, std::int64_t deadline_ms) {
  place at = look_up(key, hash);
  if (!at || (deadline_ms == 0 && !at.entry()->has_deadline())) return false;
  char value_lsn[sizeof(std::uint64_t)];
  store_le(value_lsn, at.entry()->value_lsn().value);
  const log::record_fields fields{.type = log::record_type::expire,
                                  .key = key,
                                  .value = {value_lsn, sizeof value_lsn},
                                  .deadline_ms = deadline_ms};
  if (!has_room(log::encoded_size(fields))) {
    return failure{errc::no_space, "the log has no room for a new deadline"};
  }
  TRY(const stamp by, tail_->append(fields, log::space::normal));
  if (!watches_.empty()) watches_.changed(key);
  at.entry()->set_level(level_beside(*at.entry(), level_));
  at = change_deadline(at, deadline_ms, by);
  observe(*at.entry());
  wrote_ = true;
  return true;
}

store::place store::change_deadline(place at, std::int64_t deadline_ms, const stamp& by) {
  entry* const old = at.entry();
  const bool with_deadline = deadline_ms != 0;
  if (old->has_expire_record()) ledger_.killed(old->expire_segment(), by.sequence);
  ledger_.born(by.where.segment, by.sequence);
  if (old->has_deadline()) --expires_;
  if (with_deadline) ++expires_;
  if (!old->has_expire_record() || old->has_deadline() != with_deadline) {
    entry* const made = entry::reshaped(*old, with_deadline);
    memory_.remove(*old);
    at.replace(made, made->marks());
    memory_.add(*made);
    entry::destroy(old);
  }
  entry& its = *at.entry();
  if (with_deadline) its.set_deadline_ms(deadline_ms);
  its.set_expire_segment(by.where.segment);
  its.set_last_lsn(by.sequence);
  return at;
}

result<void> store::flush_all() {
  observe_absence();
  // Nothing to do, unless what emptied the index could be lost and this flush may not.
  const bool emptied_for_good = flush_lsn_ <= durable_ || flush_level_ >= level_;
  if (index_.size() == 0 && emptied_for_good) return {};
  const char scope = static_cast<char>(log::range_scope::all);
  TRY(const stamp by, tail_->append({.type = log::record_type::del_range, .value = {&scope, 1}},
                                    log::space::reserved));
  watches_.flushed([this](const watched_key& watched) {
    const place at = index_.find(watched.hash, watched.key);
    return at && !at.entry()->deleted();
  });
  ledger_.tombstone(by.where.segment, by.sequence);
  clear_index(by.sequence);
  flush_level_ = flush_lsn_ > durable_ ? std::max(flush_level_, level_) : level_;
  flush_lsn_ = by.sequence;
  observe_absence();
  wrote_ = true;
  return {};
}

void store::clear_index(lsn killer) {
  ledger_.killed_all(killer);
  // What is being uploaded becomes visible later, so it outlives the flush.
  for (const auto& [who, pending] : uploads_) {
    for (const part_position& part : pending.parts) {
      ledger_.born(part.where.segment, part.sequence);
    }
  }
  releasing_.push_back(std::move(index_));
  index_ = entry_index(index::key_hasher(options_.hash_seed));
  memory_.remove_all();
  deletes_.clear();
  undecided_parts_.clear();
  live_keys_ = 0;
  expires_ = 0;
  sweep_cursor_ = 0;
}

void store::begin_batch() { tail_->begin_batch(); }

void store::end_batch() { tail_->end_batch(); }

}  // namespace troupe::kv
