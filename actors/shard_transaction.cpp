#include "actors/shard_transaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/piece_commands.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::actors {

namespace {

/// What a command of connection scope does or shows may depend on those in front of it, and what
/// is behind it on what it does. These do nothing but reply.
bool only_replies(std::string_view name) {
  constexpr std::array<std::string_view, 5> names = {"ping", "echo", "select", "time", "unwatch"};
  return std::ranges::find(names, name) != names.end();
}

bool is_fence(const kept_command& command) {
  return !command.needs_shards() && !only_replies(command.spec->name);
}

std::size_t bytes_of(const kept_command& command) {
  std::size_t bytes = 0;
  for (const auto& word : command.words) bytes += word.size();
  return bytes;
}

}  // namespace

shard_transaction::shard_transaction(transaction_order order, transaction_transport& transport,
                                     prng& random)
    : order_(std::move(order)), transport_(transport), random_(random), lanes_(order_.shard_count) {
  const auto& watched = order_.watched_shards;
  for (std::uint32_t i = 0; i < order_.shard_count; ++i) {
    lanes_[i].uses = order_.commands.uses()[i];
    if (lanes_[i].uses > 0 || std::ranges::find(watched, shard_id{i}) != watched.end()) {
      shards_.push_back({i});
    }
  }
}

// ---- before and after --------------------------------------------------------------------------

void shard_transaction::start() {
  if (shards_.empty()) {
    all_paused();
  } else {
    pause_next();
  }
}

void shard_transaction::pause_next() { transport_.pause(shards_[paused_], order_.id); }

void shard_transaction::on_answer(shard_id shard, std::vector<transaction_answer> answers) {
  for (const auto& answer : answers) note(shard, answer);
  if (lanes_[shard.value].released) {
    if (--releases_ == 0 && stage_ == stage::releasing) finish();
    return;
  }
  switch (stage_) {
    case stage::pausing:
      ++paused_;
      if (abandoned_) {
        release_all();
      } else if (paused_ < shards_.size()) {
        pause_next();  // invariant 1
      } else {
        all_paused();
      }
      return;
    case stage::checking:
      for (const auto& answer : answers) dirty_ = dirty_ || answer.bytes != ":0\r\n";
      if (--awaited_ > 0) return;
      if (dirty_ || abandoned_) {
        finish_running();
      } else {
        begin_running();
      }
      return;
    case stage::running: take_answers(shard, answers); return;
    case stage::releasing:
    case stage::finished: return;
  }
}

void shard_transaction::all_paused() {
  if (order_.watched_shards.empty()) return begin_running();
  stage_ = stage::checking;
  awaited_ = order_.watched_shards.size();
  const auto watcher = fmt::format("{}", order_.watcher);
  for (const auto shard : order_.watched_shards) {
    transport_.run(shard, order_.id,
                   {{&resp::watch_check,
                     {resp::watch_check.name, watcher},
                     resp::protocol::resp2,
                     order_.level}});
  }
}

bool shard_transaction::is_framed() const {
  return order_.what == transaction_order::kind::exec &&
         order_.exec_frame == transaction_order::frame::wanted;
}

void shard_transaction::begin_running() {
  stage_ = stage::running;
  if (is_framed()) {
    resp::reply_writer(reply_.bytes, order_.protocol).array(order_.commands.size());
  }
  for (const auto shard : shards_) {
    if (lanes_[shard.value].uses == 0) release(shard);  // only watched
  }
  run_on();
}

void shard_transaction::abandon() {
  abandoned_ = true;
  drop_reply({0, 0});
  reply_ = {};
  if (!slots_.empty() && slots_.front().slices) slots_.front().slices->abandon();
  if (wants_turn_) run_on();
}

void shard_transaction::finish_running() {
  if (dirty_ && is_framed()) resp::reply_writer(reply_.bytes, order_.protocol).null_array();
  release_all();
}

void shard_transaction::release_all() {
  stage_ = stage::releasing;
  for (std::size_t i = 0; i < paused_; ++i) {
    if (!lanes_[shards_[i].value].released) release(shards_[i]);
  }
  if (releases_ == 0) finish();
}

void shard_transaction::release(shard_id shard) {
  lanes_[shard.value].released = true;
  ++releases_;
  transport_.release(shard, order_.id);
}

void shard_transaction::end_use(shard_id shard) {
  if (--lanes_[shard.value].uses == 0) release(shard);
}

void shard_transaction::finish() {
  stage_ = stage::finished;
  for (const auto shard : shards_) {
    const auto& seen = lanes_[shard.value];
    const auto kind = seen.last_write.value != 0 ? resp::hold_kind::write : resp::hold_kind::read;
    if (seen.hold.value != 0) holds_.push_back({shard, kind, seen.hold, 0});
    if (seen.last_write.value != 0) writes_.emplace_back(shard, seen.last_write);
  }
}

void shard_transaction::note(shard_id shard, const transaction_answer& answer) {
  auto& seen = lanes_[shard.value];
  seen.hold = std::max(seen.hold, answer.hold);
  seen.last_write = std::max(seen.last_write, answer.last_write);
}

// ---- running: replies --------------------------------------------------------------------------

void shard_transaction::run_on() {
  wants_turn_ = false;
  auto here_left = here_per_turn;
  for (;;) {
    while (!slots_.empty() && slots_.front().awaited == 0) {
      if (!settle_front(here_left)) return;
    }
    if (at_ == order_.commands.size()) return finish_running();
    send_more();
    if (slots_.front().slices) send_slices(slots_.front());
    if (slots_.front().awaited > 0) return;
  }
}

/// False: the rest has to wait for the next turn.
bool shard_transaction::settle_front(std::size_t& here_left) {
  const auto& command = order_.commands[at_];
  auto& front = slots_.front();
  if (front.plan) {
    finish_plan_phase(front);
    return true;
  }
  if (front.slices) {
    finish_slices(front);
    return true;
  }
  const auto start = end_of_reply();
  if (command.needs_shards()) {
    reply_.append(front.reply);
  } else {
    if (here_left == 0 && !abandoned_) {
      wants_turn_ = true;
      return false;
    }
    here_left -= std::min<std::size_t>(here_left, 1);
    if (!run_here(command)) return true;
  }
  end_command(start);
  return true;
}

/// False: the reply comes later.
bool shard_transaction::run_here(const kept_command& command) {
  const auto outcome = order_.run_here(command, reply_.bytes);
  order_.protocol = outcome.protocol;
  if (outcome.what == run_here_outcome::reply::given) return true;
  slots_.front().awaited = 1;
  return false;
}

void shard_transaction::on_late_reply(std::string_view reply) {
  ENSURE(stage_ == stage::running && !slots_.empty() && slots_.front().awaited == 1);
  const auto start = end_of_reply();
  reply_.bytes += reply;
  end_command(start);
  run_on();
}

void shard_transaction::finish_plan_phase(slot& front) {
  const auto start = end_of_reply();
  auto& running = *front.plan;
  const auto progress = running.plan.advance(std::move(running.replies), reply_, order_.protocol);
  for (const auto& stream : running.plan.take_dropped_streams()) {
    transport_.drop_stream(stream.shard, stream.number);
  }
  if (progress == resp::multi_shard_plan::progress::finished) {
    const auto used =
        resp::shards_of(*order_.commands[at_].spec, running.words, order_.shard_count);
    for (const auto shard : used) end_use(shard);
    return end_command(start);
  }
  send_phase(front, at_);
  flush_lanes();
}

void shard_transaction::finish_slices(slot& front) {
  const auto start = end_of_reply();
  reply_ = front.slices->take_reply();
  for (const auto& stream : front.slices->take_dropped_streams()) {
    transport_.drop_stream(stream.shard, stream.number);
  }
  for (const auto shard : shards_) end_use(shard);
  end_command(start);
}

void shard_transaction::end_command(reply_start start) {
  const auto& command = order_.commands[at_];
  const auto reply = std::string_view(reply_.bytes).substr(start.byte);
  const auto wanted = !order_.on_reply || order_.on_reply(command, reply);
  const auto reply_bytes = reply_.bytes.size() + reply_.marks.size() * limits::streamed_reply_bytes;
  if (!wanted || abandoned_) {
    drop_reply(start);
  } else if (reply_bytes > limits::reply_bytes_max &&
             order_.what == transaction_order::kind::exec) {
    drop_reply(start);
    resp::reply_writer(reply_.bytes, order_.protocol)
        .error(resp::error_texts::exec_reply_too_large);
  }
  slot_bytes_ -= slots_.front().bytes;
  slot_reply_bytes_ -= slots_.front().reply_bytes;
  slots_.pop_front();
  fenced_ = fenced_ && !slots_.empty();
  // Here and not all at the end: freeing many words takes its time, too.
  order_.commands.give_back(at_++);
}

void shard_transaction::drop_reply(reply_start start) {
  for (const auto& stream : reply_.cut(start.byte, start.mark)) {
    transport_.drop_stream(stream.shard, stream.number);
  }
}

void shard_transaction::take_answers(shard_id shard, std::vector<transaction_answer>& answers) {
  auto& from = lanes_[shard.value];
  for (auto& answer : answers) {
    ENSURE(!from.awaited.empty());
    const auto where = from.awaited.front();
    from.awaited.pop_front();
    auto& to = slots_[where.command - at_];
    resp::streamed_reply reply{std::move(answer.bytes), std::move(answer.streams)};
    if (to.slices) {
      to.slices->take(where.piece, std::move(reply));
      continue;
    }
    --to.awaited;
    if (to.plan) {
      to.plan->replies[where.piece] = std::move(reply);
    } else {
      to.reply = std::move(reply);
      end_use(shard);
    }
  }
  run_on();
}

// ---- running: commands -------------------------------------------------------------------------

void shard_transaction::send_more() {
  // In large steps: a message for each command that was replied to would cost more than it saves.
  if (slots_.size() > window_commands / 2 || slot_bytes_ > window_bytes / 2 ||
      slot_reply_bytes_ > window_reply_bytes / 2) {
    return;
  }
  while (next_ < order_.commands.size() && !fenced_ && slots_.size() < window_commands &&
         slot_bytes_ < window_bytes && slot_reply_bytes_ < window_reply_bytes) {
    send_command(next_++);
  }
  flush_lanes();
}

void shard_transaction::send_command(std::size_t at) {
  const auto& command = order_.commands[at];
  auto& added = slots_.emplace_back();
  added.bytes = bytes_of(command);
  slot_bytes_ += added.bytes;
  added.reply_bytes = resp::reply_bytes_estimate(*command.spec, command.words.size());
  slot_reply_bytes_ += added.reply_bytes;
  if (!command.needs_shards()) {
    fenced_ = is_fence(command);
    return;
  }
  if (command.sliced) {
    added.slices = resp::make_sliced_command(*command.spec, order_.sliced_words, order_.shard_count,
                                             order_.protocol);
    added.awaited = 1;
    fenced_ = true;
    return;
  }
  if (command.shard) {
    // Nobody is there to read, and reads could be large.
    if (abandoned_ && !command.spec->is_write()) return end_use(*command.shard);
    added.awaited = 1;
    send_piece(*command.shard,
               {command.spec, command.views(), order_.protocol, order_.level, order_.reads},
               {at, 0});
    return;
  }
  added.plan = std::make_unique<running_plan>(command, order_.shard_count, random_);
  fenced_ = added.plan->plan.phase_count() == resp::phases::several;
  send_phase(added, at);
}

void shard_transaction::send_slices(slot& of) {
  auto& slices = *of.slices;
  if (slices.wants_turn()) slices.take_turn();
  while (auto next = slices.next()) {
    send_piece(next->shard,
               {next->spec, std::move(next->argv), next->version, order_.level, order_.reads},
               {at_, next->number});
  }
  flush_lanes();
  wants_turn_ = slices.wants_turn();
  if (slices.is_done()) of.awaited = 0;
}

void shard_transaction::send_phase(slot& to, std::size_t command) {
  const auto pieces = to.plan->plan.pieces();
  to.awaited = pieces.size();
  to.plan->replies.assign(pieces.size(), {});
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    send_piece(pieces[i].shard,
               {pieces[i].spec, pieces[i].argv, resp::piece_protocol, order_.level, order_.reads},
               {command, i});
  }
}

void shard_transaction::send_piece(shard_id shard, sent_piece&& piece, place where) {
  auto& to = lanes_[shard.value];
  to.outgoing.push_back(std::move(piece));
  to.awaited.push_back(where);
  if (to.outgoing.size() >= message_commands) flush(shard);
}

void shard_transaction::flush_lanes() {
  for (const auto shard : shards_) flush(shard);
}

void shard_transaction::flush(shard_id shard) {
  auto& to = lanes_[shard.value];
  if (to.outgoing.empty()) return;
  transport_.run(shard, order_.id, to.outgoing);
  to.outgoing.clear();
}

}  // namespace troupe::actors
