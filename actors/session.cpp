#include "actors/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/inline_words.hpp"
#include "actors/resp/piece_commands.hpp"
#include "storage/base/hash_slot.hpp"

namespace troupe::actors {

namespace {

constexpr std::string_view poisoned_text =
    "MISCONF outcome unknown: the log failed before this was durable: ";

/// Of the commands inside a MULTI block.
bool waits_for_exec(const resp::command_spec& spec) {
  if (spec.scope == resp::scope::transaction) return spec.name == "unwatch";
  return spec.name != "quit" && spec.name != "reset";
}

}  // namespace

session::session(session_identity identity, session_environment& environment,
                 session_services& services)
    : identity_(std::move(identity)),
      environment_(environment),
      services_(services),
      buffer_(environment.config.password.empty() ? input_bytes_max
                                                  : limits::unauthenticated_input_bytes),
      parser_(environment.config.password.empty() ? authenticated_limits()
                                                  : resp::parse_limits::unauthenticated()),
      authenticated_(environment.config.password.empty()),
      created_us_(environment.time.monotonic_us()),
      active_us_(created_us_),
      outstanding_(environment.shard_count),
      last_writes_(environment.shard_count) {}

resp::parse_limits session::authenticated_limits() {
  auto limits = resp::parse_limits::authenticated();
  limits.whole_bulk_bytes_max = limits::part_bytes_max;
  return limits;
}

session::~session() {
  abandon_upload();
  forget_watches();
  drop(replies_.open_streams());
}

// ---- the socket's side -------------------------------------------------------------------------

bool session::blocked() const { return draining_ || transaction_ || waiting_; }

bool session::may_run() const {
  const auto output_bytes_max =
      authenticated_ ? limits::output_bytes_pause : limits::unauthenticated_output_bytes;
  return !closing_ && !broken_ && !blocked() && paused_until_us_ == 0 &&
         in_flight_ < in_flight_max && in_flight_bytes_ < in_flight_bytes_max &&
         replies_under_way_ < limits::replies_under_way_bytes &&
         replies_.buffered_bytes() < output_bytes_max;
}

bool session::wants_input() const {
  // Before AUTH only what the next command still lacks: nobody unknown makes the node hold more.
  return may_run() && !input_ended_ && next_parsed_ == parsed_.size() &&
         (authenticated_ || input_used_up_);
}

void session::end_input() {
  input_ended_ = true;
  // Nobody would be told when it ends.
  if (waiting_ && !waiting_->deadline_us) close(close_when::now);
}

void session::received(std::size_t count) {
  buffer_.received(count);
  environment_.counted.received_bytes += count;
  active_us_ = environment_.time.monotonic_us();
}

bool session::process() {
  take_transaction_turn();
  const auto more = process_input();
  return more || (transaction_ && transaction_->wants_turn());
}

bool session::process_input() {
  if (next_parsed_ == parsed_.size()) {
    if (!may_run()) return false;
    forget_parsed();  // of a command that ran in slices
    parse();
    prefetch();
  }
  // A full round says that more may be in the buffer; seen before AUTH changes what full means.
  const auto full = parsed_.size() >= commands_at_once() || step_ != step::none;
  while (next_parsed_ < parsed_.size() && may_run()) {
    run(parsed_[next_parsed_++]);
  }
  if (runs_in_slices_ || (next_parsed_ < parsed_.size() && !closing_)) return false;
  forget_parsed();
  return full && may_run();
}

void session::forget_parsed() {
  parsed_.clear();
  words_.clear();
  next_parsed_ = 0;
  buffer_.consume(std::exchange(parsed_bytes_, 0));  // invariant 3
}

std::size_t session::commands_at_once() const {
  // Before AUTH one by one: the limits of what follows depend on its outcome.
  return authenticated_ ? commands_per_round : 1;
}

void session::parse() {
  while (parsed_.size() < commands_at_once()) {
    const auto first = words_.size();
    const auto status = parser_.next(buffer_.unread().subspan(parsed_bytes_), words_);
    parsed_bytes_ += parser_.consumed();
    input_used_up_ = status == resp::parse_status::need_more;
    if (input_used_up_) return;
    if (status == resp::parse_status::command) {
      parsed_.push_back({first, words_.size() - first, nullptr, {}, {}, {}, false});
      continue;
    }
    parsed_.push_back({first, 0, nullptr, {}, {}, {}, false});
    note_step(status);
    return;
  }
}

void session::note_step(resp::parse_status status) {
  switch (status) {
    case resp::parse_status::large_argument: step_ = step::begin_upload; return;
    case resp::parse_status::part: step_ = step::upload_part; return;
    case resp::parse_status::streamed: step_ = step::end_upload; return;
    default: break;
  }
  // The error goes out behind the replies of the commands before it.
  step_ = step::fail;
  ++environment_.counted.protocol_errors;
  parsed_.back().error = status == resp::parse_status::http ? std::string() : parser_.error();
}

void session::resolve(parsed_command& command) {
  if (command.word_count == 0) return;
  const resp::arguments argv(words_.data() + command.first_word, command.word_count);
  auto resolved = resp::check_command(argv);
  command.spec = resolved.spec;
  command.error = std::move(resolved.error);
  if (command.error || command.spec->handler == nullptr) return;
  if (resp::goes_in_slices(*command.spec, argv.size())) [[unlikely]]
    return;
  const auto keys = resp::keys_of(*command.spec, argv.size());
  if (!keys.empty()) command.hash = environment_.hash(argv[keys.first]);
  if (environment_.shard_count == 1) {
    command.one_shard = true;
  } else if (command.spec->scope == resp::scope::shard_key && !keys.empty()) {
    command.one_shard = true;  // the common case, without the general question
    command.shard = shard_of(argv[keys.first], environment_.shard_count);
  } else if (const auto shard =
                 resp::single_shard_of(*command.spec, argv, environment_.shard_count)) {
    command.one_shard = true;
    command.shard = *shard;
  }
}

void session::prefetch() {
  // Two passes: the second touches what the first asked the memory for.
  for (auto& command : parsed_) {
    resolve(command);
    if (!command.one_shard) continue;
    if (auto* core = services_.local_shard(command.shard)) {
      core->store().prefetch_bucket(command.hash);
    }
  }
  if (parsed_.size() == 1) return;
  for (const auto& command : parsed_) {
    if (!command.one_shard) continue;
    if (auto* core = services_.local_shard(command.shard)) {
      core->store().prefetch_entry(command.hash);
    }
  }
}

void session::sent(std::size_t count) {
  replies_.consume(count);
  environment_.counted.sent_bytes += count;
}

bool session::finished() const {
  const auto all_run = next_parsed_ == parsed_.size() && !blocked();
  return broken_ || (replies_.empty() && (closing_ || (input_ended_ && all_run)));
}

void session::close(close_when when) {
  closing_ = true;
  broken_ = broken_ || when == close_when::now;
  // Who is to get its replies first also gets the true one of what is under way.
  if (!broken_ || !transaction_) return;
  transaction_->abandon();
  settle_transaction();
}

void session::close_behind_this() {
  killed_itself_ = true;
  close(close_when::replied);
}

// ---- running commands --------------------------------------------------------------------------

void session::reply_error(std::string_view text) {
  resp::reply_writer(replies_.output(), protocol_).error(text);
}

void session::run(const parsed_command& command) {
  if (command.word_count == 0) return run_step(command);
  const resp::arguments argv(words_.data() + command.first_word, command.word_count);
  const auto start = replies_.mark();
  const auto reserved = replies_.reserved_ever();
  const auto what = run_command(command, argv);
  if (what == fate::given_to_shard && mode_ == reply_mode::on) [[likely]]
    return;
  // A reply with a reserved place comes later, and so do its errors; then `start` means nothing.
  if (replies_.reserved_ever() == reserved) {
    const auto reply = std::string_view(replies_.output()).substr(start);
    if (is_error(reply)) note_error(command, what, reply);
    if (drops_replies()) replies_.output().resize(start);
  }
  // A transaction under way may still change the mode; it ends with its reply.
  if (mode_ != reply_mode::on && !draining_ && !transaction_) advance_reply_mode();
}

void session::note_error(const parsed_command& command, fate what, std::string_view reply) {
  if (what == fate::given_to_shard) return;  // counted where it was given
  if (command.spec == nullptr) {
    environment_.commands.error(reply);
  } else if (what == fate::executed) {
    environment_.commands.failed(command.spec->number, reply);
  } else {
    environment_.commands.rejected(*command.spec, reply);
  }
}

void session::advance_reply_mode() {
  if (mode_ == reply_mode::skipping) {
    mode_ = reply_mode::on;
  } else if (mode_ == reply_mode::skip_next) {
    mode_ = reply_mode::skipping;
  }
}

session::fate session::run_command(const parsed_command& command, resp::arguments argv) {
  const auto* spec = command.spec;
  if (command.error) {
    if (spec == nullptr && resp::is_http_word(argv[0])) {
      ++environment_.counted.protocol_errors;
      close(close_when::replied);
      return fate::rejected;
    }
    reject(spec, *command.error);
    note_refusal();
    return fate::rejected;
  }
  if (!authenticated_ && !spec->has(resp::command_flag::no_auth)) {
    reject(spec, resp::error_texts::no_auth);
    note_refusal();
    return fate::rejected;
  }
  last_command_ = spec->name;
  if (in_multi() && waits_for_exec(*spec)) return queue_in_multi(command, argv);
  if (environment_.commands.called(*spec)) [[unlikely]]
    return dispatch_timed(command, argv);
  return dispatch(command, argv);
}

inline session::fate session::dispatch(const parsed_command& command, resp::arguments argv) {
  if (command.one_shard) [[likely]] {
    run_on_shard(command, argv);
    return fate::given_to_shard;
  }
  execute(command, argv);
  return fate::executed;
}

session::fate session::dispatch_timed(const parsed_command& command, resp::arguments argv) {
  if (drops_replies()) {  // it may have no reply to end with
    environment_.commands.postpone_timing(*command.spec);
    return dispatch(command, argv);
  }
  timing_ = environment_.commands.begin_timing(*command.spec);
  const auto since_us = environment_.exact_time.monotonic_us();
  const auto what = dispatch(command, argv);
  if (timing_) {  // the reply is there
    environment_.commands.end_timing(*timing_, environment_.exact_time.monotonic_us() - since_us);
    timing_.reset();
  }
  return what;
}

std::uint64_t session::reserve_place() {
  const auto ticket = replies_.reserve().value;
  // Whatever waits for a message waits for rounds, so the time of the round will do.
  if (timing_) timed_.push_back({*timing_, ticket, environment_.time.monotonic_us()});
  timing_.reset();
  return ticket;
}

void session::end_timing(std::uint64_t ticket) {
  const auto place = std::ranges::find(timed_, ticket, &timed_command::ticket);
  if (place == timed_.end()) return;
  environment_.commands.end_timing(place->call, environment_.time.monotonic_us() - place->since_us);
  timed_.erase(place);
}

void session::execute(const parsed_command& command, resp::arguments argv) {
  using enum resp::scope;
  const auto* spec = command.spec;
  switch (spec->scope) {
    case connection: run_here(*spec, argv, replies_.output()); return;
    case transaction: run_transaction_command(*spec, argv); return;
    case shard_key:
    case shard_keys:
    case every_shard:
      if (resp::goes_in_slices(*spec, argv.size())) return run_in_slices(*spec, argv);
      kept_commands alone(environment_.shard_count);
      alone.add(*spec, argv);
      begin_transaction(transaction_order::kind::single, std::move(alone));
      return;
  }
}

void session::run_here(const resp::command_spec& spec, resp::arguments argv, std::string& out) {
  resp::reply_writer reply(out, protocol_);
  run_connection_command(*this, spec, argv, reply);
}

void session::run_on_shard(const parsed_command& command, resp::arguments argv) {
  const shard_call call{command.spec, argv, command.hash, here()};
  const auto shard = command.shard;
  auto* core = services_.local_shard(shard);
  if (core != nullptr && outstanding_[shard.value] == 0 && core->accepts_inline(lane())) {
    const auto start = replies_.mark();
    command_outcome outcome;
    if (core->run_inline(call, replies_.output(), outcome)) {
      const auto& output = replies_.output();
      if (output[start] == '-') [[unlikely]]
        environment_.commands.failed(call.spec->number, std::string_view(output).substr(start));
      if (outcome.last_write.value != 0) last_writes_[shard.value] = outcome.last_write;
      if (outcome.hold.value != 0 && !drops_replies()) {
        replies_.hold(start, {shard, outcome.kind, outcome.hold, active_us_});
      }
      return;
    }
  }
  const auto ticket = drops_replies() ? no_ticket : reserve_place();
  for (const auto word : argv) in_flight_bytes_ += word.size();
  replies_under_way_ += resp::reply_bytes_estimate(*call.spec, argv.size());
  ++outstanding_[shard.value];
  ++in_flight_;
  services_.send_command(shard, identity_.id, tag_of(call.spec->number, ticket), call);
}

void session::note_write(shard_id shard, lsn written) {
  last_writes_[shard.value] = std::max(last_writes_[shard.value], written);
}

// ---- answers -----------------------------------------------------------------------------------

void session::on_reply(shard_id shard, std::uint64_t tag, std::string bytes,
                       const command_outcome& outcome) {
  const auto place = tag & place_mask;
  const auto ticket = place == place_mask ? no_ticket : place;
  const auto is_of_upload = place >= first_part_place && ticket != no_ticket;
  // What a part is refused for is counted when the whole command is.
  if (is_error(bytes) && !is_of_upload) {
    environment_.commands.failed(static_cast<std::uint16_t>(tag >> place_bits), bytes);
  }
  --outstanding_[shard.value];
  if (--in_flight_ == 0) in_flight_bytes_ = replies_under_way_ = 0;
  note_write(shard, outcome.last_write);
  if (place < first_part_place) {
    const resp::hold_reason why{shard, outcome.kind, outcome.hold, active_us_};
    const auto holds =
        outcome.hold.value == 0 ? std::span<const resp::hold_reason>{} : std::span(&why, 1);
    replies_.fill({ticket}, std::move(bytes), holds);
    end_timing(ticket);
    fail_lost_replies(shard);
  } else if (is_of_upload) {
    in_flight_bytes_ -= std::min(in_flight_bytes_, limits::part_bytes_max);
    on_part_stored(place, std::move(bytes));
  }
  start_drained_transaction();
  demand_what_is_awaited(shard);
  settle_wait();
}

void session::on_streamed_reply(shard_id shard, std::uint64_t tag, resp::streamed_reply reply,
                                const command_outcome& outcome) {
  const auto place = tag & place_mask;
  std::vector<resp::stream_source> streams;
  for (const auto& mark : reply.marks) streams.push_back(mark.source);
  const resp::hold_reason why{shard, outcome.kind, outcome.hold, active_us_};
  const auto holds =
      outcome.hold.value == 0 ? std::span<const resp::hold_reason>{} : std::span(&why, 1);
  if (place == place_mask || !replies_.fill_streamed({place}, std::move(reply), holds)) {
    drop(streams);
  }
  end_timing(place);
  // The place is filled, so the rest is as for a reply that nobody wants.
  on_reply(shard, no_ticket, {}, outcome);
  fail_lost_replies(shard);
}

void session::on_part(shard_id shard, std::uint64_t stream, std::uint32_t index,
                      result<resp::shared_bytes> part) {
  if (part) {
    // Asked for because the client took what came before.
    active_us_ = environment_.time.monotonic_us();
    replies_.add_part(shard, stream, index, std::move(part).value());
    return;
  }
  const auto text = resp::error_texts::unreadable_value(part.error().message);
  if (!replies_.fail_stream(shard, stream, text)) close(close_when::now);
}

void session::feed_stream() {
  if (broken_) return;
  const auto credit = replies_.take_stream_credit();
  if (credit.parts == 0) return;
  services_.credit_stream(credit.source.shard, credit.source.number, credit.parts);
}

void session::drop(const std::vector<resp::stream_source>& streams) {
  for (const auto& each : streams) services_.drop_stream(each.shard, each.number);
}

std::uint64_t session::reserve() {
  ++in_flight_;
  if (runs_exec_) {
    replies_later_ = true;
    return exec_ticket;
  }
  return drops_replies() ? no_ticket : reserve_place();
}

std::uint64_t session::reserve_unseen() {
  ++in_flight_;
  return no_ticket;
}

void session::on_answer(std::uint64_t ticket, std::string bytes) {
  if (--in_flight_ == 0) in_flight_bytes_ = replies_under_way_ = 0;
  if (ticket == exec_ticket) {
    transaction_->on_late_reply(bytes);
    settle_transaction();
    return;
  }
  if (ticket != no_ticket) replies_.fill({ticket}, std::move(bytes));
  end_timing(ticket);
  start_drained_transaction();
}

void session::on_watermark(shard_id shard, lsn durable) {
  replies_.advance(shard, durable);
  settle_wait();
}

void session::on_log_failed(shard_id shard) {
  replies_.advance(shard, environment_.durable[shard.value]);
  fail_lost_replies(shard);
  settle_wait();
}

void session::fail_lost_replies(shard_id shard) {
  const auto& why = environment_.log_failures[shard.value];
  if (why.empty()) return;
  const auto failed = replies_.fail_held(shard, environment_.durable[shard.value],
                                         fmt::format("{}{}", poisoned_text, why));
  environment_.commands.error(poisoned_text, failed);
  drop(replies_.take_replaced_streams());
}

}  // namespace troupe::actors
