#include "tools/console_connection.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "actors/console_bytes.hpp"
#include "actors/link_setup.hpp"

namespace troupe::tools {

namespace {

constexpr int connect_timeout_ms = 5'000;
/// Longer than the node takes to say that somebody in it does not answer.
constexpr std::uint64_t answer_timeout_us = 15'000'000;

std::uint64_t now_us() {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

failure unreachable(const std::string& where, std::string_view why) {
  return {errc::busy, fmt::format("cannot reach {}: {}", where, why)};
}

/// Connects to one of the addresses that a name stands for.
result<runtime::descriptor> connect_to(const addrinfo& at, const std::string& where) {
  runtime::descriptor socket(::socket(at.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return os_error("cannot make a socket", errno);
  if (::connect(socket.get(), at.ai_addr, at.ai_addrlen) != 0 && errno != EINPROGRESS) {
    return unreachable(where, os_error("connect", errno).message);
  }
  pollfd wait{socket.get(), POLLOUT, 0};
  if (::poll(&wait, 1, connect_timeout_ms) <= 0) return unreachable(where, "no answer");
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return unreachable(where, os_error("connect", error).message);
  const int on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return socket;
}

}  // namespace

console_connection::console_connection(runtime::descriptor socket, std::string secret)
    : socket_(std::move(socket)), secret_(std::move(secret)) {}

result<std::unique_ptr<console_connection>> console_connection::dial(const actors::address& where,
                                                                     const std::string& secret) {
  const auto name = to_string(where);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const auto port = std::to_string(where.port);
  if (const auto code = ::getaddrinfo(where.host.c_str(), port.c_str(), &hints, &found);
      code != 0) {
    return unreachable(name, ::gai_strerror(code));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  auto socket = connect_to(*found, name);
  for (const auto* at = found->ai_next; !socket && at != nullptr; at = at->ai_next) {
    socket = connect_to(*at, name);
  }
  if (!socket) return std::move(socket).error();
  std::unique_ptr<console_connection> made(new console_connection(std::move(*socket), secret));
  TRY_VOID(made->shake_hands(name));
  return made;
}

result<void> console_connection::shake_hands(const std::string& where) {
  TRY(const auto once, actors::fresh_nonce());
  const link::handshake_setup setup{.side = link::link_side::dialler,
                                    .role = link::link_role::console,
                                    .addresses = actors::reach_of(socket_),
                                    .cluster = {},
                                    .node = {},
                                    .secret = secret_,
                                    .once = once,
                                    .exporter = {}};
  core_ = std::make_unique<link::peer_link>(setup, now_us());
  while (!core_->closed() && !core_->is_open()) turn(100);
  if (core_->is_open()) return {};
  return end().in(where);
}

void console_connection::turn(std::uint64_t wait_ms) {
  const auto wants_output = !core_->sendable().empty();
  pollfd wait{socket_.get(), static_cast<short>(POLLIN | (wants_output ? POLLOUT : 0)), 0};
  ::poll(&wait, 1, static_cast<int>(wait_ms));
  while (!core_->sendable().empty()) {
    const auto moved = runtime::write_some(socket_, core_->sendable());
    if (moved.what == runtime::transfer::state::would_block) break;
    // What the node said before it closed is still to be read.
    if (moved.what == runtime::transfer::state::closed) break;
    core_->sent(moved.bytes, now_us());
  }
  for (auto room = core_->room(); !room.empty(); room = core_->room()) {
    const auto moved = runtime::read_some(socket_, room);
    if (moved.what == runtime::transfer::state::would_block) break;
    if (moved.what == runtime::transfer::state::closed) {
      core_->end_input();
      return;
    }
    core_->received(moved.bytes, now_us());
    while (const auto frame = core_->next()) {
      answer_ = frame->body;
      answered_ = true;
    }
  }
  core_->on_time(now_us());
}

void console_connection::keep_alive() {
  if (!core_->closed()) turn(0);
}

result<actors::console_answer> console_connection::ask(const actors::console_request& request) {
  auto kept = std::make_shared<const std::string>(actors::encode_request(++number_, request));
  const std::string_view body = *kept;
  const auto taken =
      core_->push({link::frame_type::console, link::no_shard, {std::move(kept), body}});
  if (taken != link::pushed::taken) return end();
  for (const auto until = now_us() + answer_timeout_us; now_us() < until;) {
    turn(100);
    // An answer to a command that was given up is passed over.
    if (std::exchange(answered_, false)) {
      TRY(auto answer, actors::decode_answer(answer_));
      if (answer.first == number_) return std::move(answer.second);
    }
    if (core_->closed()) return end();
  }
  return failure{errc::busy, "the node does not answer"};
}

/// Why the link is over, with what helps.
failure console_connection::end() const {
  const auto& closed = core_->closed();
  if (!closed) return {errc::busy, "the link is not open"};
  std::string_view advice;
  switch (closed->why) {
    case link::refusal::bad_proof:
      advice = ": the node has another cluster secret, name its file with --cluster-secret";
      break;
    case link::refusal::no_secret:
      advice = ": a node on another machine wants its secret, name its file with --cluster-secret";
      break;
    case link::refusal::bad_protocol: advice = ": the node is of another version"; break;
    case link::refusal::bad_frame:
    case link::refusal::too_slow:
    case link::refusal::ended: advice = ": is this the peer address of a node?"; break;
    default: break;
  }
  return {errc::refused, link::to_string(*closed) + std::string(advice)};
}

}  // namespace troupe::tools
