// shard_transaction: one MULTI block, or one command over several shards, from the first pause to
// the last release.
//
// Place: actors, CAF-free; owned by a session, on its gateway's thread. It talks to shards through
// transaction_transport; their answers come to on_answer in any order between shards.
//
//   pausing (ascending, one at a time) -> checking watched keys -> running -> releasing -> finished
//
// While running, commands go to their shards ahead of the replies to those before them: at_ is the
// next one to be replied to, next_ the next one to be sent, slots_ what is between. Each shard runs
// its own in their order, and all shards are paused, so this is the same as one after the other.
// What must see the others' replies first is a fence: nothing behind it is sent until it is done.
//
// Invariants:
//  1. Shards are paused in ascending order, so two transactions can never wait for each other.
//  2. In each shard commands run in their order, and from its pause to its release nothing else.
//     No shard is released before all are paused; then each as soon as no command needs it.
//  3. Every shard that was paused is released, whatever happened between.
//  4. The reply's holds cover every record written and every record seen.
//  5. Once the first command was sent, all writes are made, even if the client leaves or the
//  replies
//     become more than reply_bytes_max: then each further one is an error.
//  6. A command that goes in slices stands alone; how much of it is under way is said there
//     (resp/sliced_command.hpp).
//  7. Work comes in slices: at most window_commands, window_bytes or window_reply_bytes (and always
//     one command) are under way, in messages of at most message_commands, so that the loops of
//     gateway and shards turn between them; commands of the connection itself run here_per_turn at
//     a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/kept_commands.hpp"
#include "actors/resp/multi_shard.hpp"
#include "actors/resp/reply_queue.hpp"
#include "actors/resp/reply_writer.hpp"
#include "actors/resp/sliced_command.hpp"
#include "storage/base/limits.hpp"
#include "storage/base/prng.hpp"

namespace troupe::actors {

/// A piece on its way to a shard; `protocol` is that of its reply.
struct sent_piece {
  const resp::command_spec* spec;
  std::vector<std::string_view> words;
  resp::protocol protocol;
  durability level = durability::durable;
  kv::reading reads = kv::reading::marks;
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
  /// No more parts of a stream are wanted.
  virtual void drop_stream(shard_id shard, std::uint64_t stream) = 0;
};

/// One piece's reply, or the answer to a release.
struct transaction_answer {
  std::string bytes;
  lsn hold{};
  lsn last_write{};
  std::vector<resp::stream_mark> streams{};
};

/// What became of a command of connection scope.
struct run_here_outcome {
  /// `later`: its reply comes to on_late_reply.
  enum class reply : std::uint8_t { given, later } what = reply::given;
  resp::protocol protocol = resp::protocol::resp2;  ///< of all replies from now on
};

/// What a transaction is about.
struct transaction_order {
  explicit transaction_order(kept_commands what_to_run) : commands(std::move(what_to_run)) {}

  kept_commands commands;
  resp::arguments sliced_words;  ///< of its command, if that goes in slices; must outlive it
  std::uint64_t id = 0;
  enum class kind : std::uint8_t { exec, single } what = kind::exec;
  resp::protocol protocol = resp::protocol::resp2;
  durability level = durability::durable;
  kv::reading reads = kv::reading::marks;  ///< of all its commands, as EXEC found it
  std::uint32_t shard_count = 1;
  std::uint64_t watcher = 0;             ///< of the connection
  std::vector<shard_id> watched_shards;  ///< where it watches keys
  /// Runs a command of connection scope and appends its reply.
  std::function<run_here_outcome(const kept_command&, std::string&)> run_here;
  /// Told the reply of each command in turn; false = the client does not want it. Unset: wanted.
  std::function<bool(const kept_command&, std::string_view)> on_reply;
  /// Whether the client wants what stands around the replies of EXEC, too.
  enum class frame : std::uint8_t { wanted, unwanted } exec_frame = frame::wanted;
};

/// Runs one order.
class shard_transaction {
 public:
  static constexpr std::size_t window_commands = 256;
  static constexpr std::size_t window_bytes = 1 << 20;
  static constexpr std::size_t window_reply_bytes = limits::replies_under_way_bytes;
  static constexpr std::size_t message_commands = 64;
  static constexpr std::size_t here_per_turn = 256;

  /// `transport` and `random` must outlive it.
  shard_transaction(transaction_order order, transaction_transport& transport, prng& random);

  /// Begins; may finish at once when no shard is involved.
  void start();
  /// A shard's answers to the oldest of what it was asked, in the order asked; they may come in
  /// several parts.
  void on_answer(shard_id shard, std::vector<transaction_answer> answers);
  /// The reply that run_here promised for later.
  void on_late_reply(std::string_view reply);
  /// True when it has more to do without waiting for an answer: take_turn() in the next round.
  [[nodiscard]] bool wants_turn() const noexcept { return wants_turn_; }
  void take_turn() { run_on(); }
  /// The client left: nobody wants the replies. What did not begin yet does not begin.
  void abandon();

  [[nodiscard]] const transaction_order& order() const noexcept { return order_; }
  [[nodiscard]] bool finished() const noexcept { return stage_ == stage::finished; }
  /// The complete reply, empty if the client wants nothing of it. Precondition: finished().
  [[nodiscard]] resp::streamed_reply take_reply() { return std::move(reply_); }
  /// What the reply waits for, without the time; one entry for each shard at most. Precondition:
  /// finished(), as for writes().
  [[nodiscard]] const std::vector<resp::hold_reason>& holds() const noexcept { return holds_; }
  /// Newest record written in each shard, for WAIT and WAITAOF.
  [[nodiscard]] const std::vector<std::pair<shard_id, lsn>>& writes() const { return writes_; }
  /// What it makes the node hold.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    const auto sliced = !slots_.empty() && slots_.front().slices;
    return (sliced ? slots_.front().slices->memory_bytes() : 0) + order_.commands.memory_bytes() +
           reply_.bytes.capacity() + reply_.marks.capacity() * sizeof(resp::stream_mark);
  }

 private:
  enum class stage : std::uint8_t { pausing, checking, running, releasing, finished };

  /// A command over several shards under way.
  struct running_plan {
    std::vector<std::string_view> words;  // borrowed by `plan`
    resp::multi_shard_plan plan;
    std::vector<resp::streamed_reply> replies;  // of the current phase

    running_plan(const kept_command& command, std::uint32_t shard_count, prng& random)
        : words(command.views()), plan(*command.spec, words, shard_count, random) {}
  };
  /// A command that was sent and not replied to.
  struct slot {
    std::size_t bytes = 0;
    std::size_t reply_bytes = 0;  // of values that may come
    std::size_t awaited = 0;      // answers still to come
    resp::streamed_reply reply;   // of a command of one shard
    std::unique_ptr<running_plan> plan;
    std::unique_ptr<resp::sliced_command> slices;  // then `awaited` is 1 until it is done
  };
  /// What an answer of a shard belongs to.
  struct place {
    std::size_t command;
    std::size_t piece;  // of a plan or of a sliced command
  };
  struct lane {
    std::uint32_t uses = 0;  // commands that still need the shard
    bool released = false;
    std::vector<sent_piece> outgoing;
    std::deque<place> awaited;
    lsn hold{};
    lsn last_write{};
  };

  void pause_next();
  void all_paused();
  void begin_running();
  void run_on();
  bool settle_front(std::size_t& here_left);
  bool run_here(const kept_command& command);
  void finish_plan_phase(slot& front);
  void finish_slices(slot& front);
  void send_slices(slot& of);
  void send_more();
  void send_command(std::size_t at);
  void send_phase(slot& to, std::size_t command);
  void send_piece(shard_id shard, sent_piece&& piece, place where);
  void flush_lanes();
  void flush(shard_id shard);
  void take_answers(shard_id shard, std::vector<transaction_answer>& answers);
  /// Where the reply of the current command begins in reply_.
  struct reply_start {
    std::size_t byte;
    std::size_t mark;
  };
  [[nodiscard]] reply_start end_of_reply() const noexcept {
    return {reply_.bytes.size(), reply_.marks.size()};
  }
  /// On to the next command.
  void end_command(reply_start start);
  /// Takes a part of the reply back that nobody wants.
  void drop_reply(reply_start start);
  void finish_running();
  void end_use(shard_id shard);
  void release(shard_id shard);
  void release_all();
  void finish();
  void note(shard_id shard, const transaction_answer& answer);
  [[nodiscard]] bool is_framed() const;

  transaction_order order_;
  transaction_transport& transport_;
  prng& random_;
  stage stage_ = stage::pausing;
  bool abandoned_ = false;
  bool dirty_ = false;
  bool wants_turn_ = false;
  bool fenced_ = false;           // the newest of slots_ is a fence
  std::vector<shard_id> shards_;  // ascending
  std::size_t paused_ = 0;
  std::size_t awaited_ = 0;   // answers still to come while checking
  std::size_t releases_ = 0;  // not answered
  std::size_t at_ = 0;
  std::size_t next_ = 0;
  std::deque<slot> slots_;
  std::size_t slot_bytes_ = 0;
  std::size_t slot_reply_bytes_ = 0;
  std::vector<lane> lanes_;  // by shard
  resp::streamed_reply reply_;
  std::vector<resp::hold_reason> holds_;
  std::vector<std::pair<shard_id, lsn>> writes_;
};

}  // namespace troupe::actors
