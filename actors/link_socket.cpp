#include "actors/link_socket.hpp"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

namespace troupe::actors {

namespace {

constexpr std::size_t round_bytes_max = 4 << 20;

}  // namespace

link_socket::link_socket(runtime::descriptor socket, const link::handshake_setup& setup,
                         runtime::reactor& home, std::uint64_t now_us)
    : socket_(std::move(socket)),
      peer_address_(runtime::peer_name(socket_)),
      core_(setup, now_us),
      home_(home) {}

link_socket::~link_socket() { home_.unwatch(socket_.get()); }

result<void> link_socket::open() {
  watched_ = EPOLLIN | EPOLLRDHUP;
  return home_.watch(socket_.get(), watched_, *this);
}

void link_socket::on_ready(std::uint32_t events) {
  if ((events & EPOLLOUT) != 0) write_blocked_ = false;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) core_.end_input();
  ready_ = true;
}

void link_socket::drive(std::uint64_t now_us, const take_frame& take) {
  ready_ = false;
  more_ = false;
  read(now_us, take);
  core_.on_time(now_us);
  write(now_us);
  if (is_finished()) return;
  const auto wants_input = !core_.closed();
  watch_for((wants_input ? EPOLLIN | EPOLLRDHUP : 0u) | (write_blocked_ ? EPOLLOUT : 0u));
}

void link_socket::read(std::uint64_t now_us, const take_frame& take) {
  const auto room = core_.room();
  if (room.empty()) return;
  const auto moved = runtime::read_some(socket_, room);
  if (moved.what == runtime::transfer::state::closed) return core_.end_input();
  if (moved.what == runtime::transfer::state::would_block) return;
  received_bytes_ += moved.bytes;
  more_ = moved.bytes == room.size();
  core_.received(moved.bytes, now_us);
  while (const auto frame = core_.next()) take(*frame);
}

void link_socket::write(std::uint64_t now_us) {
  auto budget = round_bytes_max;
  while (!write_blocked_ && budget > 0) {
    const auto bytes = core_.sendable().substr(0, budget);
    if (bytes.empty()) return;
    const auto moved = runtime::write_some(socket_, bytes);
    if (moved.what == runtime::transfer::state::closed) return core_.end_input();
    write_blocked_ = moved.what == runtime::transfer::state::would_block;
    core_.sent(moved.bytes, now_us);
    sent_bytes_ += moved.bytes;
    budget -= moved.bytes;
  }
  if (!write_blocked_) more_ = true;
}

void link_socket::watch_for(std::uint32_t events) {
  if (events == watched_) return;
  watched_ = events;
  if (!home_.change(socket_.get(), events, *this)) core_.end_input();
}

}  // namespace troupe::actors
