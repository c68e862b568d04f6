// The part of session that is about several commands or several shards at once: MULTI, WATCH, WAIT.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/piece_commands.hpp"
#include "actors/session.hpp"
#include "storage/base/hash_slot.hpp"

namespace troupe::actors {

namespace {

/// Bytes and commands a MULTI block may gather.
constexpr std::size_t multi_bytes_max = 64 << 20;
constexpr std::size_t multi_commands_max = 1 << 20;

/// Commands whose reply comes from elsewhere cannot stand inside a MULTI block.
bool answers_later(std::string_view name) {
  return name == "info" || name == "client|list" || name == "client|kill" || name == "config|set" ||
         name == "config|resetstat" || name == "wait" || name == "waitaof" || name == "shutdown" ||
         name == "role";
}

}  // namespace

// ---- MULTI -------------------------------------------------------------------------------------

void session::queue_in_multi(const parsed_command& command, resp::arguments argv) {
  const auto& spec = *command.spec;
  if (spec.has(resp::command_flag::no_multi) || answers_later(spec.name)) {
    multi_failed_ = true;
    reply_error("ERR Command not allowed inside a transaction");
    return;
  }
  for (const auto word : argv) queued_bytes_ += word.size();
  if (queued_bytes_ > multi_bytes_max || queued_.size() >= multi_commands_max) {
    multi_failed_ = true;
    reply_error("ERR the transaction is too large");
    return;
  }
  queued_.push_back({&spec, {argv.begin(), argv.end()}});
  resp::reply_writer(replies_.output(), protocol_).simple("QUEUED");
}

void session::run_transaction_command(const resp::command_spec& spec, resp::arguments argv) {
  resp::reply_writer reply(replies_.output(), protocol_);
  if (spec.name == "multi") {
    if (in_multi_) return reply_error(resp::error_texts::nested_multi);
    in_multi_ = true;
    reply.ok();
  } else if (spec.name == "exec") {
    exec();
  } else if (spec.name == "discard") {
    if (!in_multi_) return reply_error(resp::error_texts::discard_without_multi);
    discard_multi();
    reply.ok();
  } else if (spec.name == "watch") {
    if (in_multi_) return reply_error(resp::error_texts::watch_inside_multi);
    watch(argv);
    // The reply promises that the keys are watched, so it waits for the shards that must say so.
    if (in_flight_ > 0) {
      std::vector<kept_command> alone;
      alone.push_back({&spec, {}});
      begin_transaction(transaction_order::kind::single, std::move(alone));
      return;
    }
    resp::reply_writer(replies_.output(), protocol_).ok();
  } else {
    if (in_multi_) {
      queued_.push_back({&spec, {argv.begin(), argv.end()}});
      reply.simple("QUEUED");
      return;
    }
    forget_watches();
    reply.ok();
  }
}

void session::discard_multi() {
  in_multi_ = multi_failed_ = false;
  queued_.clear();
  queued_bytes_ = 0;
  forget_watches();
}

void session::exec() {
  if (!in_multi_) return reply_error(resp::error_texts::exec_without_multi);
  if (multi_failed_) {
    discard_multi();
    return reply_error(resp::error_texts::exec_aborted);
  }
  auto commands = std::move(queued_);
  queued_.clear();
  queued_bytes_ = 0;
  in_multi_ = false;
  begin_transaction(transaction_order::kind::exec, std::move(commands));
}

// ---- transactions over shards ------------------------------------------------------------------

void session::begin_transaction(transaction_order::kind what, std::vector<kept_command> commands) {
  transaction_order order;
  // The upper bit keeps transactions apart from connections among the lanes of a shard.
  order.id = (std::uint64_t{1} << 63) | identity_.id;
  order.what = what;
  order.commands = std::move(commands);
  order.protocol = protocol_;
  order.level = environment_.settings.level;
  order.shard_count = environment_.shard_count;
  order.watcher = identity_.id;
  if (what == transaction_order::kind::exec) order.watched_shards = watched_shards_;
  order.run_here = [this](const kept_command& command, std::string& out) {
    if (command.spec->scope == resp::scope::transaction) {
      resp::reply_writer(out, protocol_).ok();
      return;
    }
    run_here(*command.spec, command.views(), out);
  };
  draining_ = std::move(order);
  transaction_ticket_ = drops_replies() ? no_ticket : replies_.reserve().value;
  start_drained_transaction();
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

void session::on_transaction_answer(shard_id shard, std::vector<transaction_answer> answers) {
  if (!transaction_) return;
  transaction_->on_answer(shard, std::move(answers));
  settle_transaction();
}

void session::settle_transaction() {
  if (!transaction_ || !transaction_->finished()) return;
  const auto done = std::move(transaction_);
  for (const auto& [shard, written] : done->writes()) note_write(shard, written);
  if (done->order().what == transaction_order::kind::exec) forget_watches();
  if (transaction_ticket_ == no_ticket) return;
  auto holds = done->holds();
  // Watermarks that passed while other shards had not answered yet did not wake this session.
  std::erase_if(holds, [this](const resp::hold_reason& hold) {
    return hold.sequence <= environment_.durable[hold.shard.value];
  });
  for (auto& hold : holds) hold.since_us = active_us_;
  auto reply = done->take_reply();
  // A client that left in the middle gets nothing; its place still needs something to drop.
  if (reply.empty()) resp::reply_writer(reply, protocol_).null();
  replies_.fill({transaction_ticket_}, std::move(reply), holds);
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
  const shard_call call{&spec, words, {}, {protocol_, environment_.settings.level}};
  auto* core = services_.local_shard(shard);
  if (core != nullptr && outstanding_[shard.value] == 0 && core->accepts_inline(lane())) {
    std::string ignored;
    command_outcome outcome;
    if (core->run_inline(call, ignored, outcome)) return;
  }
  ++outstanding_[shard.value];
  ++in_flight_;
  services_.send_command(shard, identity_.id, no_ticket, call);
}

// ---- WAIT --------------------------------------------------------------------------------------

void session::wait(const wait_order& order) {
  const auto now = environment_.time.monotonic_us();
  const auto deadline = order.timeout_ms == 0 ? 0 : now + order.timeout_ms * 1000;
  waiting_ = {order, drops_replies() ? no_ticket : replies_.reserve().value, deadline};
  if (order.local_disk) {
    for (std::uint32_t i = 0; i < environment_.shard_count; ++i) {
      if (last_writes_[i].value != 0) services_.demand_commit({i}, last_writes_[i]);
    }
  }
  settle_wait();
}

void session::settle_wait() {
  if (!waiting_) return;
  const auto& order = waiting_->order;
  auto timed_out = waiting_->deadline_us == 1;
  auto local = true;
  for (std::uint32_t i = 0; i < environment_.shard_count; ++i) {
    const auto here = outstanding_[i] == 0 && last_writes_[i] <= environment_.durable[i];
    local = local && here;
    // What a failed log lacks will never come.
    timed_out = timed_out || (!here && !environment_.log_failures[i].empty());
  }
  if (!timed_out && (order.replicas > 0 || (order.local_disk && !local))) return;
  std::string bytes;
  resp::reply_writer reply(bytes, protocol_);
  if (order.is_waitaof) {
    reply.array(2);
    reply.integer(local ? 1 : 0);
  }
  reply.integer(0);  // no node follows this one
  const auto ticket = waiting_->ticket;
  waiting_.reset();
  if (ticket != no_ticket) replies_.fill({ticket}, std::move(bytes));
}

}  // namespace troupe::actors
