// client_socket: one connection's socket on the reactor, moving bytes between it and its session.
//
// Place: actors; owned by a gateway, on its reactor's thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "actors/client_places.hpp"
#include "actors/runtime/reactor.hpp"
#include "actors/runtime/socket.hpp"
#include "actors/session.hpp"

namespace troupe::actors {

class client_socket;

/// Told when a socket has something to do at the end of the round.
class client_observer {
 public:
  virtual ~client_observer() = default;
  virtual void on_active(client_socket& socket) = 0;
};

/// Socket and session of one client.
class client_socket final : public runtime::io_handler {
 public:
  client_socket(runtime::descriptor socket, client_places::place place,
                std::unique_ptr<session> client, runtime::reactor& home, client_observer& observer);
  ~client_socket() override;

  result<void> open();
  void on_ready(std::uint32_t events) override;
  /// End of a round: runs what is left, writes what may be sent, watches for what is needed.
  /// Returns true if it has more to do without any event.
  bool settle();
  /// Closes the socket; the session stays.
  void hang_up();
  [[nodiscard]] bool is_open() const { return socket_.get() >= 0; }
  [[nodiscard]] session& client() { return *client_; }

  /// Whether on_active was called and settle not yet.
  bool active = false;
  /// What the observer counts for it.
  std::size_t accounted_bytes = 0;
  /// When the observer ends what it waits for.
  std::optional<std::uint64_t> noted_deadline_us;

 private:
  void read();
  void write();
  void watch_for(std::uint32_t events);

  runtime::descriptor socket_;
  std::optional<client_places::place> place_;  // while the socket is open
  std::unique_ptr<session> client_;
  runtime::reactor& home_;
  client_observer& observer_;
  std::uint32_t watched_ = 0;
  bool write_blocked_ = false;
  bool more_ = false;
};

}  // namespace troupe::actors
