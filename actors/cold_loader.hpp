// Cold reads of one shard: which records are being read, and for whom.
//
// Place: actors, CAF-free core of the shard actor, on its reactor's thread. The disk work is done
// by the data_reader through cold_reads::read_record; answers come back to on_record.
// Invariants:
//  1. At most reads_in_flight_max records are asked for at a time; the rest wait in order.
//  2. A record is read once however many commands wait for it.
//  3. A record that is not durable yet is not asked for: its bytes may not be on disk.
//  4. Every waiter is named by exactly one finished load, failed ones included.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/base/result.hpp"
#include "storage/kv/store.hpp"

namespace troupe::actors {

/// Names the queue of commands one connection (or transaction) has at a shard.
struct lane_key {
  std::uint32_t gateway = 0;
  std::uint64_t connection = 0;
  friend auto operator<=>(const lane_key&, const lane_key&) = default;
};

/// How the loader asks for records.
class record_reader {
 public:
  virtual ~record_reader() = default;
  /// Read `size` bytes at `where`; the answer carries `ticket`.
  virtual void read_record(std::uint64_t ticket, log::position where, std::uint32_t size) = 0;
};

/// The value in `record` if that is the put with this LSN and key, its CRC included.
[[nodiscard]] result<std::string_view> value_in(std::string_view record, shard_id shard,
                                                lsn expected, std::string_view key);
/// The same for a part; it need not have been written for the key that is read.
[[nodiscard]] result<std::string_view> part_in(std::string_view record, shard_id shard,
                                               const kv::part_position& expected);

/// Loads values from disk for commands that wait.
class cold_loader {
 public:
  static constexpr std::size_t reads_in_flight_max = 64;

  /// A value that arrived, or why it did not, and who waited for it.
  struct finished {
    kv::cold_read what;
    result<std::string> value;
    std::vector<lane_key> waiters;
  };

  explicit cold_loader(shard_id shard, record_reader& reader) : shard_(shard), reader_(reader) {}

  /// Loads `what` for `waiter`.
  void request(const kv::cold_read& what, lane_key waiter, lsn durable);
  /// Loads `what` although nobody waits yet, unless it is not durable.
  void read_ahead(const kv::cold_read& what, lsn durable);
  /// Records up to `durable` may be read now.
  void on_durable(lsn durable);
  /// The answer to a read: the record in its disk encoding (CRC verified), or the failure.
  /// Returns the load it completed, if it did.
  [[nodiscard]] std::optional<finished> on_record(std::uint64_t ticket,
                                                  const result<std::string_view>& record);
  /// Gives up on everything, e.g. when the log failed: one finished load each.
  [[nodiscard]] std::vector<finished> fail_all(const failure& why);

  /// Loads under way, for statistics and retiring segments.
  [[nodiscard]] bool idle() const noexcept { return loads_.empty(); }
  [[nodiscard]] std::uint64_t loads_finished() const noexcept { return loads_finished_; }

 private:
  struct load {
    kv::cold_read what;
    std::vector<lane_key> waiters;
  };

  load& load_of(const kv::cold_read& what, lsn durable);
  void pump();
  [[nodiscard]] result<std::string> value_of(const kv::cold_read& what,
                                             std::string_view record) const;

  shard_id shard_;
  record_reader& reader_;
  std::map<lsn, load> loads_;  // by the record's LSN, which names it for ever
  std::set<lsn> undecided_;    // of these, the ones that are not durable yet
  std::deque<lsn> waiting_;
  std::map<std::uint64_t, lsn> in_flight_;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t loads_finished_ = 0;
};

}  // namespace troupe::actors
