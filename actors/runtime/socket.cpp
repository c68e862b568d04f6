#include "actors/runtime/socket.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

namespace troupe::runtime {

namespace {

constexpr int backlog = 1024;

/// The generic view of an address that the socket calls take.
sockaddr* generic(sockaddr_storage& address) { return reinterpret_cast<sockaddr*>(&address); }

std::string name_of(sockaddr_storage& address, socklen_t length) {
  char host[NI_MAXHOST];
  char port[NI_MAXSERV];
  if (::getnameinfo(generic(address), length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
    return {};
  }
  return address.ss_family == AF_INET6 ? fmt::format("[{}]:{}", host, port)
                                       : fmt::format("{}:{}", host, port);
}

result<descriptor> try_listen(const addrinfo& where, const std::string& name,
                              port_sharing sharing) {
  descriptor socket(::socket(where.ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) return os_error(fmt::format("cannot make a socket for {}", name), errno);
  const int on = 1;
  ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (sharing != port_sharing::alone) {
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  }
  if (::bind(socket.get(), where.ai_addr, where.ai_addrlen) != 0 ||
      ::listen(socket.get(), backlog) != 0) {
    const auto why = errno;
    if (why == EADDRINUSE) {
      return failure{errc::busy, fmt::format("{} is in use by another process: choose another port "
                                             "or stop that process",
                                             name)};
    }
    auto failed = os_error(fmt::format("cannot listen on {}", name), why);
    failed.code = errc::refused;
    return failed;
  }
  return socket;
}

/// SO_REUSEPORT would let two nodes of one user share a port unnoticed: look first without it.
result<void> check_unused(const addrinfo& where, const std::string& name) {
  const descriptor probe(::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const int on = 1;
  ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(probe.get(), where.ai_addr, where.ai_addrlen) != 0 && errno == EADDRINUSE) {
    return failure{errc::busy,
                   fmt::format("{} is in use by another process: choose another port or "
                               "stop that process",
                               name)};
  }
  return {};
}

}  // namespace

descriptor::~descriptor() {
  if (fd_ >= 0) ::close(fd_);
}

result<descriptor> listen_on(const std::string& host, std::uint16_t port, port_sharing sharing) {
  const auto name = fmt::format("{}:{}", host, port);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const auto code =
          ::getaddrinfo(host.c_str(), fmt::format("{}", port).c_str(), &hints, &found);
      code != 0) {
    return failure{errc::refused,
                   fmt::format("cannot listen on {}: {}", name, ::gai_strerror(code))};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owned(found, &::freeaddrinfo);
  if (sharing == port_sharing::first && port != 0) TRY_VOID(check_unused(*found, name));
  return try_listen(*found, name, sharing);
}

result<std::optional<descriptor>> accept_from(const descriptor& listener) {
  const auto fd = ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      return os_error("cannot accept a connection", errno);
    }
    return std::optional<descriptor>{};  // nobody there, or gone again
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return std::optional<descriptor>(descriptor(fd));
}

std::string local_name(const descriptor& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  return ::getsockname(socket.get(), generic(address), &length) == 0 ? name_of(address, length)
                                                                     : "";
}

std::string peer_name(const descriptor& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  return ::getpeername(socket.get(), generic(address), &length) == 0 ? name_of(address, length)
                                                                     : "";
}

std::uint16_t local_port(const descriptor& socket) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (::getsockname(socket.get(), generic(address), &length) != 0) return 0;
  // The port stands at the same place in IPv4 and IPv6 addresses.
  return ntohs(reinterpret_cast<sockaddr_in*>(&address)->sin_port);
}

transfer read_some(const descriptor& socket, std::span<char> into) noexcept {
  while (true) {
    const auto count = ::recv(socket.get(), into.data(), into.size(), 0);
    if (count > 0) return {transfer::state::moved, static_cast<std::size_t>(count)};
    if (count == 0) return {transfer::state::closed, 0};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {transfer::state::would_block, 0};
    return {transfer::state::closed, 0};
  }
}

transfer write_some(const descriptor& socket, std::string_view bytes) noexcept {
  while (true) {
    const auto count = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count >= 0) return {transfer::state::moved, static_cast<std::size_t>(count)};
    if (errno == EINTR) continue;
    if (errno == EAGAIN) return {transfer::state::would_block, 0};
    return {transfer::state::closed, 0};
  }
}

}  // namespace troupe::runtime
