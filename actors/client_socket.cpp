#include "actors/client_socket.hpp"

#include <sys/epoll.h>

#include <utility>

namespace troupe::actors {

namespace {

/// Bytes written to one client in a round, so that one fast reader does not starve the others: some
/// 200 us.
constexpr std::size_t write_bytes_max = 512 << 10;

}  // namespace

client_socket::client_socket(runtime::descriptor socket, client_places::place place,
                             std::unique_ptr<session> client, runtime::reactor& home,
                             client_observer& observer)
    : socket_(std::move(socket)),
      place_(std::move(place)),
      client_(std::move(client)),
      home_(home),
      observer_(observer) {}

client_socket::~client_socket() { hang_up(); }

result<void> client_socket::open() {
  watched_ = EPOLLIN | EPOLLRDHUP;
  return home_.watch(socket_.get(), watched_, *this);
}

void client_socket::on_ready(std::uint32_t events) {
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    client_->close(session::close_when::now);
  } else {
    if ((events & EPOLLOUT) != 0) write_blocked_ = false;
    if ((events & (EPOLLIN | EPOLLRDHUP)) != 0) read();
  }
  observer_.on_active(*this);
}

void client_socket::read() {
  if (!client_->wants_input()) {
    // The peer hung up while its commands are under way: nobody reads their replies.
    return;
  }
  const auto room = client_->room();
  if (room.empty()) {
    client_->close(session::close_when::now);
    return;
  }
  const auto moved = runtime::read_some(socket_, room);
  ++client_->environment().counted.reads;
  if (moved.what == runtime::transfer::state::closed) {
    client_->end_input();
    return;
  }
  if (moved.what == runtime::transfer::state::would_block) return;
  client_->received(moved.bytes);
  more_ = client_->process();
}

bool client_socket::settle() {
  active = false;
  if (!is_open()) return false;
  more_ = client_->process() && !client_->finished();
  write();
  if (client_->finished() && !more_) {
    hang_up();
    return false;
  }
  watch_for((client_->wants_input() ? EPOLLIN | EPOLLRDHUP : 0u) |
            (write_blocked_ ? EPOLLOUT : 0u));
  return more_;
}

void client_socket::write() {
  auto budget = write_bytes_max;
  while (!write_blocked_ && budget > 0) {
    const auto bytes = client_->sendable().substr(0, budget);
    if (bytes.empty()) return;
    const auto moved = runtime::write_some(socket_, bytes);
    ++client_->environment().counted.writes;
    if (moved.what == runtime::transfer::state::closed) {
      client_->close(session::close_when::now);
      return;
    }
    write_blocked_ = moved.what == runtime::transfer::state::would_block;
    client_->sent(moved.bytes);
    budget -= moved.bytes;
  }
  if (!write_blocked_ && budget == 0) more_ = true;
}

void client_socket::watch_for(std::uint32_t events) {
  if (events == watched_) return;
  watched_ = events;
  if (!home_.change(socket_.get(), events, *this)) client_->close(session::close_when::now);
}

void client_socket::hang_up() {
  if (!is_open()) return;
  home_.unwatch(socket_.get());
  socket_ = runtime::descriptor();
  place_.reset();
}

}  // namespace troupe::actors
