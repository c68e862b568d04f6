// TCP sockets as the reactor uses them: non-blocking, without delay, closed by their owner.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/result.hpp"

namespace troupe::runtime {

/// Owns one file descriptor.
class descriptor {
 public:
  descriptor() = default;
  explicit descriptor(int fd) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor();
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_ = -1;
};

/// Sockets of one process may share a port, the kernel spreads connections over them. Only the
/// `first` one checks that no other process has it; a port taken `alone` can be shared by nobody.
enum class port_sharing : std::uint8_t { alone, first, further };

/// Listens on host:port (0 = any free port). `busy` if another process has the port, `refused` if
/// the host is none of this machine's.
[[nodiscard]] result<descriptor> listen_on(const std::string& host, std::uint16_t port,
                                           port_sharing sharing);

/// A connection that waits to be accepted, or nothing. io_failed when out of descriptors.
[[nodiscard]] result<std::optional<descriptor>> accept_from(const descriptor& listener);

/// "127.0.0.1:7379", "[::1]:7379"; empty if it cannot be told.
[[nodiscard]] std::string local_name(const descriptor& socket);
[[nodiscard]] std::string peer_name(const descriptor& socket);
[[nodiscard]] std::uint16_t local_port(const descriptor& socket);

/// Outcome of a read or write that does not block.
struct transfer {
  enum class state : std::uint8_t { moved, would_block, closed } what;
  std::size_t bytes = 0;
};
[[nodiscard]] transfer read_some(const descriptor& socket, std::span<char> into) noexcept;
[[nodiscard]] transfer write_some(const descriptor& socket, std::string_view bytes) noexcept;

}  // namespace troupe::runtime
