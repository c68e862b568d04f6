#include "actors/session.hpp"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/piece_commands.hpp"
#include "storage/base/hash_slot.hpp"

namespace troupe::actors {

namespace {

constexpr std::uint32_t authentication_failures_max = 8;
/// Replies not read by the client at which a session stops taking commands.
constexpr std::size_t output_bytes_pause = 8 << 20;

/// Large arguments are announced, so that they need not be kept.
resp::parse_limits authenticated_limits() {
  auto limits = resp::parse_limits::authenticated();
  limits.whole_bulk_bytes_max = limits::part_bytes_max;
  return limits;
}

constexpr std::string_view poisoned_text =
    "MISCONF outcome unknown: the log failed before this was durable: ";

}  // namespace

session::session(session_identity identity, session_environment& environment,
                 session_services& services)
    : identity_(std::move(identity)),
      environment_(environment),
      services_(services),
      buffer_(limits::query_buffer_bytes + limits::value_bytes_max),
      parser_(environment.config.password.empty() ? authenticated_limits()
                                                  : resp::parse_limits::unauthenticated()),
      authenticated_(environment.config.password.empty()),
      created_us_(environment.time.monotonic_us()),
      active_us_(created_us_),
      outstanding_(environment.shard_count),
      last_writes_(environment.shard_count) {}

session::~session() {
  abandon_upload();
  forget_watches();
  drop(replies_.open_streams());
}

// ---- the socket's side -------------------------------------------------------------------------

bool session::blocked() const { return draining_ || transaction_ || waiting_; }

bool session::may_run() const {
  return !closing_ && !broken_ && !blocked() && in_flight_ < in_flight_max &&
         in_flight_bytes_ < in_flight_bytes_max && replies_.buffered_bytes() < output_bytes_pause;
}

bool session::wants_input() const {
  return may_run() && !input_ended_ && next_parsed_ == parsed_.size();
}

void session::end_input() {
  input_ended_ = true;
  // Nobody would be told when it ends.
  if (waiting_ && waiting_->deadline_us == 0) close(close_when::now);
}

void session::received(std::size_t count) {
  buffer_.received(count);
  active_us_ = environment_.time.monotonic_us();
}

bool session::process() {
  if (next_parsed_ == parsed_.size()) {
    if (!may_run()) return false;
    parse();
    prefetch();
  }
  // A full round says that more may be in the buffer; seen before AUTH changes what full means.
  const auto full = parsed_.size() >= commands_at_once() || step_ != step::none;
  while (next_parsed_ < parsed_.size() && may_run()) {
    run(parsed_[next_parsed_++]);
  }
  if (next_parsed_ < parsed_.size() && !closing_) return false;
  parsed_.clear();
  words_.clear();
  next_parsed_ = 0;
  buffer_.consume(std::exchange(parsed_bytes_, 0));  // invariant 3
  return full && may_run();
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
    if (status == resp::parse_status::need_more) return;
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
  if (broken_ && transaction_) transaction_->abandon();
}

// ---- running commands --------------------------------------------------------------------------

void session::reply_error(std::string_view text) {
  ++environment_.counted.error_replies;
  resp::reply_writer(replies_.output(), protocol_).error(text);
}

void session::run(const parsed_command& command) {
  if (command.word_count == 0) return run_step(command);
  const resp::arguments argv(words_.data() + command.first_word, command.word_count);
  const auto start = begin_command();
  run_command(command, argv);
  end_command(start);
}

void session::run_command(const parsed_command& command, resp::arguments argv) {
  using enum resp::scope;
  const auto* spec = command.spec;
  if (!authenticated_ && (spec == nullptr || !spec->has(resp::command_flag::no_auth))) {
    reply_error(resp::error_texts::no_auth);
    return;
  }
  if (command.error) {
    multi_failed_ = multi_failed_ || in_multi_;
    reply_error(*command.error);
    return;
  }
  last_command_ = spec->name;
  if (in_multi_ && spec->scope != transaction && spec->name != "quit" && spec->name != "reset") {
    queue_in_multi(command, argv);
    return;
  }
  switch (spec->scope) {
    case connection: run_here(*spec, argv, replies_.output()); return;
    case transaction: run_transaction_command(*spec, argv); return;
    case shard_key:
    case shard_keys:
    case every_shard:
      if (command.one_shard) {
        run_on_shard(command, argv);
      } else {
        kept_command kept{spec, {argv.begin(), argv.end()}};
        std::vector<kept_command> alone;
        alone.push_back(std::move(kept));
        begin_transaction(transaction_order::kind::single, std::move(alone));
      }
      return;
  }
}

void session::run_here(const resp::command_spec& spec, resp::arguments argv, std::string& out) {
  resp::reply_writer reply(out, protocol_);
  run_connection_command(*this, spec, argv, reply);
}

void session::run_on_shard(const parsed_command& command, resp::arguments argv) {
  const shard_call call{command.spec, argv, command.hash, {protocol_, environment_.settings.level}};
  const auto shard = command.shard;
  auto* core = services_.local_shard(shard);
  if (core != nullptr && outstanding_[shard.value] == 0 && core->accepts_inline(lane())) {
    const auto start = replies_.mark();
    command_outcome outcome;
    if (core->run_inline(call, replies_.output(), outcome)) {
      if (outcome.last_write.value != 0) last_writes_[shard.value] = outcome.last_write;
      if (outcome.hold.value != 0 && !drops_replies()) {
        replies_.hold(start, {shard, outcome.kind, outcome.hold, active_us_});
      }
      return;
    }
  }
  const auto ticket = drops_replies() ? no_ticket : replies_.reserve().value;
  for (const auto word : argv) in_flight_bytes_ += word.size();
  ++outstanding_[shard.value];
  ++in_flight_;
  services_.send_command(shard, identity_.id, ticket, call);
}

void session::note_write(shard_id shard, lsn written) {
  last_writes_[shard.value] = std::max(last_writes_[shard.value], written);
}

// ---- answers -----------------------------------------------------------------------------------

void session::on_reply(shard_id shard, std::uint64_t ticket, std::string bytes,
                       const command_outcome& outcome) {
  --outstanding_[shard.value];
  if (--in_flight_ == 0) in_flight_bytes_ = 0;
  note_write(shard, outcome.last_write);
  if (ticket < first_part_ticket) {
    const resp::hold_reason why{shard, outcome.kind, outcome.hold, active_us_};
    const auto holds =
        outcome.hold.value == 0 ? std::span<const resp::hold_reason>{} : std::span(&why, 1);
    replies_.fill({ticket}, std::move(bytes), holds);
    fail_lost_replies(shard);
  } else if (ticket != no_ticket) {
    in_flight_bytes_ -= std::min(in_flight_bytes_, limits::part_bytes_max);
    on_part_stored(ticket, bytes);
  }
  start_drained_transaction();
  settle_wait();
}

void session::on_streamed_reply(shard_id shard, std::uint64_t ticket, std::string header,
                                const command_outcome& outcome, const opened_stream& stream) {
  const resp::stream_source source{shard, stream.number, stream.size};
  const resp::hold_reason why{shard, outcome.kind, outcome.hold, active_us_};
  const auto holds =
      outcome.hold.value == 0 ? std::span<const resp::hold_reason>{} : std::span(&why, 1);
  if (ticket == no_ticket || !replies_.fill_streamed({ticket}, std::move(header), source, holds)) {
    drop({source});
  }
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
  return drops_replies() ? no_ticket : replies_.reserve().value;
}

void session::on_answer(std::uint64_t ticket, std::string bytes) {
  if (--in_flight_ == 0) in_flight_bytes_ = 0;
  if (ticket != no_ticket) replies_.fill({ticket}, std::move(bytes));
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
  replies_.fail_held(shard, environment_.durable[shard.value],
                     fmt::format("{}{}", poisoned_text, why));
  drop(replies_.take_replaced_streams());
}

void session::on_tick(std::uint64_t now_us) {
  const auto& settings = environment_.settings;
  if (replies_.held_count() > 0 && now_us > settings.commit_timeout_us &&
      replies_.oldest_hold_us() < now_us - settings.commit_timeout_us) {
    environment_.counted.commit_timeouts += replies_.expire(now_us - settings.commit_timeout_us);
    drop(replies_.take_replaced_streams());
  }
  if (waiting_ && waiting_->deadline_us != 0 && now_us >= waiting_->deadline_us) {
    waiting_->order.timeout_ms = 0;
    waiting_->order.replicas = 0;
    waiting_->deadline_us = 1;  // over: answer with what there is
    settle_wait();
  }
  if (replies_.buffered_bytes() > limits::output_bytes_max) close(close_when::now);
  if (settings.idle_timeout_us != 0 && !blocked() && in_flight_ == 0 &&
      now_us - active_us_ > settings.idle_timeout_us) {
    close(close_when::now);
  }
}

// ---- identity ----------------------------------------------------------------------------------

bool session::authenticate(std::string_view password) {
  const auto& expected = environment_.config.password;
  // Compared in constant time; the length of a wrong guess is no secret.
  const auto right = password.size() == expected.size() &&
                     CRYPTO_memcmp(password.data(), expected.data(), expected.size()) == 0;
  if (right) {
    authenticated_ = true;
    parser_.set_limits(authenticated_limits());
    return true;
  }
  ++environment_.counted.authentication_failures;
  if (!authenticated_ && ++authentication_failures_ >= authentication_failures_max) {
    close(close_when::replied);
  }
  return false;
}

void session::set_library(std::string_view attribute, std::string_view value) {
  (attribute == "lib-name" ? library_name_ : library_version_) = value;
}

void session::reset() {
  discard_multi();
  protocol_ = resp::protocol::resp2;
  mode_ = reply_mode::on;
  name_.clear();
  no_evict_ = no_touch_ = false;
  authenticated_ = environment_.config.password.empty();
  if (!authenticated_) parser_.set_limits(resp::parse_limits::unauthenticated());
}

std::string session::describe() const {
  const auto now = environment_.time.monotonic_us();
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub=0 psub=0 ssub=0 "
      "multi={} qbuf={} qbuf-free={} argv-mem=0 multi-mem={} rbs={} rbp=0 obl={} oll=0 omem=0 "
      "tot-mem={} events=r cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}",
      identity_.id, identity_.address, identity_.local_address, identity_.descriptor, name_,
      (now - created_us_) / 1'000'000, (now - active_us_) / 1'000'000,
      in_multi_   ? "x"
      : no_evict_ ? "e"
      : no_touch_ ? "T"
                  : "N",
      in_multi_ ? static_cast<long>(queued_.size()) : -1, parsed_bytes_, buffer_.capacity(),
      queued_bytes_, buffer_.capacity(), replies_.buffered_bytes(),
      buffer_.capacity() + replies_.buffered_bytes() + queued_bytes_, last_command_,
      static_cast<int>(protocol_), library_name_, library_version_);
}

}  // namespace troupe::actors
