// session: one client connection without its socket. Parses what came in, runs commands on shards
// or itself, and keeps the replies in order until they may be sent.
//
// Place: actors, CAF-free; owned by a gateway, on its reactor's thread.
//
//   open --QUIT, error, protocol error--> closing (sends what is left) --> closed by the gateway
//   and beside it: free | draining (before a transaction) | in a transaction | waiting (WAIT)
//
// Invariants:
//  1. Replies leave in command order, none before its watermarks (reply_queue).
//  2. A command runs inline in a shard only if none of this connection is under way there.
//  3. Parsed words live in the read buffer: it is not read into while any of them is to be run, or
//     runs in slices.
//  4. Before AUTH on a node with a password nothing but AUTH, HELLO, QUIT and RESET runs, and the
//     parser's strict limits hold.
//  5. Bounds: replies (limits::output_bytes_max, a value being streamed as streamed_bytes_ahead),
//     commands under way (in_flight_max, in_flight_bytes_max and replies_under_way_bytes, and
//     always one): beyond them no command is run and the socket is not read; a client whose replies
//     are more than all this is closed. All clients together are bounded by the gateway
//     (client_table).
//  6. A client that only ended its side still gets the replies to everything it sent.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/command_statistics.hpp"
#include "actors/node_config.hpp"
#include "actors/rate_window.hpp"
#include "actors/resp/command_table.hpp"
#include "actors/resp/parser.hpp"
#include "actors/resp/read_buffer.hpp"
#include "actors/resp/reply_queue.hpp"
#include "actors/shard_core.hpp"
#include "actors/shard_transaction.hpp"
#include "actors/statistics.hpp"

namespace troupe::actors {

class session;

/// Settings that CONFIG SET changes while the node runs, and what it needs to know beside them;
/// each gateway has its own copy.
struct live_settings {
  durability level = durability::durable;
  std::uint64_t commit_timeout_us = 10'000'000;
  std::uint64_t idle_timeout_us = 0;  ///< 0 = never
  std::uint32_t clients_max = limits::clients_max;
  std::uint32_t clients_capacity = limits::clients_max;  ///< most that clients_max may be; fixed
  std::uint64_t client_memory_bytes = 0;    ///< bound over all clients of the node; 0 = none
  std::uint32_t client_memory_percent = 0;  ///< that it was given as, of memory_bytes; 0 = in bytes
  std::uint64_t memory_bytes = 0;           ///< bound of cached values; fixed
  std::uint64_t segment_bytes = limits::segment_bytes_default;  ///< of the data directory; fixed
};

/// What sessions of one gateway share.
struct session_environment {
  const node_config& config;
  live_settings& settings;
  client_statistics& counted;
  command_statistics& commands;
  const clock& time;        ///< of this round
  const clock& exact_time;  ///< of this moment
  prng& random;
  std::uint32_t shard_count;
  index::key_hasher hash;
  const std::vector<lsn>& durable;  ///< newest watermark seen, by shard; kept by the gateway
  /// Why a shard's log failed, by shard; empty = it has not. Kept by the gateway.
  const std::vector<std::string>& log_failures;
};

/// What a session needs of its gateway. Nothing here calls back before it returned.
class session_services : public transaction_transport {
 public:
  /// The shard's core if it lives on this reactor, else null.
  virtual shard_core* local_shard(shard_id shard) = 0;
  /// Sends a command to a shard; its reply comes to session::on_reply with `ticket`. Words are
  /// copied.
  virtual void send_command(shard_id shard, std::uint64_t connection, std::uint64_t ticket,
                            const shard_call& call) = 0;
  /// Asks a shard to commit soon and to tell when `upto` is durable.
  virtual void demand_commit(shard_id shard, lsn upto) = 0;
  /// Asks for parts of a stream that a reply announced; they come to session::on_part.
  virtual void credit_stream(shard_id shard, std::uint64_t stream, std::uint32_t parts) = 0;
  /// Answers to these fill the place `ticket` of session `from`.
  virtual void answer_info(session& from, std::uint64_t ticket,
                           std::vector<std::string> sections) = 0;
  /// ROLE: with the figures of all shards, through reply_role (server_commands.hpp).
  virtual void answer_role(session& from, std::uint64_t ticket) = 0;
  /// `ids` empty: all connections of the node.
  virtual void answer_client_list(session& from, std::uint64_t ticket,
                                  std::vector<std::uint64_t> ids) = 0;
  virtual void answer_client_kill(session& from, std::uint64_t ticket,
                                  const struct kill_filter& filter) = 0;
  virtual void answer_configure(session& from, std::uint64_t ticket, const std::string& name,
                                const std::string& value) = 0;
  virtual void answer_reset_statistics(session& from, std::uint64_t ticket) = 0;
  /// SHUTDOWN: stop the whole node.
  virtual void stop_node() = 0;
};

/// Which connections CLIENT KILL means; what is empty or 0 matches all.
struct kill_filter {
  std::uint64_t id = 0;
  std::string address;
  std::string local_address;
  std::uint64_t except_id = 0;
  bool old_style = false;  ///< answers OK or "No such client" instead of a count
};

/// Who is at the other end.
struct session_identity {
  std::uint64_t id = 0;  ///< unique on the node, in the upper 16 bits the gateway
  std::uint32_t gateway = 0;
  int descriptor = -1;
  std::string address;
  std::string local_address;
};

/// Whether CLIENT KILL means this connection.
[[nodiscard]] bool matches(const kill_filter& filter, const session_identity& who);

/// What happens to replies (CLIENT REPLY).
enum class reply_mode : std::uint8_t { on, off, skip_next, skipping };

/// One connection.
class session {
 public:
  static constexpr std::size_t in_flight_max = 1024;
  static constexpr std::size_t in_flight_bytes_max = 8 << 20;
  static constexpr std::size_t commands_per_round = 64;
  /// A client that sent nothing for so long gets no memory for its next command in advance.
  static constexpr std::uint64_t idle_release_us = 2'000'000;

  session(session_identity identity, session_environment& environment, session_services& services);
  ~session();
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  // ---- the socket's side ------------------------------------------------------------------------
  /// True when more input can be taken now.
  [[nodiscard]] bool wants_input() const;
  /// Where to receive; then received().
  [[nodiscard]] std::span<char> room() { return buffer_.room(parser_.missing()); }
  void received(std::size_t count);
  /// The client will send no more; finished() once all it sent is answered.
  void end_input();
  /// Runs what has been received, at most commands_per_round commands, or the next slice of a
  /// transaction. True: there is more to run without further input.
  bool process();
  /// Bytes that may be sent now; then sent().
  [[nodiscard]] std::string_view sendable() {
    if (replies_.stream_count() > 0) [[unlikely]]
      feed_stream();
    return replies_.sendable();
  }
  void sent(std::size_t count);
  /// True when the socket is to be closed at once: everything was sent, or nothing can be.
  [[nodiscard]] bool finished() const;
  /// True while shards are paused for this session; it must live until they are released.
  [[nodiscard]] bool in_transaction() const { return transaction_ != nullptr; }
  /// True when watermarks matter to it.
  [[nodiscard]] bool awaits_watermark() const { return replies_.held_count() > 0 || waiting_; }
  /// Closes as soon as the replies so far went out. With `now`, without them.
  enum class close_when : std::uint8_t { replied, now };
  void close(close_when when);
  /// CLIENT KILL that means this connection too: closes once the reply to the command that runs now
  /// went out. As in Redis, nothing behind it is run, or, within EXEC, replied to.
  void close_behind_this();

  // ---- answers ----------------------------------------------------------------------------------
  void on_reply(shard_id shard, std::uint64_t ticket, std::string bytes,
                const command_outcome& outcome);
  /// The same for a reply of which values follow through on_part.
  void on_streamed_reply(shard_id shard, std::uint64_t tag, resp::streamed_reply reply,
                         const command_outcome& outcome);
  /// A part of a stream, or its failure: then the connection closes if the value has begun.
  void on_part(shard_id shard, std::uint64_t stream, std::uint32_t index,
               result<resp::shared_bytes> part);
  /// The answer to a services call that names a ticket.
  void on_answer(std::uint64_t ticket, std::string bytes);
  void on_transaction_answer(shard_id shard, std::vector<transaction_answer> answers);
  void on_watermark(shard_id shard, lsn durable);
  /// The log of `shard` failed; environment.durable and log_failures say how far it came and why.
  void on_log_failed(shard_id shard);
  /// Deadlines that may be late by a tick: held replies, pauses, idle clients, whose buffers are
  /// given back. True if the socket has something to do now.
  bool on_tick(std::uint64_t now_us);
  /// When on_deadline is to be called: the end of WAIT, WAITAOF or DEBUG SLEEP. Changes only while
  /// something else of the session is called.
  [[nodiscard]] std::optional<std::uint64_t> deadline_us() const;
  /// Ends what the client waits for if its time is over.
  void on_deadline(std::uint64_t now_us);

  // ---- for connection commands (connection_commands.cpp) ----------------------------------------
  [[nodiscard]] const session_identity& identity() const { return identity_; }
  [[nodiscard]] session_environment& environment() { return environment_; }
  [[nodiscard]] session_services& services() { return services_; }
  [[nodiscard]] resp::protocol protocol() const { return protocol_; }
  void set_protocol(resp::protocol version) { protocol_ = version; }
  [[nodiscard]] bool authenticated() const { return authenticated_; }
  /// Checks the password. A wrong one before AUTH pauses the client, longer each time; after
  /// limits::wrong_passwords it is closed.
  [[nodiscard]] bool authenticate(std::string_view password);
  void set_name(std::string_view name) { name_ = name; }
  [[nodiscard]] const std::string& name() const { return name_; }
  void set_library(std::string_view attribute, std::string_view value);
  /// CLIENT REPLY; SKIP while replies are off changes nothing, ON does not take back a SKIP of the
  /// same MULTI block.
  void set_reply_mode(reply_mode mode) {
    using enum reply_mode;
    const auto ignored = mode == skip_next ? mode_ == off : mode == on && mode_ == skip_next;
    if (!ignored) mode_ = mode;
  }
  void set_no_evict(bool on) { no_evict_ = on; }
  /// CLIENT NO-TOUCH.
  void set_reading(kv::reading how) { reading_ = how; }
  /// Back to a fresh connection (RESET).
  void reset();
  [[nodiscard]] bool in_multi() const { return queued_ != nullptr; }
  /// A place for a reply that comes through on_answer.
  [[nodiscard]] std::uint64_t reserve();
  /// The same for an answer that is no reply.
  [[nodiscard]] std::uint64_t reserve_unseen();
  /// One line of CLIENT LIST, without its end.
  [[nodiscard]] std::string describe() const;
  /// WAIT (no followers yet), WAITAOF and DEBUG SLEEP: blocks further commands until then or the
  /// time-out. Inside EXEC it does not wait but replies how things are.
  struct wait_order {
    enum class kind : std::uint8_t { wait, waitaof, sleep } what = kind::wait;
    bool local_disk = false;       ///< WAITAOF with numlocal 1
    std::uint64_t replicas = 0;    ///< asked for
    std::uint64_t timeout_us = 0;  ///< 0 = for ever, or no sleep at all
  };
  void wait(const wait_order& order, resp::reply_writer& reply);
  /// Runs a piece in the shards of its keys, behind everything sent before; its reply is that of
  /// the connection command that runs now. Precondition: not inside EXEC.
  void run_in_shards(const resp::command_spec& piece, resp::arguments words);
  /// Whether the sweepers of all shards remove what expired.
  void set_sweeping(kv::sweeping how);
  [[nodiscard]] std::size_t held_count() const { return replies_.held_count(); }
  [[nodiscard]] std::size_t output_bytes() const { return replies_.buffered_bytes(); }
  [[nodiscard]] std::size_t input_bytes() const { return buffer_.capacity(); }
  /// What this client makes the node hold: buffers, and commands kept or under way.
  [[nodiscard]] std::size_t memory_bytes() const {
    return buffer_.capacity() + parser_.memory_bytes() + replies_.memory_bytes() +
           in_flight_bytes_ + (queued_ ? queued_->memory_bytes() : 0) +
           (draining_ ? draining_->commands.memory_bytes() : 0) +
           (transaction_ ? transaction_->memory_bytes() : 0);
  }
  /// In WAIT, WAITAOF or DEBUG SLEEP.
  [[nodiscard]] bool waits() const { return waiting_.has_value(); }
  /// CLIENT NO-EVICT: not closed for the memory it holds.
  [[nodiscard]] bool evictable() const { return !no_evict_; }

 private:
  /// In place of a ticket: the reply is not wanted.
  static constexpr std::uint64_t no_ticket = UINT64_MAX;
  /// In place of a ticket: the reply belongs to the command that EXEC is at.
  static constexpr std::uint64_t exec_ticket = UINT64_MAX - 1;

  /// What a parsed_command without words stands for; always the last one of its round.
  enum class step : std::uint8_t { none, begin_upload, upload_part, end_upload, fail };
  struct parsed_command {
    std::size_t first_word, word_count;
    const resp::command_spec* spec;
    std::optional<std::string> error;
    key_hash hash;
    shard_id shard;
    bool one_shard;
  };
  /// A SET whose value is stored while it arrives (session_uploads.cpp).
  struct upload_state {
    std::string key;
    shard_id shard;
    std::uint64_t place;                 // in the tags of its parts
    std::uint64_t bytes;                 // passed on to the shard
    std::optional<std::string> refusal;  // the parts are dropped: the reply once all was read
  };
  /// Bytes received and not yet run, once the client is known.
  static constexpr std::size_t input_bytes_max =
      limits::query_buffer_bytes + limits::value_bytes_max;
  /// What a shard is given with a command and gives back with its reply: the place of the reply,
  /// and in the upper bits the command's number, for the statistics.
  static constexpr unsigned place_bits = 48;
  static constexpr std::uint64_t place_mask = (std::uint64_t{1} << place_bits) - 1;
  /// Places from here on name uploads instead, but for the last, which is that of no reply.
  static constexpr std::uint64_t first_part_place = std::uint64_t{1} << (place_bits - 1);
  static constexpr std::uint64_t tag_of(std::uint16_t number, std::uint64_t place) {
    return std::uint64_t{number} << place_bits | (place & place_mask);
  }

  struct wait_state {
    wait_order order;
    std::uint64_t ticket;
    std::optional<std::uint64_t> deadline_us;  // none = for ever, or no sleep at all
    bool is_over;                              // answer with what there is
  };

  /// A command that is timed and whose reply comes later.
  struct timed_command {
    timed_call call;
    std::uint64_t ticket;
    std::uint64_t since_us;
  };
  /// Calls of one command in a block.
  struct block_calls {
    std::uint16_t number;
    std::uint64_t count;
  };

  /// What became of a command in run().
  enum class fate : std::uint8_t { rejected, queued, executed, given_to_shard };

  [[nodiscard]] static resp::parse_limits authenticated_limits();
  [[nodiscard]] bool blocked() const;
  [[nodiscard]] bool may_run() const;
  [[nodiscard]] std::size_t commands_at_once() const;
  bool process_input();
  void forget_parsed();
  void parse();
  void note_step(resp::parse_status status);
  void resolve(parsed_command& command);
  void prefetch();
  void run(const parsed_command& command);
  void run_step(const parsed_command& command);
  void begin_upload(resp::arguments words);
  void upload_part(std::string_view bytes);
  void on_part_stored(std::uint64_t place, std::string reply);
  void end_upload(resp::arguments options);
  void abandon_upload();
  fate run_command(const parsed_command& command, resp::arguments argv);
  fate dispatch(const parsed_command& command, resp::arguments argv);
  fate dispatch_timed(const parsed_command& command, resp::arguments argv);
  void end_timing(std::uint64_t ticket);
  [[nodiscard]] std::uint64_t reserve_place();
  void execute(const parsed_command& command, resp::arguments argv);
  void note_error(const parsed_command& command, fate what, std::string_view reply);
  void advance_reply_mode();
  /// The flags of CLIENT LIST.
  [[nodiscard]] std::string flags() const;
  /// How much of what was received and not consumed belongs to commands that ran or are running.
  [[nodiscard]] std::size_t run_bytes() const;
  void release_idle_memory(std::uint64_t now_us);
  void run_on_shard(const parsed_command& command, resp::arguments argv);
  void run_transaction_command(const resp::command_spec& spec, resp::arguments argv);
  void run_here(const resp::command_spec& spec, resp::arguments argv, std::string& out);
  void run_in_slices(const resp::command_spec& spec, resp::arguments argv);
  /// Counts a command that a client before AUTH may not send.
  void note_refusal();
  /// Replies why a command is not run or queued; `why` with its code.
  void reject(const resp::command_spec* spec, std::string_view why);
  fate queue_in_multi(const parsed_command& command, resp::arguments argv);
  void exec();
  void discard_multi();
  void watch(resp::arguments argv);
  void forget_watches();
  void send_piece(shard_id shard, const resp::command_spec& spec,
                  const std::vector<std::string_view>& words);
  void begin_transaction(transaction_order::kind what, kept_commands commands,
                         resp::arguments sliced_words = {});
  void start_drained_transaction();
  run_here_outcome run_here_in_exec(const kept_command& command, std::string& out);
  void take_transaction_turn();
  void settle_transaction();
  void count_in_block(std::uint16_t number);
  void report_block();
  void settle_wait();
  void demand_what_is_awaited(shard_id shard);
  [[nodiscard]] bool is_durable_here() const;
  static void reply_wait(const wait_order& order, bool is_durable, resp::reply_writer& reply);
  void fail_lost_replies(shard_id shard);
  void feed_stream();
  void drop(const std::vector<resp::stream_source>& streams);
  void note_write(shard_id shard, lsn written);
  void reply_error(std::string_view text);
  [[nodiscard]] bool drops_replies() const {
    return mode_ == reply_mode::off || mode_ == reply_mode::skipping;
  }
  [[nodiscard]] client_settings here() const {
    return {protocol_, environment_.settings.level, reading_};
  }
  [[nodiscard]] lane_key lane() const { return {identity_.gateway, identity_.id}; }

  session_identity identity_;
  session_environment& environment_;
  session_services& services_;
  resp::read_buffer buffer_;
  resp::parser parser_;
  resp::reply_queue replies_;
  std::vector<std::string_view> words_;
  std::vector<parsed_command> parsed_;
  std::size_t next_parsed_ = 0;
  recent_max output_peak_;  // of the bytes of replies, sampled by ticks
  step step_ = step::none;
  std::size_t parsed_bytes_ = 0;  // of the buffer, to be consumed when all of parsed_ ran

  resp::protocol protocol_ = resp::protocol::resp2;
  bool authenticated_;
  bool input_used_up_ = true;  // what is in buffer_ is no whole command
  // Before AUTH:
  std::uint32_t wrong_passwords_ = 0, refusals_ = 0;
  std::uint64_t paused_until_us_ = 0;  // after a wrong password; 0 = not paused
  reply_mode mode_ = reply_mode::on;
  std::string name_, library_name_, library_version_;
  bool no_evict_ = false;
  kv::reading reading_ = kv::reading::marks;
  bool closing_ = false, broken_ = false, input_ended_ = false;
  std::uint64_t created_us_, active_us_;
  std::string_view last_command_ = "NULL";

  std::vector<std::uint32_t> outstanding_;  // by shard: commands under way
  std::size_t in_flight_ = 0;
  std::size_t in_flight_bytes_ = 0;    // sent since nothing was under way
  std::size_t replies_under_way_ = 0;  // bytes of values that may come, since then
  std::vector<lsn> last_writes_;       // by shard
  std::optional<upload_state> upload_;
  std::uint64_t uploads_ = 0;

  std::unique_ptr<kept_commands> queued_;  // set between MULTI and EXEC
  bool multi_failed_ = false;
  std::vector<shard_id> watched_shards_;
  std::optional<transaction_order> draining_;
  std::unique_ptr<shard_transaction> transaction_;
  std::uint64_t transaction_ticket_ = 0;
  bool runs_in_slices_ = false;         // the command of the transaction: it has views of words_
  bool beginning_transaction_ = false;  // inside begin_transaction
  bool runs_exec_ = false;              // inside run_here_in_exec
  bool replies_later_ = false;          // the command there reserved a place
  bool killed_itself_ = false;          // what comes behind that has no reply
  std::optional<wait_state> waiting_;

  std::optional<timed_call> timing_;   // of the command being run, until it reserved a place
  std::vector<timed_command> timed_;   // few
  std::vector<block_calls> in_block_;  // of the EXEC under way
  std::uint64_t block_since_us_ = 0;
};

/// Runs a command of connection scope (PING, HELLO, CLIENT, CONFIG, ...) and appends its reply,
/// unless it reserved a place for it. See connection_commands.cpp.
void run_connection_command(session& client, const resp::command_spec& spec, resp::arguments argv,
                            resp::reply_writer& reply);

}  // namespace troupe::actors
