// Reading, and what concerns the store as a whole.
#include "storage/kv/store.hpp"

#include <algorithm>
#include <utility>

namespace troupe::kv {
namespace {

constexpr int random_attempts = 100;
// How far RANDOMKEY walks when nearly all keys are expired.
constexpr std::size_t random_walk_max = 1 << 16;
// Entries of a scan that are fetched together.
constexpr std::size_t scan_group = 32;

void destroy_all(entry_index& index) {
  while (index.drain([](entry* its) { entry::destroy(its); })) {
  }
}

}  // namespace

store::store(store_options options, const clock& time)
    : options_(options),
      clock_(time),
      index_(index::key_hasher(options.hash_seed)),
      memory_(options.memory_bytes) {}

store::store(store_options options, log::log_tail& tail, const clock& time) : store(options, time) {
  finish_recovery(tail);
}

store::~store() {
  destroy_all(index_);
  for (entry_index& flushed : releasing_) destroy_all(flushed);
}

key_hash store::hash(std::string_view key) const { return index_.hash(key); }

void store::forget_missing() {
  missing_.clear();
  missing_lsns_.clear();
}

const std::vector<cold_read>& store::missing() const { return missing_; }

std::int64_t store::now_ms() const {
  if (!now_ms_) {
    const std::int64_t wall = clock_.wall_ms();
    now_ms_ = tail_ == nullptr ? wall : tail_->now_ms(wall);
  }
  return *now_ms_;
}

bool store::has_room(std::size_t bytes) {
  if (tail_->has_room(bytes, log::space::normal)) return true;
  lacked_room_ = std::max(lacked_room_, bytes);
  return false;
}

void store::observe_absence() noexcept {
  if (flush_lsn_ > durable_ && flush_level_ >= durability::durable)
    observed_ = std::max(observed_, flush_lsn_);
}

store::place store::look_up(std::string_view key, key_hash hash) {
  const place at = index_.find(hash, key);
  if (!at) {
    observe_absence();
    return {};
  }
  const entry& its = *at.entry();
  observe(its);
  if (its.deleted() || expired(its)) return {};
  return at;
}

found store::peek(std::string_view key, key_hash hash) {
  const place at = look_up(key, hash);
  if (!at) return {};
  const entry& its = *at.entry();
  return {.state = presence::present,
          .value_size = its.value_size(),
          .deadline_ms = its.deadline_ms(),
          .value_lsn = its.value_lsn(),
          .form = its.form()};
}

std::optional<standing> store::standing_of(std::string_view key, key_hash hash) {
  const place at = look_up(key, hash);
  if (!at) return std::nullopt;
  const entry& its = *at.entry();
  standing now{.where = its.where(), .value_lsn = its.value_lsn(), .in_memory = its.cached()};
  now.log_bytes = log::record_header_bytes + its.key_size();
  if (!its.large()) {
    now.log_bytes += its.value_size();
    return now;
  }
  const std::uint32_t parts = listed_parts(its.tail());
  for (std::uint32_t i = 0; i < parts; ++i) now.log_bytes += listed_part(its.tail(), i).size;
  return now;
}

void store::set_form(std::string_view key, key_hash hash, value_form form) {
  const place at = look_up(key, hash);
  if (at) at.entry()->set_form(form);
}

found store::find(std::string_view key, key_hash hash) {
  const place at = look_up(key, hash);
  if (!at) return {};
  entry& its = *at.entry();
  found hit{.state = presence::present,
            .value_size = its.value_size(),
            .deadline_ms = its.deadline_ms(),
            .value_lsn = its.value_lsn(),
            .form = its.form()};
  if (its.cached()) {
    hit.value = its.value();
    // Only a change is written: the line of a hot entry stays clean.
    if (!its.visited() && reading_ == reading::marks) its.set_visited(true);
    return hit;
  }
  if (its.large()) {
    hit.state = presence::large;
    return hit;
  }
  if (its.value_size() == 0) return hit;
  if (!loans_.empty()) {
    const auto loan = loans_.find(its.value_lsn().value);
    if (loan != loans_.end()) {
      hit.value = loan->second;
      return hit;
    }
  }
  const auto record_bytes = log::record_header_bytes + its.key_size() + its.value_size();
  want({.where = its.where(),
        .size = static_cast<std::uint32_t>(record_bytes),
        .sequence = its.value_lsn(),
        .value_size = its.value_size(),
        .key = std::string(its.key())});
  hit.state = presence::cold;
  return hit;
}

value_parts store::parts_of(std::string_view key, key_hash hash, byte_range range) const {
  const place at = index_.find(hash, key);
  ENSURE(at && at.entry()->large());
  const entry& its = *at.entry();
  ENSURE(range.offset < its.value_size() && range.size > 0);
  value_parts chosen{.value_lsn = its.value_lsn()};
  chosen.size = std::min(range.size, its.value_size() - range.offset);
  const std::uint32_t parts = listed_parts(its.tail());
  std::uint64_t begin = 0;
  for (std::uint32_t i = 0; i < parts && begin < range.offset + chosen.size; ++i) {
    const part_position part = listed_part(its.tail(), i);
    const std::uint64_t end = begin + part.value_size;
    if (end > range.offset) {
      if (chosen.parts.empty()) chosen.skip = range.offset - begin;
      chosen.parts.push_back(part);
    }
    begin = end;
  }
  return chosen;
}

std::optional<std::string_view> store::find_part(const part_position& part) {
  if (part.sequence > durable_) {
    const auto undecided = undecided_parts_.find(part.sequence);
    if (undecided != undecided_parts_.end()) return undecided->second;
  }
  const auto loan = loans_.find(part.sequence.value);
  if (loan != loans_.end()) return loan->second;
  want({.what = cold_read::kind::part,
        .where = part.where,
        .size = part.size,
        .sequence = part.sequence,
        .value_size = part.value_size});
  return std::nullopt;
}

void store::want(cold_read what) {
  if (!missing_lsns_.insert(what.sequence.value).second) return;
  ++cold_finds_;
  missing_.push_back(std::move(what));
}

void store::supply(const cold_read& wanted, std::string value) {
  ENSURE(value.size() == wanted.value_size);
  if (wanted.what == cold_read::kind::put && !cache(wanted, value)) return;
  loans_.insert_or_assign(wanted.sequence.value, std::move(value));
  if (memory_.over_budget()) evict_some(write_evict_budget);
}

bool store::cache(const cold_read& read, std::string_view value) {
  const place at = index_.find_if(hash(read.key), [&read](const entry& its) {
    return its.value_lsn() == read.sequence && !its.deleted();
  });
  if (!at) return false;
  entry& its = *at.entry();
  if (!its.cached() && memory_.admits(value.size())) {
    memory_.remove(its);
    entry* const filled = entry::take_value(&its, value);
    at.replace(filled, filled->marks());
    memory_.add(*filled);
  }
  return true;
}

void store::drop_loans() {
  if (!loans_.empty()) loans_.clear();
}

std::uint64_t store::scan(std::uint64_t cursor, std::size_t count,
                          const std::function<void(std::string_view key)>& visit) const {
  std::vector<place> group;
  for (std::size_t seen = 0;;) {
    group.clear();
    cursor = index_.scan_from(cursor, std::min(count - seen, scan_group), [&group](place at) {
      __builtin_prefetch(at.entry());
      group.push_back(at);
    });
    for (const place at : group) {
      const entry& its = *at.entry();
      if (!its.deleted() && !expired(its)) visit(its.key());
    }
    // An empty stretch counts too, so that a scan of a nearly empty table ends.
    seen += std::max<std::size_t>(group.size(), 1);
    if (cursor == 0 || seen >= count) return cursor;
  }
}

std::optional<std::string_view> store::random_key(prng& random) const {
  for (int attempt = 0; attempt < random_attempts; ++attempt) {
    const place at = index_.random(random);
    if (!at) return std::nullopt;
    const entry& its = *at.entry();
    if (!its.deleted() && !expired(its)) return its.key();
  }
  std::optional<std::string_view> any;
  std::uint64_t cursor = 0;
  for (std::size_t seen = 0; !any && seen < random_walk_max; seen += scan_group) {
    cursor = scan(cursor, scan_group, [&any](std::string_view key) { any = key; });
    if (cursor == 0) break;
  }
  return any;
}

std::uint64_t store::size() const { return live_keys_; }

std::uint64_t store::expires() const { return expires_; }

memory_figures store::memory() const {
  memory_figures now{.value_bytes = memory_.used(),
                     .value_budget = memory_.budget(),
                     .key_bytes = memory_.total() - memory_.used(),
                     .index_bytes = index_.bytes(),
                     .evicted_values = memory_.evicted(),
                     .cold_finds = cold_finds_};
  for (const entry_index& flushed : releasing_) now.releasing_entries += flushed.size();
  for (const auto& [sequence, bytes] : undecided_parts_) now.undecided_bytes += bytes.size();
  return now;
}

std::uint64_t store::memory_of(std::string_view key, key_hash hash) const {
  const place at = index_.find(hash, key);
  if (!at || at.entry()->deleted() || expired(*at.entry())) return 0;
  return at.entry()->block_bytes() + index_.bytes() / std::max<std::uint64_t>(index_.size(), 1);
}

void store::watch(watcher_id who, std::string_view key, key_hash hash) {
  const place at = index_.find(hash, key);
  const bool is_expired = at && !at.entry()->deleted() && expired(*at.entry());
  watches_.watch(who, {.key = std::string(key), .hash = hash, .expired = is_expired});
}

void store::unwatch(watcher_id who) { watches_.unwatch(who); }

bool store::is_dirty(watcher_id who) {
  bool is_gone = false;
  for (const watched_key& watched : watches_.keys_of(who)) {
    const place at = index_.find(watched.hash, watched.key);
    if (!at) {
      observe_absence();
      continue;
    }
    const entry& its = *at.entry();
    observe(its);
    is_gone = is_gone || (!watched.expired && !its.deleted() && expired(its));
  }
  return is_gone || watches_.is_dirty(who);
}

}  // namespace troupe::kv
