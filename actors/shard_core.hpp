// shard_core: one shard without its actor. Executes commands on the store, decides when the open
// frame is committed, holds back what is not decided, and brings cold values in.
//
// Place: actors, CAF-free; owned by the shard actor, which turns messages into calls and
// shard_outputs into messages; driven by hand in simulations. All calls on one thread.
//
//   open --pause()--> paused by one transaction --release()--> open     any --failure--> poisoned
//
// Invariants:
//  1. Commands of one connection take effect in the order sent: one goes inline only if none of
//     that connection is queued here.
//  2. A command that met a cold value has changed nothing and runs again from its start.
//  3. Every reply says the LSN it depends on; whoever sends it waits for the watermark.
//  4. At most one frame is in flight to the flusher.
//  5. Paused: only pieces of the pausing transaction run; their records are one atomic batch.
//  6. Poisoned: no write is accepted, no LSN above the last durable one is ever announced.
//  7. The announced watermark is never inside a batch (log::frame::settled): while the frames of a
//     batch are only partly durable, a crash would undo all of it.
//  8. A large value that is replied is streamed from its parts, as its key had it when the command
//     ran; segments with parts still to be read are not retired.
//  9. A write that finds no room waits, and writes of other lanes behind it, while a segment for it
//     may still be made; it is refused once the disk has none to give.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/cold_loader.hpp"
#include "actors/resp/command_table.hpp"
#include "actors/resp/reply_queue.hpp"
#include "actors/resp/reply_writer.hpp"
#include "actors/statistics.hpp"
#include "actors/value_streams.hpp"
#include "storage/base/limits.hpp"
#include "storage/base/prng.hpp"
#include "storage/kv/store.hpp"
#include "storage/log/group_commit.hpp"
#include "storage/log/log_tail.hpp"
#include "storage/log/watermarks.hpp"

namespace troupe::actors {

/// What a connection chose, as far as a shard needs to know.
struct client_settings {
  resp::protocol protocol = resp::protocol::resp2;
  durability level = durability::durable;
  kv::reading reads = kv::reading::marks;  ///< CLIENT NO-TOUCH
};

/// One command to run. `argv` is borrowed from `owner` or, inline, from the caller.
struct shard_call {
  const resp::command_spec* spec = nullptr;
  resp::arguments argv;
  key_hash first_key_hash{};  ///< of the first key; any value if there is none
  client_settings client;
};

/// What a finished command depends on.
struct command_outcome {
  lsn hold{};        ///< its reply waits for this watermark; 0 = send at once
  lsn last_write{};  ///< its last record; 0 = it wrote nothing
  resp::hold_kind kind = resp::hold_kind::read;
};

/// A command queued at the shard. `words` point into `owner`, which keeps them alive.
struct queued_command {
  std::uint64_t ticket = 0;
  const resp::command_spec* spec = nullptr;
  client_settings client;
  std::vector<std::string_view> words;
  std::shared_ptr<const void> owner;
};

/// A bulk string of `size` bytes that comes part by part, in front of byte `at` of a reply's
/// others.
struct opened_stream {
  std::uint64_t at = 0;
  std::uint64_t number = 0;  ///< unique in its shard
  std::uint64_t size = 0;
  std::uint32_t parts = 0;
};

/// The same for whoever puts the reply into a connection's order.
[[nodiscard]] std::vector<resp::stream_mark> marks_of(const std::vector<opened_stream>& streams,
                                                      shard_id shard);

/// The answer to a queued command.
struct shard_reply {
  lane_key lane;
  std::uint64_t ticket = 0;
  std::string bytes;
  command_outcome outcome;
  std::vector<opened_stream> streams{};
};

/// What a shard wants done. Implemented by the actor with messages. No call may call back.
class shard_outputs : public record_reader {
 public:
  /// Commit this frame; the answer is on_frame_durable or on_log_failed.
  virtual void send_frame(log::frame&& closed) = 0;
  virtual void send_reply(shard_reply&& answer) = 0;
  virtual void send_transaction_reply(lane_key transaction, std::vector<shard_reply>&& answers) = 0;
  /// One more part of a stream that a reply announced, or its failure. What is in `part` is valid
  /// during the call only.
  virtual void send_part(const streamed_part& part) = 0;
  /// The watermark moved, or the log failed (`failed` not null).
  virtual void announce(lsn durable, const failure* failed) = 0;
  /// Make one more segment ready; the answer is on_segment or on_segment_failed.
  virtual void prepare_segment() = 0;
  virtual void retire(const kv::retirable_prefix& dead) = 0;
};

/// How a shard is set up.
struct shard_options {
  resp::shard_place place{};
  std::uint64_t random_seed = 0;
};

/// One shard's logic.
class shard_core {
 public:
  /// All references must outlive it. `store` has finished its recovery on `tail`.
  shard_core(shard_options options, kv::store& store, log::log_tail& tail, const clock& time,
             shard_outputs& outputs);

  // ---- commands -------------------------------------------------------------------------------
  /// True if a command of that lane may run inline now (invariants 1 and 5).
  [[nodiscard]] bool accepts_inline(lane_key key) const;
  /// Runs a command at once, appending the reply to `reply`. False: it met a cold value or has to
  /// wait for room, nothing happened, enqueue it. Precondition: accepts_inline().
  [[nodiscard]] bool run_inline(const shard_call& call, std::string& reply,
                                command_outcome& outcome);
  /// Queues a command behind those of its lane; answered by send_reply, perhaps at once.
  void enqueue(lane_key lane, queued_command&& command);

  // ---- streams ----------------------------------------------------------------------------------
  /// The client can take `parts` more of a stream; it gets none before. Streams that are over are
  /// ignored, here and by drop_stream.
  void credit_stream(std::uint64_t stream, std::uint32_t parts) { streams_.credit(stream, parts); }
  /// The client wants no more of it.
  void drop_stream(std::uint64_t stream);
  /// Streams that are not over.
  [[nodiscard]] std::size_t streams() const noexcept { return streams_.size(); }

  // ---- transactions ---------------------------------------------------------------------------
  /// Pauses the shard for `transaction` as soon as no other one holds it; then answers with no
  /// replies.
  void pause(lane_key transaction);
  /// Runs pieces of the transaction that holds the shard, behind those it sent before; answered
  /// with their replies in order, in several parts if they are large.
  void run_pieces(lane_key transaction, std::vector<queued_command>&& pieces);
  /// Ends the pause; answered with one empty reply whose outcome covers the whole batch. Takes back
  /// a pause that was not granted yet, unanswered.
  void release(lane_key transaction);

  // ---- the disk -------------------------------------------------------------------------------
  /// `settled` is that of the frame that was in flight.
  void on_frame_durable(lsn settled, std::uint32_t frame_bytes);
  /// A write failed: the log is poisoned (invariant 6).
  void on_log_failed(const failure& why);
  void on_record(std::uint64_t ticket, const result<std::string_view>& record);
  void on_segment(use_id use, std::uint32_t ordinal);
  /// No new segment, most likely no space: asked for again after segment_retry_us.
  void on_segment_failed(const failure& why);

  // ---- time -----------------------------------------------------------------------------------
  /// End of a loop round: sends the open frame if it is time.
  void end_round();
  /// About ten times a second: expiry, eviction, retries.
  void tick();
  /// Commit what is appended as soon as possible, whatever the level.
  void demand_commit();
  /// When end_round() must be called at the latest.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_us() const;

  // ---- state ----------------------------------------------------------------------------------
  [[nodiscard]] lsn durable() const { return watermarks_.durable(); }
  [[nodiscard]] lsn appended() const { return tail_.appended(); }
  [[nodiscard]] bool frame_in_flight() const { return frame_sent_us_.has_value(); }
  /// True when everything appended is durable, or can never be.
  [[nodiscard]] bool settled() const;
  [[nodiscard]] const std::optional<failure>& failed() const { return failed_; }
  [[nodiscard]] shard_statistics statistics() const;
  /// Keys that expired, values that left memory, reads by hit, miss and disk count anew from here.
  void reset_statistics();
  [[nodiscard]] kv::store& store() { return store_; }

 private:
  struct lane {
    std::deque<queued_command> queue;
    std::vector<cold_loader::finished> loaded;  // for the command at the front
    std::size_t awaited = 0;                    // loads still to come
    std::uint32_t failures = 0;                 // of loads of the front command
    bool lost = false;                          // what it needs went with the log
  };
  struct transaction_state {
    lane_key key;
    std::vector<shard_reply> replies;  // of the pieces under way
    std::size_t reply_bytes = 0;       // in them
    lsn before{};                      // newest record when the pause began
  };

  enum class progress : std::uint8_t { done, cold, no_room };

  progress execute(const shard_call& call, std::string& reply, command_outcome& outcome,
                   std::vector<resp::streamed_value>* streamed);
  /// Whether the room that a command lacked can still come.
  [[nodiscard]] bool room_may_come(std::size_t bytes) const;
  /// Whether a command stands behind another lane's that waits for room (invariant 9).
  [[nodiscard]] bool behind_others(const resp::command_spec& spec,
                                   std::optional<lane_key> key) const;
  void await_room(lane_key key);
  /// Why a command may not run at all; empty = it may.
  [[nodiscard]] std::string refusal(const shard_call& call);
  void note_outcome(const shard_call& call, std::size_t pending_before, command_outcome& outcome);
  [[nodiscard]] bool stalled() const;
  [[nodiscard]] bool may_run(lane_key key) const;
  void run_lane(lane_key key);
  bool run_front(lane_key key, lane& from);
  /// The reply to a command whose value cannot be had: it was lost with the log, or `why`.
  void reply_without_value(const lane& from, const queued_command& command, const failure* why,
                           std::string& reply);
  void await_cold(lane_key key, lane& from);
  void read_ahead(const lane& from);
  void on_loaded(cold_loader::finished&& load);
  void deliver(lane_key key, shard_reply&& answer);
  void grant_pause();
  void run_waiting_lanes();
  void close_batch(lsn before);
  void keep_segments_ready();
  void retire_dead_segments();

  shard_options options_;
  kv::store& store_;
  log::log_tail& tail_;
  const clock& time_;
  shard_outputs& outputs_;
  prng random_;
  log::group_commit group_;
  log::watermarks watermarks_;
  cold_loader loader_;
  value_streams streams_;
  std::map<lane_key, lane> lanes_;
  std::deque<lane_key> pauses_;  // asked for, not granted
  std::optional<transaction_state> transaction_;
  std::optional<failure> failed_;
  std::optional<std::uint64_t> frame_sent_us_;
  std::uint64_t now_us_ = 0;             // of the last round or tick
  std::optional<lane_key> room_waiter_;  // the first whose command waits for room
  std::size_t room_wanted_ = 0;          // by it
  bool segment_asked_ = false;
  bool disk_full_ = false;  // the last segment asked for could not be made
  std::uint64_t segment_retry_at_us_ = 0;
  shard_statistics counted_;   // the counters; gauges are read when asked
  shard_statistics reset_at_;  // what was counted when they were reset
};

}  // namespace troupe::actors
