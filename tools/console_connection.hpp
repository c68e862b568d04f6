// The console's end of a link: one command at a time, answered or not within a deadline.
//
// Place: console program, one thread. Between commands keep_alive() is to be called a few times a
// second, or the node takes the console for dead.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "actors/address.hpp"
#include "actors/console_messages.hpp"
#include "actors/runtime/socket.hpp"
#include "replication/link/peer_link.hpp"
#include "storage/base/result.hpp"

namespace troupe::tools {

class console_connection {
 public:
  /// Connects and proves the secret (empty = none is set). The failure says what to do: `busy` if
  /// nobody answers there, `refused` if the node does not let us in.
  [[nodiscard]] static result<std::unique_ptr<console_connection>> dial(
      const actors::address& where, const std::string& secret);

  console_connection(const console_connection&) = delete;
  console_connection& operator=(const console_connection&) = delete;

  /// Sends a command and waits for its answer. After a failure the connection is over.
  [[nodiscard]] result<actors::console_answer> ask(const actors::console_request& request);
  /// Sends and receives what is due, without waiting.
  void keep_alive();
  /// False once either side closed it.
  [[nodiscard]] bool is_open() const noexcept { return core_->is_open(); }

 private:
  console_connection(runtime::descriptor socket, std::string secret);

  [[nodiscard]] result<void> shake_hands(const std::string& where);
  /// Waits for the socket at most so long, and moves bytes both ways; what the node answers is kept
  /// in answer_.
  void turn(std::uint64_t wait_ms);
  [[nodiscard]] failure end() const;

  runtime::descriptor socket_;
  const std::string secret_;
  std::unique_ptr<link::peer_link> core_;
  std::uint64_t number_ = 0;
  std::string answer_;  // body of the last frame, until it was looked at
  bool answered_ = false;
};

}  // namespace troupe::tools
