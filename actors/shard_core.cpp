#include "actors/shard_core.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/upload_commands.hpp"

namespace troupe::actors {

namespace {

/// Records waiting for the disk at which a shard stops taking commands: two full frames in hand.
constexpr std::size_t pending_bytes_max = 4 * limits::frame_bytes_max;
/// Commands behind a cold one whose values are asked for ahead.
constexpr std::size_t read_ahead_commands = 32;
/// A value that cannot be read is looked up and read once more: its segment may just have gone.
constexpr std::uint32_t load_failures_max = 2;
/// Prepared segments to keep beyond those held back.
constexpr std::size_t spare_segments = limits::reserved_segments + 1;
/// What a write may need beside the bytes it asked for: record headers, the record of its batch.
constexpr std::size_t room_margin_bytes = 1024;
/// Of replies to a transaction at which they are sent before the pieces behind them ran.
constexpr std::size_t answer_bytes_max = 1 << 20;
constexpr std::uint64_t segment_retry_us = 1'000'000;
/// Keys looked at or freed by one step of upkeep, so that it stays around 200 us.
constexpr std::size_t upkeep_keys = 4096;
/// Of these in every round that sends a frame.
constexpr std::size_t round_keys = 256;

std::string lost_write_text(const failure& why) {
  return fmt::format("MISCONF the key's last write is lost, the log failed: {}", why.message);
}

}  // namespace

std::vector<resp::stream_mark> marks_of(const std::vector<opened_stream>& streams, shard_id shard) {
  std::vector<resp::stream_mark> marks;
  for (const auto& each : streams) {
    marks.push_back({each.at, {shard, each.number, each.size, each.parts}});
  }
  return marks;
}

shard_core::shard_core(shard_options options, kv::store& store, log::log_tail& tail,
                       const clock& time, shard_outputs& outputs)
    : options_(options),
      store_(store),
      tail_(tail),
      time_(time),
      outputs_(outputs),
      random_(options.random_seed),
      // The first pending record is the no_op of this opening's epoch: before it, all is on disk.
      watermarks_(lsn{tail.appended().value - 1}),
      loader_(options.place.shard, outputs),
      streams_(options.place.shard, outputs),
      now_us_(time.monotonic_us()) {
  watermarks_.on_appended(tail_.appended());
  streams_.on_durable(watermarks_.durable());
  group_.on_append(durability::durable, tail_.pending_bytes(), now_us_);
}

// ---- commands ----------------------------------------------------------------------------------

bool shard_core::accepts_inline(lane_key key) const {
  return !transaction_ && !stalled() && (lanes_.empty() || !lanes_.contains(key));
}

bool shard_core::stalled() const { return tail_.pending_bytes() > pending_bytes_max && !failed_; }

bool shard_core::run_inline(const shard_call& call, std::string& reply, command_outcome& outcome) {
  if (behind_others(*call.spec, std::nullopt)) return false;
  return execute(call, reply, outcome, nullptr) == progress::done;
}

std::string shard_core::refusal(const shard_call& call) {
  if (!call.spec->is_write()) return {};
  if (failed_) {
    return fmt::format("MISCONF shard {} is read-only because its log failed: {}",
                       options_.place.shard.value, failed_->message);
  }
  if (!call.spec->has(resp::command_flag::may_use_reserve) &&
      !store_.has_room(resp::write_bytes_estimate(call.argv))) {
    return "OOM disk full: no space for new data in the log, only commands that free some";
  }
  return {};
}

shard_core::progress shard_core::execute(const shard_call& call, std::string& reply,
                                         command_outcome& outcome,
                                         std::vector<resp::streamed_value>* streamed) {
  resp::reply_writer writer(reply, call.client.protocol);
  const auto reply_start = reply.size();
  const auto pending_before = tail_.pending_bytes();
  store_.begin_command(call.client.level, call.client.reads);
  if (const auto refused = refusal(call); !refused.empty()) {
    writer.error(refused);
  } else {
    const auto batch = transaction_ ? resp::batching::enclosing : resp::batching::own;
    // An inline command is sent whole, or it comes back through its lane.
    const auto large =
        streamed == nullptr ? resp::large_replies::deferred : resp::large_replies::streamed;
    resp::shard_command command{store_, call.argv, call.first_key_hash,
                                writer, random_,   options_.place,
                                batch,  large,     streamed};
    if (call.spec->handler(command) == resp::exec_status::cold) return progress::cold;
  }
  if (store_.lacked_room() > 0 && !store_.wrote()) [[unlikely]] {
    if (room_may_come(store_.lacked_room())) {
      reply.resize(reply_start);
      return progress::no_room;
    }
    ++counted_.disk_full_rejections;
  }
  note_outcome(call, pending_before, outcome);
  if (failed_ && outcome.hold.value != 0) {
    reply.resize(reply_start);
    if (streamed != nullptr) streamed->clear();
    writer.error(lost_write_text(*failed_));
    outcome = {};
  }
  return progress::done;
}

bool shard_core::room_may_come(std::size_t bytes) const {
  return !failed_ && !disk_full_ &&
         tail_.segments_missing(bytes + room_margin_bytes, log::space::normal) > 0;
}

bool shard_core::behind_others(const resp::command_spec& spec, std::optional<lane_key> key) const {
  return room_waiter_ && room_waiter_ != key && !transaction_ && spec.is_write() &&
         !spec.has(resp::command_flag::may_use_reserve);
}

void shard_core::await_room(lane_key key) {
  room_waiter_ = key;
  room_wanted_ = store_.lacked_room() + room_margin_bytes;
  keep_segments_ready();
}

void shard_core::note_outcome(const shard_call& call, std::size_t pending_before,
                              command_outcome& outcome) {
  if (store_.wrote()) {
    outcome.kind = resp::hold_kind::write;
    outcome.last_write = tail_.appended();
    const auto bytes = tail_.pending_bytes() - pending_before;
    counted_.appended_bytes += bytes;
    group_.on_append(call.client.level, bytes, now_us_);
  }
  const auto observed = store_.observed();
  if (observed > watermarks_.durable()) outcome.hold = observed;
}

void shard_core::enqueue(lane_key key, queued_command&& command) {
  lanes_[key].queue.push_back(std::move(command));
  run_lane(key);
}

bool shard_core::may_run(lane_key key) const {
  if (transaction_) return transaction_->key == key;
  return !stalled();
}

void shard_core::run_lane(lane_key key) {
  while (true) {
    const auto place = lanes_.find(key);
    if (place == lanes_.end()) return;
    auto& from = place->second;
    if (from.queue.empty()) {
      lanes_.erase(place);
      return;
    }
    if (from.awaited > 0 || !may_run(key) || !run_front(key, from)) return;
  }
}

bool shard_core::run_front(lane_key key, lane& from) {
  const auto& front = from.queue.front();
  if (behind_others(*front.spec, key)) return false;
  // A value uploaded now would put the pause off once more.
  if (front.spec == &resp::set_uploaded && !pauses_.empty() && !transaction_) return false;
  const auto keys = resp::keys_of(*front.spec, front.words.size());
  const bool has_several_keys = keys.first + keys.step < keys.end;
  const failure* unreadable = nullptr;
  for (auto& load : from.loaded) {
    if (!load.value) {
      unreadable = &load.value.error();
    } else if (has_several_keys) {
      store_.supply(load.what, load.value.value());
    } else {
      store_.supply(load.what, std::move(load.value).value());
    }
  }
  if (unreadable != nullptr) ++from.failures;

  shard_reply answer{key, front.ticket, {}, {}, {}};
  std::vector<resp::streamed_value> streamed;
  auto status = progress::done;
  if (from.failures >= load_failures_max) {
    reply_without_value(from, front, unreadable, answer.bytes);
  } else {
    const auto hash = keys.empty() ? key_hash{} : store_.hash(front.words[keys.first]);
    status = execute({front.spec, front.words, hash, front.client}, answer.bytes, answer.outcome,
                     &streamed);
    const auto is_lost = [this](const resp::streamed_value& each) {
      return failed_ && each.what.value_lsn > watermarks_.durable();
    };
    if (std::ranges::any_of(streamed, is_lost)) {
      streamed.clear();
      answer.bytes.clear();
      from.lost = true;
      reply_without_value(from, front, nullptr, answer.bytes);
    }
  }
  if (!from.loaded.empty()) store_.drop_loans();
  if (status == progress::cold && has_several_keys) {
    // Kept for the next run: read again in turns, two values could push each other out for ever.
    std::erase_if(from.loaded, [](const auto& load) { return !load.value; });
  } else {
    from.loaded.clear();
  }
  if (status == progress::cold) {
    await_cold(key, from);
    return from.awaited == 0;
  }
  if (status == progress::no_room) {
    await_room(key);
    return false;
  }
  if (room_waiter_ == key) room_waiter_.reset();
  from.failures = 0;
  from.lost = false;
  from.queue.pop_front();
  for (auto& [at, what] : streamed) {
    const auto size = what.size;
    const auto parts = static_cast<std::uint32_t>(what.parts.size());
    answer.streams.push_back({at, streams_.open(key, std::move(what)), size, parts});
  }
  deliver(key, std::move(answer));
  return true;
}

void shard_core::reply_without_value(const lane& from, const queued_command& command,
                                     const failure* why, std::string& reply) {
  // What was lost with the log is no damage, and the state of the shard says it.
  if (!from.lost) ++counted_.unreadable_records;
  resp::reply_writer(reply, command.client.protocol)
      .error(from.lost ? lost_write_text(*failed_)
                       : resp::error_texts::unreadable_value(why->message));
}

void shard_core::await_cold(lane_key key, lane& from) {
  const auto missing = store_.missing();
  for (const auto& what : missing) {
    if (failed_ && what.sequence > watermarks_.durable()) {
      from.loaded.push_back({what, *failed_, {}});
      from.failures = load_failures_max;
      from.lost = true;
    } else {
      ++from.awaited;
      loader_.request(what, key, watermarks_.durable());
    }
  }
  read_ahead(from);
}

void shard_core::read_ahead(const lane& from) {
  const auto count = std::min(from.queue.size(), read_ahead_commands + 1);
  for (std::size_t i = 1; i < count; ++i) {
    const auto& command = from.queue[i];
    if (command.spec->is_write()) continue;
    store_.begin_command(command.client.level, command.client.reads);
    const auto keys = resp::keys_of(*command.spec, command.words.size());
    for (auto at = keys.first; at < keys.end; at += keys.step) {
      store_.find(command.words[at], store_.hash(command.words[at]));
    }
    for (const auto& what : store_.missing()) loader_.read_ahead(what, watermarks_.durable());
  }
}

void shard_core::on_loaded(cold_loader::finished&& load) {
  if (load.waiters.empty()) {
    if (load.value) {
      store_.supply(load.what, std::move(load.value).value());
      store_.drop_loans();
    }
    return;
  }
  for (std::size_t i = 0; i < load.waiters.size(); ++i) {
    const auto place = lanes_.find(load.waiters[i]);
    if (place == lanes_.end()) continue;  // its connection or transaction is gone
    auto& waiting = place->second;
    waiting.loaded.push_back({load.what, load.value, {}});
    --waiting.awaited;
    if (waiting.awaited == 0) run_lane(load.waiters[i]);
  }
}

void shard_core::deliver(lane_key key, shard_reply&& answer) {
  if (!transaction_ || transaction_->key != key) {
    outputs_.send_reply(std::move(answer));
    return;
  }
  transaction_->reply_bytes += answer.bytes.size();
  transaction_->replies.push_back(std::move(answer));
  if (lanes_.at(key).queue.empty() || transaction_->reply_bytes >= answer_bytes_max) {
    transaction_->reply_bytes = 0;
    outputs_.send_transaction_reply(key, std::exchange(transaction_->replies, {}));
  }
}

void shard_core::run_waiting_lanes() {
  if (lanes_.empty()) return;
  std::vector<lane_key> keys;
  keys.reserve(lanes_.size());
  for (const auto& [key, waiting] : lanes_) {
    if (waiting.awaited == 0) keys.push_back(key);
  }
  for (const auto key : keys) run_lane(key);
}

// ---- streams -----------------------------------------------------------------------------------

void shard_core::drop_stream(std::uint64_t stream) {
  streams_.drop(stream);
  retire_dead_segments();
}

// ---- transactions ------------------------------------------------------------------------------

void shard_core::pause(lane_key transaction) {
  pauses_.push_back(transaction);
  grant_pause();
}

void shard_core::grant_pause() {
  if (transaction_ || pauses_.empty()) return;
  if (!failed_ && store_.newest_upload() > watermarks_.durable()) {
    // Nothing is committed during a pause, and only then the transaction could read this value.
    group_.on_demand();
    return;
  }
  transaction_ = transaction_state{pauses_.front(), {}, 0, tail_.appended()};
  pauses_.pop_front();
  store_.begin_batch();
  outputs_.send_transaction_reply(transaction_->key, {});
}

void shard_core::run_pieces(lane_key transaction, std::vector<queued_command>&& pieces) {
  ENSURE(transaction_ && transaction_->key == transaction && !pieces.empty());
  auto& queue = lanes_[transaction].queue;
  for (auto& piece : pieces) queue.push_back(std::move(piece));
  run_lane(transaction);
}

void shard_core::release(lane_key transaction) {
  if (!transaction_ || transaction_->key != transaction) {
    std::erase(pauses_, transaction);
    if (!transaction_ && pauses_.empty()) run_waiting_lanes();
    return;
  }
  lanes_.erase(transaction);
  if (room_waiter_ == transaction) room_waiter_.reset();
  const auto before = transaction_->before;
  close_batch(before);
  shard_reply answer{transaction, 0, {}, {}, {}};
  if (tail_.appended() > before) {
    answer.outcome = {tail_.appended(), tail_.appended(), resp::hold_kind::write};
  }
  transaction_.reset();
  std::vector<shard_reply> answers;
  answers.push_back(std::move(answer));
  outputs_.send_transaction_reply(transaction, std::move(answers));
  grant_pause();
  if (!transaction_) run_waiting_lanes();
}

void shard_core::close_batch(lsn before) {
  const auto pending = tail_.pending_bytes();
  store_.end_batch();
  if (tail_.appended() == before) return;
  // The batch record is as urgent as the records it covers, which are counted already.
  group_.on_append(durability::memory, tail_.pending_bytes() - pending, now_us_);
}

// ---- the disk ----------------------------------------------------------------------------------

void shard_core::end_round() {
  now_us_ = time_.monotonic_us();
  if (!transaction_) store_.forget_deleted(kv::store::forget_budget);
  // A frame is closed only outside of a batch, so that no frame of it can be lost alone.
  if (failed_ || transaction_ || !group_.should_send(now_us_)) return;
  auto closed = tail_.take_frame(time_.wall_ms());
  if (!closed) return;
  watermarks_.on_appended(tail_.appended());
  group_.on_sent(tail_.pending_bytes());
  frame_sent_us_ = now_us_;
  ++counted_.commits;
  counted_.commit_records.record(closed->record_count);
  outputs_.send_frame(std::move(*closed));
  store_.evict_some(round_keys);
  store_.release_some(round_keys);
  keep_segments_ready();
}

void shard_core::on_frame_durable(lsn settled, std::uint32_t frame_bytes) {
  if (failed_) return;
  group_.on_committed();
  counted_.written_bytes += frame_bytes;
  counted_.commit_bytes.record(frame_bytes);
  counted_.commit_latency_us.record(time_.monotonic_us() - frame_sent_us_.value_or(now_us_));
  frame_sent_us_.reset();
  watermarks_.on_durable(settled);
  // A transaction may be walking over the keys (KEYS): an erased one could make it see others
  // twice.
  store_.on_durable(settled, transaction_ ? 0 : kv::store::forget_budget);
  outputs_.announce(settled, nullptr);
  loader_.on_durable(settled);
  streams_.on_durable(settled);
  grant_pause();
  if (!transaction_) run_waiting_lanes();
  retire_dead_segments();
}

void shard_core::on_log_failed(const failure& why) {
  if (failed_) return;
  failed_ = why;
  frame_sent_us_.reset();
  watermarks_.poison(why);
  outputs_.announce(watermarks_.durable(), &*failed_);
  for (auto& load : loader_.fail_all(why)) on_loaded(std::move(load));
  for (const auto& part : streams_.fail_undecided(why)) outputs_.send_part(part);
  room_waiter_.reset();
  grant_pause();
  run_waiting_lanes();
}

void shard_core::on_record(std::uint64_t ticket, const result<std::string_view>& record) {
  if (!value_streams::asked_for(ticket)) {
    if (auto load = loader_.on_record(ticket, record)) on_loaded(std::move(*load));
    return;
  }
  if (const auto part = streams_.on_record(ticket, record)) {
    if (!part->bytes) ++counted_.unreadable_records;
    outputs_.send_part(*part);
  }
  retire_dead_segments();
}

void shard_core::on_segment(use_id use, std::uint32_t ordinal) {
  segment_asked_ = false;
  disk_full_ = false;
  tail_.add_spare({use, ordinal});
  run_waiting_lanes();
  keep_segments_ready();
}

void shard_core::on_segment_failed(const failure&) {
  segment_asked_ = false;
  disk_full_ = true;
  room_waiter_.reset();
  segment_retry_at_us_ = time_.monotonic_us() + segment_retry_us;
  run_waiting_lanes();
}

void shard_core::keep_segments_ready() {
  if (failed_ || segment_asked_) return;
  const auto enough_for_waiter =
      !room_waiter_ || tail_.segments_missing(room_wanted_, log::space::normal) == 0;
  if (tail_.spare_count() >= spare_segments && enough_for_waiter) return;
  if (now_us_ < segment_retry_at_us_) return;
  segment_asked_ = true;
  outputs_.prepare_segment();
}

void shard_core::retire_dead_segments() {
  if (failed_ || !loader_.idle()) return;  // a read may still want an old segment
  const auto dead = store_.retirable(streams_.pinned_from());
  if (!dead) return;
  outputs_.retire(*dead);
  store_.retired(dead->first_live_ordinal);
  // There is space again: ask for it now instead of at the next retry.
  disk_full_ = false;
  segment_retry_at_us_ = 0;
  keep_segments_ready();
}

// ---- time --------------------------------------------------------------------------------------

void shard_core::tick() {
  now_us_ = time_.monotonic_us();
  keep_segments_ready();
  if (!failed_ && !transaction_ && store_.expires() > 0) {
    const auto pending = tail_.pending_bytes();
    store_.begin_command(durability::memory);
    counted_.expired_keys += store_.sweep(upkeep_keys);
    if (tail_.pending_bytes() > pending) {
      group_.on_append(durability::memory, tail_.pending_bytes() - pending, now_us_);
    }
  }
  store_.evict_some(upkeep_keys);
  store_.release_some(upkeep_keys);
  retire_dead_segments();  // those of an upload that was dropped
}

void shard_core::demand_commit() {
  if (!settled()) group_.on_demand();
}

std::optional<std::uint64_t> shard_core::next_deadline_us() const {
  if (transaction_) return std::nullopt;
  if (store_.has_decided_deletes()) return 0;
  if (failed_) return std::nullopt;
  return group_.next_deadline_us();
}

// ---- state -------------------------------------------------------------------------------------

bool shard_core::settled() const {
  if (failed_) return true;
  return !transaction_ && lanes_.empty() && tail_.pending_bytes() == 0 && !frame_in_flight();
}

shard_statistics shard_core::statistics() const {
  auto now = counted_;
  const auto memory = store_.memory();
  now.shard = options_.place.shard;
  now.keys = store_.size();
  now.keys_with_deadline = store_.expires();
  now.mean_ttl_ms = store_.mean_ttl_ms();
  now.index_bytes = memory.index_bytes + memory.key_bytes;
  now.resident_value_bytes = memory.value_bytes;
  now.expired_keys = counted_.expired_keys - reset_at_.expired_keys;
  now.evicted_values = memory.evicted_values - reset_at_.evicted_values;
  now.hits = store_.reads().hits - reset_at_.hits;
  now.misses = store_.reads().misses - reset_at_.misses;
  now.cold_reads = loader_.loads_finished() + streams_.opened() - reset_at_.cold_reads;
  now.appended = tail_.appended();
  now.durable = watermarks_.durable();
  now.queued_bytes = tail_.pending_bytes();
  now.disk_full = disk_full_;
  now.poisoned = failed_.has_value();
  return now;
}

void shard_core::reset_statistics() {
  reset_at_.expired_keys = counted_.expired_keys;
  reset_at_.evicted_values = store_.memory().evicted_values;
  reset_at_.hits = store_.reads().hits;
  reset_at_.misses = store_.reads().misses;
  reset_at_.cold_reads = loader_.loads_finished() + streams_.opened();
}

}  // namespace troupe::actors
