// The part of session that is about several commands or several shards at once: MULTI, WATCH, WAIT.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "actors/debug_commands.hpp"
#include "actors/resp/debug_pieces.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/resp/piece_commands.hpp"
#include "actors/session.hpp"
#include "storage/base/hash_slot.hpp"

namespace troupe::actors {

namespace {

/// Bytes and commands a MULTI block may gather.
constexpr std::size_t multi_bytes_max = 64 << 20;
constexpr std::size_t multi_commands_max = 1 << 20;

}  // namespace

// ---- MULTI -------------------------------------------------------------------------------------

void session::reject(const resp::command_spec* spec, std::string_view why) {
  if (spec != nullptr && spec->name == "exec") {
    discard_multi();
    constexpr std::string_view common_code = "ERR ";
    if (why.starts_with(common_code)) why.remove_prefix(common_code.size());
    return reply_error(fmt::format("{}{}", resp::error_texts::exec_aborted_because, why));
  }
  multi_failed_ = multi_failed_ || in_multi();
  reply_error(why);
}

session::fate session::queue_in_multi(const parsed_command& command, resp::arguments argv) {
  const auto& spec = *command.spec;
  if (spec.has(resp::command_flag::no_multi)) {
    reject(&spec, resp::error_texts::not_in_multi);
    return fate::rejected;
  }
  if (spec.name == "debug") {
    if (const auto refused = debug_refused_in_multi(environment_.config, argv)) {
      reject(&spec, *refused);
      return fate::rejected;
    }
  }
  if (queued_->word_bytes() + resp::write_bytes_estimate(argv) > multi_bytes_max ||
      queued_->size() >= multi_commands_max) {
    reject(&spec, "ERR the transaction is too large");
    return fate::rejected;
  }
  const auto debugged = spec.name == "debug" ? key_of_debug_object(argv) : std::nullopt;
  if (debugged) {
    queued_->add(resp::debug_object(), std::array{resp::debug_object().name, *debugged});
  } else {
    queued_->add(spec, argv);
  }
  resp::reply_writer(replies_.output(), protocol_).simple("QUEUED");
  return fate::queued;
}

void session::run_transaction_command(const resp::command_spec& spec, resp::arguments argv) {
  resp::reply_writer reply(replies_.output(), protocol_);
  if (spec.name == "multi") {
    if (in_multi()) return reply_error(resp::error_texts::nested_multi);
    queued_ = std::make_unique<kept_commands>(environment_.shard_count);
    reply.ok();
  } else if (spec.name == "exec") {
    exec();
  } else if (spec.name == "discard") {
    if (!in_multi()) return reply_error(resp::error_texts::discard_without_multi);
    discard_multi();
    reply.ok();
  } else if (spec.name == "watch") {
    if (in_multi()) return reply_error(resp::error_texts::watch_inside_multi);
    watch(argv);
    // The reply promises that the keys are watched, so it waits for the shards that must say so.
    if (in_flight_ > 0) {
      kept_commands alone(environment_.shard_count);
      alone.add(spec, {});
      begin_transaction(transaction_order::kind::single, std::move(alone));
      return;
    }
    resp::reply_writer(replies_.output(), protocol_).ok();
  } else {
    forget_watches();
    reply.ok();
  }
}

void session::discard_multi() {
  multi_failed_ = false;
  queued_.reset();
  forget_watches();
}

void session::exec() {
  if (!in_multi()) return reply_error(resp::error_texts::exec_without_multi);
  if (multi_failed_) {
    discard_multi();
    return reply_error(resp::error_texts::exec_aborted);
  }
  const auto commands = std::move(queued_);
  begin_transaction(transaction_order::kind::exec, std::move(*commands));
}

// ---- DEBUG -------------------------------------------------------------------------------------

void session::run_in_shards(const resp::command_spec& piece, resp::arguments words) {
  kept_commands alone(environment_.shard_count);
  alone.add(piece, words);
  begin_transaction(transaction_order::kind::single, std::move(alone));
}

void session::set_sweeping(kv::sweeping how) {
  const std::string_view word = how == kv::sweeping::off ? "0" : "1";
  for (std::uint32_t i = 0; i < environment_.shard_count; ++i) {
    send_piece({i}, resp::set_sweeping, {resp::set_sweeping.name, word});
  }
}

// ---- transactions over shards ------------------------------------------------------------------

void session::run_in_slices(const resp::command_spec& spec, resp::arguments argv) {
  runs_in_slices_ = true;
  kept_commands alone(environment_.shard_count);
  alone.add_sliced(spec);
  begin_transaction(transaction_order::kind::single, std::move(alone), argv);
}

void session::begin_transaction(transaction_order::kind what, kept_commands commands,
                                resp::arguments sliced_words) {
  transaction_order order(std::move(commands));
  order.sliced_words = sliced_words;
  // The upper bit keeps transactions apart from connections among the lanes of a shard.
  order.id = (std::uint64_t{1} << 63) | identity_.id;
  order.what = what;
  order.protocol = protocol_;
  order.level = environment_.settings.level;
  order.reads = reading_;
  order.shard_count = environment_.shard_count;
  order.watcher = identity_.id;
  if (what == transaction_order::kind::exec) order.watched_shards = watched_shards_;
  order.run_here = [this](const kept_command& command, std::string& out) {
    return run_here_in_exec(command, out);
  };
  order.on_reply = [this, what, silent = false](const kept_command& command,
                                                std::string_view reply) mutable {
    if (what == transaction_order::kind::exec) count_in_block(command.spec->number);
    if (is_error(reply)) environment_.commands.failed(command.spec->number, reply);
    return !std::exchange(silent, killed_itself_) && !drops_replies();
  };
  // CLIENT REPLY inside the block counts from where it stands, as in Redis: what is in front of the
  // replies went out or not before.
  if (drops_replies()) order.exec_frame = transaction_order::frame::unwanted;
  transaction_ticket_ = drops_replies() ? no_ticket : reserve_place();
  block_since_us_ = environment_.time.monotonic_us();
  draining_ = std::move(order);
  beginning_transaction_ = true;
  start_drained_transaction();
  beginning_transaction_ = false;
}

void session::start_drained_transaction() {
  // Everything sent before must have taken effect first, or it could overtake the transaction.
  if (!draining_ || in_flight_ > 0) return;
  auto order = std::move(*draining_);
  draining_.reset();
  transaction_ =
      std::make_unique<shard_transaction>(std::move(order), services_, environment_.random);
  transaction_->start();
  settle_transaction();
}

run_here_outcome session::run_here_in_exec(const kept_command& command, std::string& out) {
  using enum run_here_outcome::reply;
  if (command.spec->scope == resp::scope::transaction) {
    resp::reply_writer(out, protocol_).ok();
    return {given, protocol_};
  }
  runs_exec_ = true;
  replies_later_ = false;
  run_here(*command.spec, command.views(), out);
  runs_exec_ = false;
  return {replies_later_ ? later : given, protocol_};
}

void session::on_transaction_answer(shard_id shard, std::vector<transaction_answer> answers) {
  if (!transaction_) return;
  transaction_->on_answer(shard, std::move(answers));
  settle_transaction();
}

void session::take_transaction_turn() {
  if (!transaction_ || !transaction_->wants_turn()) return;
  transaction_->take_turn();
  settle_transaction();
}

void session::count_in_block(std::uint16_t number) {
  environment_.commands.called_in_block(number);
  const auto known = std::ranges::find(in_block_, number, &block_calls::number);
  if (known != in_block_.end()) {
    ++known->count;
  } else {
    in_block_.push_back({number, 1});
  }
}

// Commands of a block are under way together: each gets an equal share of its time.
void session::report_block() {
  std::uint64_t calls = 0;
  for (const auto& each : in_block_) calls += each.count;
  const auto took_us = environment_.time.monotonic_us() - block_since_us_;
  for (const auto& each : in_block_) {
    environment_.commands.took_in_block(each.number, took_us * each.count / calls);
  }
  std::vector<block_calls>().swap(in_block_);
}

void session::settle_transaction() {
  if (!transaction_ || !transaction_->finished()) return;
  const auto done = std::move(transaction_);
  runs_in_slices_ = false;
  for (const auto& [shard, written] : done->writes()) note_write(shard, written);
  if (done->order().what == transaction_order::kind::exec) {
    forget_watches();
    report_block();
  }
  auto reply = done->take_reply();
  // Within run() the command ends there.
  if (!beginning_transaction_) advance_reply_mode();
  if (transaction_ticket_ == no_ticket) {
    if (reply.empty()) return;
    // Replies were turned on in the middle. Nothing ran since, so the next place is the right one.
    transaction_ticket_ = replies_.reserve().value;
  }
  auto holds = done->holds();
  // Watermarks that passed while other shards had not answered yet did not wake this session.
  std::erase_if(holds, [this](const resp::hold_reason& hold) {
    return hold.sequence <= environment_.durable[hold.shard.value];
  });
  for (auto& hold : holds) hold.since_us = active_us_;
  // A client that left in the middle gets nothing; its place still needs something to drop.
  if (reply.empty()) resp::reply_writer(reply.bytes, protocol_).null();
  if (reply.marks.empty()) {
    replies_.fill({transaction_ticket_}, std::move(reply.bytes), holds);
  } else {
    replies_.fill_streamed({transaction_ticket_}, std::move(reply), holds);
  }
  end_timing(transaction_ticket_);
  for (const auto& hold : holds) fail_lost_replies(hold.shard);
}

// ---- WATCH -------------------------------------------------------------------------------------

void session::watch(resp::arguments argv) {
  const auto watcher = fmt::format("{}", identity_.id);
  for (const auto key : argv.subspan(1)) {
    const auto shard = shard_of(hash_slot_of(key), environment_.shard_count);
    if (std::ranges::find(watched_shards_, shard) == watched_shards_.end()) {
      watched_shards_.push_back(shard);
    }
    send_piece(shard, resp::watch_key, {resp::watch_key.name, watcher, key});
  }
}

void session::forget_watches() {
  const auto watcher = fmt::format("{}", identity_.id);
  for (const auto shard : std::exchange(watched_shards_, {})) {
    send_piece(shard, resp::watch_forget, {resp::watch_forget.name, watcher});
  }
}

void session::send_piece(shard_id shard, const resp::command_spec& spec,
                         const std::vector<std::string_view>& words) {
  const shard_call call{&spec, words, {}, here()};
  auto* core = services_.local_shard(shard);
  if (core != nullptr && outstanding_[shard.value] == 0 && core->accepts_inline(lane())) {
    std::string ignored;
    command_outcome outcome;
    if (core->run_inline(call, ignored, outcome)) return;
  }
  ++outstanding_[shard.value];
  ++in_flight_;
  // All bits set: no place for a reply, no command a client sent.
  services_.send_command(shard, identity_.id, no_ticket, call);
}

// ---- WAIT --------------------------------------------------------------------------------------

void session::wait(const wait_order& order, resp::reply_writer& reply) {
  // What EXEC wrote so far is not among the last writes yet, as in Redis.
  if (runs_exec_) return reply_wait(order, is_durable_here(), reply);
  const auto now = environment_.time.monotonic_us();
  std::optional<std::uint64_t> deadline;
  if (order.timeout_us != 0) deadline = now + order.timeout_us;
  waiting_ = {order, drops_replies() ? no_ticket : reserve_place(), deadline, false};
  for (std::uint32_t i = 0; i < environment_.shard_count; ++i) demand_what_is_awaited({i});
  settle_wait();
}

// Of commands still under way it is known with their replies what they wrote, and asked for then.
void session::demand_what_is_awaited(shard_id shard) {
  const auto written = last_writes_[shard.value];
  if (!waiting_ || !waiting_->order.local_disk || outstanding_[shard.value] > 0) return;
  if (written > environment_.durable[shard.value]) services_.demand_commit(shard, written);
}

std::optional<std::uint64_t> session::deadline_us() const {
  return waiting_ ? waiting_->deadline_us : std::nullopt;
}

void session::on_deadline(std::uint64_t now_us) {
  if (!waiting_ || !waiting_->deadline_us || now_us < *waiting_->deadline_us) return;
  waiting_->is_over = true;
  settle_wait();
}

bool session::is_durable_here() const {
  for (std::uint32_t i = 0; i < environment_.shard_count; ++i) {
    if (outstanding_[i] > 0 || last_writes_[i] > environment_.durable[i]) return false;
  }
  return true;
}

void session::settle_wait() {
  if (!waiting_) return;
  const auto& order = waiting_->order;
  auto is_over = waiting_->is_over;
  for (std::uint32_t i = 0; i < environment_.shard_count; ++i) {
    // What a failed log lacks will never come.
    const auto here = outstanding_[i] == 0 && last_writes_[i] <= environment_.durable[i];
    is_over = is_over || (!here && !environment_.log_failures[i].empty());
  }
  const auto is_durable = is_durable_here();
  if (order.what == wait_order::kind::sleep) {
    if (!waiting_->is_over && waiting_->deadline_us) return;
  } else if (!is_over && (order.replicas > 0 || (order.local_disk && !is_durable))) {
    return;
  }
  std::string bytes;
  resp::reply_writer reply(bytes, protocol_);
  reply_wait(order, is_durable, reply);
  const auto ticket = waiting_->ticket;
  waiting_.reset();
  if (ticket != no_ticket) replies_.fill({ticket}, std::move(bytes));
  end_timing(ticket);
}

void session::reply_wait(const wait_order& order, bool is_durable, resp::reply_writer& reply) {
  if (order.what == wait_order::kind::sleep) return reply.ok();
  if (order.what == wait_order::kind::waitaof) {
    reply.array(2);
    reply.integer(is_durable ? 1 : 0);
  }
  reply.integer(0);  // no node follows this one
}

}  // namespace troupe::actors
