// shard_transaction: one MULTI block, or one command over several shards, from the first pause to
// the last release.
//
// Place: actors, CAF-free; owned by a session, on its gateway's thread. It talks to shards through
// transaction_transport; their answers come to on_answer in any order between shards.
//
//   pausing (ascending, one at a time) -> checking watched keys -> running -> releasing -> finished
//
// Invariants:
//  1. Shards are paused in ascending order, so two transactions can never wait for each other.
//  2. Commands run in their order; between the first pause and the last release nothing else runs
//     in the shards involved.
//  3. Every shard that was paused is released, whatever happened between.
//  4. The reply's holds cover every record written and every record seen.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/resp/multi_shard.hpp"
#include "actors/resp/reply_queue.hpp"
#include "actors/resp/reply_writer.hpp"
#include "storage/base/prng.hpp"

namespace troupe::actors {

/// A command kept beyond the read buffer it came in.
struct kept_command {
  const resp::command_spec* spec = nullptr;
  std::vector<std::string> words;

  [[nodiscard]] std::vector<std::string_view> views() const { return {words.begin(), words.end()}; }
};

/// A piece on its way to a shard; `protocol` is that of its reply.
struct sent_piece {
  const resp::command_spec* spec;
  std::vector<std::string_view> words;
  resp::protocol protocol;
  durability level = durability::durable;
};

/// How a transaction reaches shards. Nothing here answers before the call returned.
class transaction_transport {
 public:
  virtual ~transaction_transport() = default;
  virtual void pause(shard_id shard, std::uint64_t transaction) = 0;
  /// The words are copied before the call returns.
  virtual void run(shard_id shard, std::uint64_t transaction,
                   const std::vector<sent_piece>& pieces) = 0;
  virtual void release(shard_id shard, std::uint64_t transaction) = 0;
};

/// One piece's reply, or the answer to a release.
struct transaction_answer {
  std::string bytes;
  lsn hold{};
  lsn last_write{};
};

/// What a transaction is about.
struct transaction_order {
  std::uint64_t id = 0;
  enum class kind : std::uint8_t { exec, single } what = kind::exec;
  std::vector<kept_command> commands;
  resp::protocol protocol = resp::protocol::resp2;
  durability level = durability::durable;
  std::uint32_t shard_count = 1;
  std::uint64_t watcher = 0;             ///< of the connection
  std::vector<shard_id> watched_shards;  ///< where it watches keys
  /// Runs a command of connection scope and appends its reply.
  std::function<void(const kept_command&, std::string&)> run_here;
};

/// Runs one order.
class shard_transaction {
 public:
  /// `transport` and `random` must outlive it.
  shard_transaction(transaction_order order, transaction_transport& transport, prng& random);

  /// Begins; may finish at once when no shard is involved.
  void start();
  /// A shard's answer to the last thing it was asked.
  void on_answer(shard_id shard, std::vector<transaction_answer> answers);
  /// Ends early (the client left): releases what is paused; the reply is dropped by the owner.
  void abandon() { abandoned_ = true; }

  [[nodiscard]] const transaction_order& order() const noexcept { return order_; }
  [[nodiscard]] bool finished() const noexcept { return stage_ == stage::finished; }
  /// The complete reply. Precondition: finished().
  [[nodiscard]] std::string take_reply() { return std::move(reply_); }
  /// What the reply waits for, without the time; one entry for each shard at most.
  [[nodiscard]] const std::vector<resp::hold_reason>& holds() const noexcept { return holds_; }
  /// Newest record written in each shard, for WAIT and WAITAOF.
  [[nodiscard]] const std::vector<std::pair<shard_id, lsn>>& writes() const { return writes_; }

 private:
  enum class stage : std::uint8_t { pausing, checking, running, releasing, finished };

  void collect_shards();
  void pause_next();
  void all_paused();
  void run_on();
  bool run_singles();
  void run_plan();
  void send_plan_phase();
  void take_answers(shard_id shard, std::vector<transaction_answer>& answers);
  void finish_running();
  void release_all();
  void note(shard_id shard, const transaction_answer& answer);

  transaction_order order_;
  transaction_transport& transport_;
  prng& random_;
  stage stage_ = stage::pausing;
  bool abandoned_ = false;
  bool dirty_ = false;
  std::vector<shard_id> shards_;  // ascending
  std::size_t paused_ = 0;
  std::size_t awaited_ = 0;  // answers still to come in this stage or phase
  std::size_t at_ = 0;       // next command
  std::string replies_;
  std::string reply_;
  std::vector<resp::hold_reason> holds_;
  std::vector<std::pair<shard_id, lsn>> writes_;
  // the plan under way, if the current command takes one
  std::unique_ptr<resp::multi_shard_plan> plan_;
  std::vector<std::string_view> plan_words_;
  std::vector<std::string> plan_replies_;
};

}  // namespace troupe::actors
