// link_socket: one connection's socket on a reactor, moving bytes between it and its peer_link.
//
// Place: actors; owned by the link_listener until the peer is proved, then by a peer_link actor, on
// the same reactor's thread. The owner calls drive() at the end of a round in which it has work.
//
// Invariants:
//  1. What the socket has is received before time is looked at: a busy reactor is no silent peer.
//  2. In one round it reads at most one block and writes at most round_bytes_max, so that a fast
//     peer does not starve the clients of the reactor.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "actors/runtime/reactor.hpp"
#include "actors/runtime/socket.hpp"
#include "replication/link/peer_link.hpp"

namespace troupe::actors {

class link_socket final : public runtime::io_handler {
 public:
  /// Takes the frames of an open link; a body is valid during the call.
  using take_frame = std::function<void(const link::received_frame&)>;

  /// `setup.secret` and `home` must outlive it. `now_us` is monotonic.
  link_socket(runtime::descriptor socket, const link::handshake_setup& setup,
              runtime::reactor& home, std::uint64_t now_us);
  ~link_socket() override;

  /// Begins to watch the socket; to be called once.
  [[nodiscard]] result<void> open();
  void on_ready(std::uint32_t events) override;
  /// Whether drive() has something to do at that time.
  [[nodiscard]] bool has_work(std::uint64_t now_us) const noexcept {
    return ready_ || now_us >= next_deadline_us();
  }
  /// When drive() is to be called at the latest.
  [[nodiscard]] std::uint64_t next_deadline_us() const noexcept {
    return more_ ? 0 : core_.next_deadline_us();
  }
  /// Receives, gives frames to `take`, does what time asks for, and sends.
  void drive(std::uint64_t now_us, const take_frame& take);
  /// True when the connection is to be closed: everything was said.
  [[nodiscard]] bool is_finished() const noexcept { return core_.is_finished(); }

  /// The link; who pushes into it calls wake().
  [[nodiscard]] link::peer_link& core() noexcept { return core_; }
  [[nodiscard]] const link::peer_link& core() const noexcept { return core_; }
  /// There is something to send.
  void wake() noexcept { ready_ = true; }

  [[nodiscard]] const std::string& peer_address() const noexcept { return peer_address_; }
  [[nodiscard]] std::uint64_t received_bytes() const noexcept { return received_bytes_; }
  [[nodiscard]] std::uint64_t sent_bytes() const noexcept { return sent_bytes_; }

 private:
  void read(std::uint64_t now_us, const take_frame& take);
  void write(std::uint64_t now_us);
  void watch_for(std::uint32_t events);

  runtime::descriptor socket_;
  const std::string peer_address_;
  link::peer_link core_;
  runtime::reactor& home_;
  std::uint32_t watched_ = 0;
  std::uint64_t received_bytes_ = 0;
  std::uint64_t sent_bytes_ = 0;
  bool write_blocked_ = false;
  bool ready_ = true;  // an event came, or the owner has something to send
  bool more_ = false;  // work is left although no event will tell
};

}  // namespace troupe::actors
