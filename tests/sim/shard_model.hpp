// Knows what a shard must answer and what must be left of it after a crash.
//
// Place: tests/sim; independent of workload, store and log: a map of keys, told of every command in
// the order in which the shard ran it, with its reply and the LSN the shard says it wrote.
// What it demands:
//  1. every reply is the right one at the shard's time, which never runs back;
//  2. after a restart the log holds everything that a reply sent to a client depended on: writes of
//     level `durable`, and what reads saw of such writes;
//  3. the state then is that after a prefix of the commands, batches whole;
//  4. the restarted shard's clock is not before any durable frame: what expired stays so;
//  5. a poisoned shard accepts no write, refuses to show what is lost and shows the rest.
// Not demanded: values of a lower level may be seen and then lost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/base/ids.hpp"

namespace troupe::sim {

/// A bulk string of a reply that is sent part by part.
struct reply_gap {
  std::size_t at = 0;  ///< in the reply's other bytes
  std::size_t size = 0;
  std::string* bytes = nullptr;  ///< gets what must come there
};

/// A command that a shard ran.
struct observed_command {
  const std::vector<std::string>& words;
  durability level;
  std::int64_t now_ms;  ///< by the shard's clock
  const std::string& reply;
  lsn last_write;  ///< 0 = it wrote nothing
  std::vector<reply_gap> gaps{};
};

class shard_model {
 public:
  /// The shard ran a command: checks its reply. Returns the LSN that must be durable before a
  /// client may see the reply; 0 = none.
  lsn observe(const observed_command& seen);
  /// Between these, what is written is one batch that ends with the record `last_write` (0: nothing
  /// was written). Returns what the replies inside depend on beside what observe() said.
  void begin_transaction() { in_transaction_ = true; }
  lsn end_transaction(lsn last_write, durability level);

  /// A client got a reply that depends on `required`.
  void on_released(lsn required, const std::string& what);
  /// The shard called everything up to `durable` durable.
  void on_announced(lsn durable) { durable_ = durable; }
  /// A frame with this time is durable.
  void on_frame(std::int64_t time_ms);
  void on_poisoned() { poisoned_ = true; }

  /// The shard was opened again; the log's newest record is `newest`.
  void on_recovered(lsn newest, std::int64_t last_time_ms);
  /// The keys that exist at that time.
  [[nodiscard]] std::set<std::string> visible(std::int64_t now_ms) const;

  /// Something is wrong; the first complaint stays.
  void complain(std::string what);
  [[nodiscard]] const std::optional<std::string>& violation() const noexcept { return violation_; }
  /// Commands refused because the disk is full, since the last restart.
  [[nodiscard]] std::uint64_t refused_for_space() const noexcept { return refused_for_space_; }
  /// Commands that changed something, all lives together.
  [[nodiscard]] std::uint64_t changes() const noexcept { return changes_; }

 private:
  struct content {
    std::string value;
    std::int64_t deadline_ms = 0;  // 0 = none
  };
  /// The newest change of a key, and of its value if that is older. In a batch that is not complete
  /// the LSNs are `unsettled`.
  struct version {
    std::optional<content> now;  // none: deleted
    lsn value_lsn{};
    lsn change_lsn{};
    durability value_level = durability::memory;
    durability change_level = durability::memory;
  };
  struct effect {
    std::string key;  // meaningless in a flush
    std::optional<content> after;
    bool flush = false;
  };
  struct logged_change {
    lsn last{};
    std::vector<effect> effects;
  };
  static constexpr lsn unsettled{UINT64_MAX};

  std::string answer(const std::vector<std::string>& words, bool wrote);
  std::string answer_read(const std::vector<std::string>& words);
  std::string answer_move(const std::vector<std::string>& words);
  std::string answer_set(const std::vector<std::string>& words);
  std::string answer_increment(const std::string& key, const std::string& by);
  std::string answer_expire(const std::string& key, const std::string& by_ms);
  const content* touch(const std::string& key);
  void depend(lsn on, durability level);
  void change(const std::string& key, std::optional<content> after);
  void change_deadline(const std::string& key, std::int64_t deadline_ms);
  void flush();
  void find_empty();
  void settle(lsn last);
  lsn judge_refusal(const observed_command& seen);
  static bool fits(const observed_command& seen, const std::string& expected);

  std::map<std::string, version> versions_;
  version flushed_;  // LSN and level of the last flush
  std::map<std::string, content> base_;
  std::vector<logged_change> history_;  // since base_, in log order
  std::vector<effect> open_;            // not yet in the history
  bool in_transaction_ = false;

  lsn durable_{};
  lsn promised_{};
  std::string promised_by_;
  std::int64_t clock_ms_ = 0;
  std::int64_t durable_time_ms_ = 0;
  bool poisoned_ = false;
  std::uint64_t refused_for_space_ = 0;
  std::uint64_t changes_ = 0;
  std::optional<std::string> violation_;

  // The command being answered.
  std::int64_t now_ms_ = 0;
  durability level_ = durability::memory;
  lsn required_{};
  bool undecided_ = false;
};

}  // namespace troupe::sim
