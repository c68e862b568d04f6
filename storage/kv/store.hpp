// The default engine: one shard's keys and values. Index and cached values in memory, everything
// else in the shard's log.
//
// Place: storage/kv, used by the shard actor and the command handlers. Pure: no actor, no thread,
// no disk; it appends records to the log tail and is told what became durable. Owner: a shard; all
// calls on its reactor's thread. Invariants:
//  1. What the index shows is what replaying the appended records in order would show.
//  2. A value whose record is not durable is in memory, as parts if it is large, unless it was
//     uploaded: such a one is cold at once. An erased key stays as `deleted` in the index until its
//     tombstone is durable.
//  3. An expired key is never visible; time never runs back, and stands still within a command.
//  4. A record counts as live in its segment until the record that killed it is durable.
//  5. A call that fails has changed nothing a client can see. std::bad_alloc may leave any call;
//     the process must then stop and recover from the log.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "storage/base/clock.hpp"
#include "storage/base/ids.hpp"
#include "storage/base/prng.hpp"
#include "storage/base/result.hpp"
#include "storage/kv/large_value.hpp"
#include "storage/kv/memory_tier.hpp"
#include "storage/kv/segment_ledger.hpp"
#include "storage/kv/types.hpp"
#include "storage/kv/watch_registry.hpp"
#include "storage/log/log_tail.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::kv {

/// How a store is set up.
struct store_options {
  shard_id shard{};
  std::uint64_t hash_seed = 0;     ///< the same for all shards of a node
  std::uint64_t memory_bytes = 0;  ///< bound of cached value bytes; 0 = none but the undecided
};

/// One shard's key-value store.
class store {
 public:
  /// Deleted keys freed at once, so that it stays around 200 us.
  static constexpr std::size_t forget_budget = 2048;

  /// A store to be recovered: apply() the log's records, then finish_recovery(). `time` must
  /// outlive it.
  store(store_options options, const clock& time);
  /// An empty store that writes to `tail` at once. Both references must outlive it.
  store(store_options options, log::log_tail& tail, const clock& time);
  ~store();
  store(const store&) = delete;
  store& operator=(const store&) = delete;

  // ---- recovery -------------------------------------------------------------------------------
  /// Takes over one record of the log; all records in order, batches complete. `corrupt` or
  /// `foreign` when it is not a record this store can have written.
  result<void> apply(const log::record_view& record, log::position where);
  /// After the last record: `corrupt` if a key's newest value lacks parts that the log must hold.
  [[nodiscard]] result<void> check_recovered() const;
  /// Ends recovery: everything applied is durable, writing goes on in `tail`, which must outlive
  /// the store. Precondition: check_recovered() succeeds.
  void finish_recovery(log::log_tail& tail);

  // ---- one command ----------------------------------------------------------------------------
  [[nodiscard]] key_hash hash(std::string_view key) const;
  /// First step of a prefetch: all commands at hand take it before any takes the second.
  [[gnu::always_inline]] void prefetch_bucket(key_hash hash) const { index_.prefetch_bucket(hash); }
  /// Second step: waits for the bucket, fetches the entry behind it.
  [[gnu::always_inline]] void prefetch_entry(key_hash hash) const { index_.prefetch_entry(hash); }

  /// Starts a command: observation, missing values and time start anew. `level` is that of its
  /// writes.
  void begin_command(durability level, reading reads = reading::marks) {
    level_ = level;
    newest_observed_ = std::max(newest_observed_, observed_);
    reading_ = reads;
    observed_ = {};
    wrote_ = false;
    lacked_room_ = 0;
    now_ms_.reset();
    if (!missing_.empty()) [[unlikely]]
      forget_missing();
  }
  /// Highest LSN of a record of level `durable` or above that the command depends on: the last
  /// change of every key looked at or written, deleted keys and the last flush included. 0 = none.
  [[nodiscard]] lsn observed() const noexcept { return observed_; }
  /// The command depends on which keys there are, as SCAN does: on every write so far of level
  /// `durable` or above.
  void observe_all() noexcept { observed_ = std::max(observed_, newest_observed_); }
  /// True if the command appended a record.
  [[nodiscard]] bool wrote() const noexcept { return wrote_; }
  /// What find() and find_part() called cold in this command, each once.
  [[nodiscard]] const std::vector<cold_read>& missing() const;
  /// The shard's clock. Stands still within a command.
  [[nodiscard]] std::int64_t now_ms() const;

  /// Looks a key up, with its bytes. A large value is `large`; its bytes stay where they are.
  found find(std::string_view key, key_hash);
  /// What of a large value holds the bytes in `range`. Precondition: the key has one, and some byte
  /// of it is in `range`.
  [[nodiscard]] value_parts parts_of(std::string_view key, key_hash, byte_range range = {}) const;
  /// The bytes of a part, valid like those of found::value; nothing if they are cold.
  [[nodiscard]] std::optional<std::string_view> find_part(const part_position& part);
  /// Looks a key up without its bytes: never `cold`, `value` stays empty.
  found peek(std::string_view key, key_hash);
  /// Where the value of a visible key stands; nothing without the key.
  [[nodiscard]] std::optional<standing> standing_of(std::string_view key, key_hash);
  /// Counts the outcome of a read for the statistics. A lookup does not count by itself: writes
  /// look keys up as well, and a command that met a cold value looks up once more.
  void count_read(presence state) noexcept {
    ++(state == presence::absent ? reads_.misses : reads_.hits);
  }
  [[nodiscard]] const read_counts& reads() const noexcept { return reads_; }

  /// Sets a key, whatever it was before; `deadline_ms` 0 = never expires. `value` may be a view
  /// that find() returned. `refused` beyond limits::key_bytes_max or value_bytes_max, `no_space`
  /// when the log is full.
  result<void> put(std::string_view key, key_hash hash, std::string_view value,
                   std::int64_t deadline_ms) {
    if (put_at_once(key, hash, value, deadline_ms)) [[likely]]
      return {};
    return put_with_care(key, hash, value, deadline_ms);
  }
  /// The same for a value above limits::part_bytes_max that is put together of pieces; what is in
  /// the log already is not written again. Precondition: values that have these parts are visible.
  result<void> put_pieces(std::string_view key, key_hash hash, std::span<const value_piece> pieces,
                          std::int64_t deadline_ms);
  /// Notes how the value that was just put came to be; the next put() makes it natural again.
  void set_form(std::string_view key, key_hash hash, value_form form);
  /// Appends the next part of the value that `who` uploads for `key`; the first one begins it.
  /// Nothing of it is visible. `no_space`: this part is missing, so the upload is to be dropped.
  /// Precondition: the part is not above limits::part_bytes_max.
  result<void> upload_part(upload_id who, std::string_view key, std::string_view part);
  /// Sets `key` to what `who` uploaded for it, like put(). `no_space` if that is not exactly `size`
  /// bytes, or when the log is full; then the upload stays as it is.
  result<void> put_uploaded(upload_id who, std::uint64_t size, std::string_view key, key_hash,
                            std::int64_t deadline_ms);
  /// Forgets what `who` uploaded and no key has; nothing happens if there is nothing.
  void drop_upload(upload_id who);
  /// The newest uploaded value, 0 = none. Until it is durable it can be neither found nor read.
  [[nodiscard]] lsn newest_upload() const noexcept { return uploaded_; }
  /// Removes a key; false = it did not exist. May write into the log's reserve.
  result<bool> erase(std::string_view key, key_hash);
  /// Changes the deadline of a key, 0 = it never expires again; false = no such key, or nothing to
  /// persist.
  result<bool> set_deadline(std::string_view key, key_hash, std::int64_t deadline_ms);
  /// Removes all keys. Takes time by segments and watched keys, not by keys; the memory comes back
  /// through release_some(). May write into the log's reserve.
  result<void> flush_all();

  /// Records between begin_batch() and end_batch() are recovered all or none.
  void begin_batch();
  void end_batch();
  /// True if records of `bytes` in all fit into the log without its reserve.
  [[nodiscard]] bool has_room(std::size_t bytes);
  /// Bytes of the largest write of this command that found no room; 0 = there was room for all.
  [[nodiscard]] std::size_t lacked_room() const noexcept { return lacked_room_; }

  // ---- cold values ----------------------------------------------------------------------------
  /// Hands in what was read for `wanted`, for the command that is run again, and caches it if the
  /// memory budget allows. A value that was replaced meanwhile is ignored.
  void supply(const cold_read& wanted, std::string value);
  /// Ends the loan of supplied values: the command that needed them is done.
  void drop_loans();

  // ---- whole store ----------------------------------------------------------------------------
  /// Visits keys from `cursor` (0 = start) in hash order until about `count` were seen; returns the
  /// next cursor, 0 = done. Cursors are below 2^40. A key that exists during the whole iteration is
  /// visited at least once. `visit` must not change the store.
  std::uint64_t scan(std::uint64_t cursor, std::size_t count,
                     const std::function<void(std::string_view key)>& visit) const;
  /// A visible key, about equally likely each; nothing when there is none to be found.
  [[nodiscard]] std::optional<std::string_view> random_key(prng& random) const;
  /// Number of keys; expired ones count until they are swept.
  [[nodiscard]] std::uint64_t size() const;
  /// Number of keys that have a deadline.
  [[nodiscard]] std::uint64_t expires() const;
  /// Mean time to live of the keys that have a deadline, estimated from those that sweep() saw
  /// lately; 0 = there are none, or none was seen yet.
  [[nodiscard]] std::uint64_t mean_ttl_ms() const;
  [[nodiscard]] memory_figures memory() const;
  /// Bytes that one key costs in memory, cached value included; 0 = absent.
  [[nodiscard]] std::uint64_t memory_of(std::string_view key, key_hash) const;

  // ---- upkeep, called by the shard ------------------------------------------------------------
  /// All records up to `durable` survive a crash. Never inside a batch: a batch survives whole.
  /// Frees up to `forget_max` deleted keys.
  void on_durable(lsn durable, std::size_t forget_max = forget_budget);
  /// Frees up to `budget` keys whose tombstones are durable. Whoever is in the middle of a scan
  /// that must not see a key twice frees none, here and in on_durable().
  void forget_deleted(std::size_t budget);
  /// True when forget_deleted() would free something.
  [[nodiscard]] bool has_decided_deletes() const noexcept {
    return !deletes_.empty() && deletes_.front().sequence <= durable_;
  }
  /// Appends tombstones for expired keys found among the next `budget` keys of an endless walk;
  /// returns their number. Stops early when the log is full.
  std::size_t sweep(std::size_t budget);
  /// Off: sweep() does nothing. What expired stays invisible all the same.
  void set_sweeping(sweeping how) { sweeping_ = how; }
  /// Evicts cached values above the memory budget, looking at up to `budget` keys; false = nothing
  /// more to do now.
  bool evict_some(std::size_t budget);
  /// Frees up to about `budget` flushed entries; false = none left.
  bool release_some(std::size_t budget);
  /// Oldest segments without a live record, if any; the same answer until retired() is called.
  /// Segments from `kept_from` on are not among them: somebody still reads there.
  [[nodiscard]] std::optional<retirable_prefix> retirable(
      std::uint32_t kept_from = UINT32_MAX) const;
  /// The segments below `first_live_ordinal` are gone.
  void retired(std::uint32_t first_live_ordinal);

  // ---- WATCH ----------------------------------------------------------------------------------
  /// From now on a change of `key` makes `who` dirty.
  void watch(watcher_id who, std::string_view key, key_hash);
  /// Forgets `who`, its keys and its state.
  void unwatch(watcher_id who);
  /// True if a key watched by `who` was changed, flushed or expired since. A key that was absent or
  /// expired when it was watched may stay so. Looks at the keys: observed() covers them.
  [[nodiscard]] bool is_dirty(watcher_id who);

 private:
  using place = index::place<entry>;
  using stamp = log::log_tail::appended_record;

  /// A new value of a key, whose record is in the log.
  struct incoming {
    std::string_view value{};  ///< the bytes, if they are to be cached
    std::uint32_t size = 0;
    bool cached = false;
    std::span<const part_position> parts{};  ///< of a large value
    std::int64_t deadline_ms = 0;
    stamp at{};
  };
  /// Slots a write looks at to get back to the memory budget.
  static constexpr std::size_t write_evict_budget = 1024;

  struct undecided_delete {
    lsn sequence;
    key_hash hash;
  };

  [[nodiscard]] bool expired(const entry& its) const {
    return its.has_deadline() && its.deadline_ms() < now_ms();
  }
  void forget_missing();
  void observe(const entry& its) noexcept {
    if (its.level() >= durability::durable) observed_ = std::max(observed_, its.last_lsn());
  }
  void observe_absence() noexcept;
  /// The place of a key, observed; none unless the key is visible.
  place look_up(std::string_view key, key_hash hash);
  void want(cold_read what);
  /// Caches what was read if it is worth it; false = it is not the key's value any more.
  bool cache(const cold_read& read, std::string_view value);

  /// Sets a key whose value is one record; false = not done, put_with_care() does it or says why
  /// not. Apart, so that all arguments travel in registers: a value passed on the stack is read
  /// back with one wide load, which has to wait for all stores of the command before.
  bool put_at_once(std::string_view key, key_hash hash, std::string_view value,
                   std::int64_t deadline_ms);
  result<void> put_with_care(std::string_view key, key_hash hash, std::string_view value,
                             std::int64_t deadline_ms);
  /// One part of a large value, in the log.
  result<void> append_part(upload& to, std::string_view key, std::string_view piece);
  /// One that is in the log already, `times` times.
  void add_part(upload& to, part_position part, std::uint32_t times);
  /// Its parts are dead.
  void bury_parts(const upload& dead);
  /// The head that makes them a key's value; returns its LSN.
  result<lsn> put_parts(const upload& from, std::string_view key, key_hash hash,
                        std::int64_t deadline_ms);
  void finish_put(place at, std::string_view key, key_hash hash);
  /// Puts a value over one that needs a block of the same shape.
  void overwrite(place at, std::string_view value, std::int64_t deadline_ms, const stamp& by);
  /// Makes `in` the value of the key whose place is `at` (none: a new key). Its parts, if any, were
  /// counted as live when they were appended.
  place install(place at, std::string_view key, key_hash hash, const incoming& in);
  place rebuild(place at, std::string_view key, key_hash hash, const incoming& in);
  place change_deadline(place at, std::int64_t deadline_ms, const stamp& by);
  /// The records that an entry refers to are dead once `killer` is durable.
  void bury(const entry& its, lsn killer);
  /// Appends a tombstone for an entry that is not deleted and marks it so. Moves no slot.
  result<void> append_tombstone(place at, key_hash hash, durability level);
  /// What a change that leaves the value as it was must demand: not less than an undecided value.
  [[nodiscard]] durability level_beside(const entry& its, durability level) const noexcept;
  void forget(place at, key_hash hash);
  void clear_index(lsn killer);
  /// A sweep saw `count` keys with that mean time to live.
  void note_ttls(double mean_ms, std::uint64_t count);

  void apply_del(std::string_view key, lsn killer);
  result<void> apply_put(const log::record_view& record, log::position where);
  result<void> apply_expire(const log::record_view& record, log::position where);
  result<void> apply_range(const log::record_view& record, log::position where);

  const store_options options_;
  const clock& clock_;
  log::log_tail* tail_ = nullptr;  ///< none during recovery
  entry_index index_;
  memory_tier memory_;
  segment_ledger ledger_;
  watch_registry watches_;
  recovered_parts recovered_parts_;                     ///< recovery only
  std::map<std::string, lsn, std::less<>> incomplete_;  ///< recovery only: heads without parts
  std::vector<entry_index> releasing_;  ///< flushed indexes whose entries are still to be freed
  /// Bytes of parts that are not durable: they could not be read back yet.
  std::map<lsn, std::string> undecided_parts_;
  std::map<upload_id, upload> uploads_;
  lsn uploaded_{};                        ///< newest_upload()
  std::deque<undecided_delete> deletes_;  ///< in LSN order

  std::uint64_t live_keys_ = 0;
  std::uint64_t expires_ = 0;
  std::uint64_t cold_finds_ = 0;
  read_counts reads_;
  sweeping sweeping_ = sweeping::on;
  std::uint64_t sweep_cursor_ = 0;
  std::vector<place> sweep_found_;
  double mean_ttl_ms_ = 0;
  lsn durable_{};
  lsn flush_lsn_{};
  durability flush_level_ = durability::memory;

  lsn newest_observed_{};  ///< by all earlier commands, so no write of level durable is above it

  // The current command.
  durability level_ = durability::memory;
  reading reading_ = reading::marks;
  lsn observed_{};
  bool wrote_ = false;
  std::size_t lacked_room_ = 0;
  mutable std::optional<std::int64_t> now_ms_;
  std::vector<cold_read> missing_;
  std::unordered_set<std::uint64_t> missing_lsns_;
  std::unordered_map<std::uint64_t, std::string> loans_;  ///< supplied values by their LSN
};

}  // namespace troupe::kv
