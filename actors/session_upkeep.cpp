// The part of session that is about the client itself: deadlines and idle times, who it is, what it
// looks like in CLIENT LIST.
#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <utility>

#include "actors/resp/error_texts.hpp"
#include "actors/session.hpp"

namespace troupe::actors {

namespace {

/// The pause after a wrong password doubles this often at most.
constexpr std::uint32_t pause_doublings_max = 6;

}  // namespace

bool session::on_tick(std::uint64_t now_us) {
  const auto& settings = environment_.settings;
  const auto had_to_wait = awaits_watermark() || paused_until_us_ != 0;
  if (now_us >= paused_until_us_) paused_until_us_ = 0;
  if (replies_.held_count() > 0 && now_us > settings.commit_timeout_us &&
      replies_.oldest_hold_us() < now_us - settings.commit_timeout_us) {
    const auto late = replies_.expire(now_us - settings.commit_timeout_us);
    environment_.counted.commit_timeouts += late.total();
    environment_.commands.error("TIMEOUT", late.writes);
    environment_.commands.error(resp::error_texts::undecided_write, late.reads);
    drop(replies_.take_replaced_streams());
  }
  if (replies_.buffered_bytes() > limits::output_bytes_max) close(close_when::now);
  if (settings.idle_timeout_us != 0 && !blocked() && in_flight_ == 0 &&
      now_us - active_us_ > settings.idle_timeout_us) {
    close(close_when::now);
  }
  output_peak_.note(now_us, replies_.buffered_bytes());
  const auto held = memory_bytes();
  release_idle_memory(now_us);
  return had_to_wait || closing_ || memory_bytes() != held;
}

void session::release_idle_memory(std::uint64_t now_us) {
  if (now_us - active_us_ < idle_release_us || !parsed_.empty()) return;
  // What is not empty stays: a command that came in half, a reply on its way.
  buffer_.release();
  replies_.release_memory();
  std::vector<std::string_view>().swap(words_);
  std::vector<parsed_command>().swap(parsed_);
}

// ---- identity ----------------------------------------------------------------------------------

bool matches(const kill_filter& filter, const session_identity& who) {
  return (filter.id == 0 || who.id == filter.id) &&
         (filter.address.empty() || who.address == filter.address) &&
         (filter.local_address.empty() || who.local_address == filter.local_address) &&
         (filter.except_id == 0 || who.id != filter.except_id);
}

bool session::authenticate(std::string_view password) {
  const auto& expected = environment_.config.password;
  // Compared in constant time; the length of a wrong guess is no secret.
  const auto right = password.size() == expected.size() &&
                     CRYPTO_memcmp(password.data(), expected.data(), expected.size()) == 0;
  if (right) {
    authenticated_ = true;
    parser_.set_limits(authenticated_limits());
    buffer_.set_bytes_max(input_bytes_max);
    return true;
  }
  ++environment_.counted.authentication_failures;
  if (authenticated_) return false;
  const auto doublings = std::min(wrong_passwords_, pause_doublings_max);
  paused_until_us_ =
      environment_.time.monotonic_us() + (limits::wrong_password_pause_us << doublings);
  if (++wrong_passwords_ >= limits::wrong_passwords) close(close_when::replied);
  return false;
}

void session::note_refusal() {
  if (!authenticated_ && ++refusals_ >= limits::unauthenticated_refusals) {
    close(close_when::replied);
  }
}

void session::set_library(std::string_view attribute, std::string_view value) {
  (attribute == "lib-name" ? library_name_ : library_version_) = value;
}

void session::reset() {
  discard_multi();
  protocol_ = resp::protocol::resp2;
  // As in Redis: what CLIENT REPLY SKIP leaves out is then the reply of RESET itself.
  if (mode_ != reply_mode::skipping) mode_ = reply_mode::on;
  name_.clear();
  no_evict_ = false;
  reading_ = kv::reading::marks;
  authenticated_ = environment_.config.password.empty();
  if (authenticated_) return;
  parser_.set_limits(resp::parse_limits::unauthenticated());
  buffer_.set_bytes_max(limits::unauthenticated_input_bytes);
}

std::string session::flags() const {
  std::string all;
  constexpr auto exec = transaction_order::kind::exec;
  const auto in_exec = (draining_ && draining_->what == exec) ||
                       (transaction_ && transaction_->order().what == exec);
  if (in_multi() || in_exec) all += 'x';
  if (waits()) all += 'b';
  if (closing_) all += 'c';
  if (no_evict_) all += 'e';
  if (reading_ == kv::reading::leaves_no_mark) all += 'T';
  return all.empty() ? "N" : all;
}

std::string session::describe() const {
  const auto now = environment_.time.monotonic_us();
  // Commands stand in the buffer until all of one reading ran; those that ran are no work any more.
  const auto received = buffer_.unread().size();
  const auto unprocessed = received - std::min(run_bytes(), received);
  // Words stand in the buffer too; only for another reactor they are copied.
  return fmt::format(
      "id={} addr={} laddr={} fd={} name={} age={} idle={} flags={} db=0 sub=0 psub=0 ssub=0 "
      "multi={} qbuf={} qbuf-free={} argv-mem={} multi-mem={} rbs={} rbp={} obl={} oll=0 omem=0 "
      "tot-mem={} events=r cmd={} user=default redir=-1 resp={} lib-name={} lib-ver={}",
      identity_.id, identity_.address, identity_.local_address, identity_.descriptor, name_,
      (now - created_us_) / 1'000'000, (now - active_us_) / 1'000'000, flags(),
      queued_ ? static_cast<long>(queued_->size()) : -1, unprocessed, buffer_.capacity() - received,
      in_flight_bytes_, queued_ ? queued_->memory_bytes() : 0, replies_.memory_bytes(),
      std::max<std::uint64_t>(output_peak_.value(), replies_.buffered_bytes()),
      replies_.buffered_bytes(), memory_bytes(), last_command_, static_cast<int>(protocol_),
      library_name_, library_version_);
}

std::size_t session::run_bytes() const {
  if (next_parsed_ == 0) return 0;
  const auto& last = parsed_[next_parsed_ - 1];
  if (next_parsed_ == parsed_.size() || last.word_count == 0) return parsed_bytes_;
  constexpr std::size_t line_end_bytes = 2;
  const auto word = words_[last.first_word + last.word_count - 1];
  return static_cast<std::size_t>(word.data() + word.size() - buffer_.unread().data()) +
         line_end_bytes;
}

}  // namespace troupe::actors
