// http_connections: the sockets of the HTTP face, from the listening one to the last byte of each
// answer. One request a connection.
//
//   reading --whole header--> answering --worker--> writing --all sent--> lingering --> closed
//      `--too long--> writing               (any deadline missed, any error --> closed)
//
// Place: CAF-free part of actors/, behind http_server. Threads: one that polls and never blocks,
// and `http_threads` workers, which see whole requests only.
// Invariants:
//  1. Until its header is whole, a connection costs a descriptor and http_header_bytes_max: those
//     who never finish cannot keep a worker from those who do.
//  2. Every state has a deadline that counts from its beginning: dripping bytes gains no time. A
//     worker is bounded by the page it asks.
//  3. There are at most http_connections_max. One more costs the oldest that has no whole header,
//     else the oldest that is not being answered; if all are, the new one.
//  4. After the answer the rest of what the client sends is read and dropped for a while: closing
//     before would reset the connection and could take the answer away.
//  5. Where no connection can be accepted, for want of descriptors, nothing is accepted for a
//     while. Whoever connects waits in the kernel meanwhile.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "actors/runtime/socket.hpp"
#include "storage/base/result.hpp"

namespace troupe::actors {

inline constexpr std::size_t http_threads = 4;
inline constexpr std::size_t http_connections_max = 256;
inline constexpr std::size_t http_header_bytes_max = 8 * 1024;

class http_connections {
 public:
  /// From a whole request header, and what came behind it, to the bytes of the answer. Called on
  /// the workers, on several at once; must not throw.
  using responder = std::function<std::string(const std::string& request)>;

  /// Starts the threads. A header must be whole `header_ms` after its connection came.
  [[nodiscard]] static result<std::unique_ptr<http_connections>> start(runtime::descriptor listener,
                                                                       responder respond,
                                                                       std::uint32_t header_ms);
  /// stop().
  ~http_connections();
  http_connections(const http_connections&) = delete;
  http_connections& operator=(const http_connections&) = delete;

  /// Closes the port, finishes what is being answered, closes everything else. Afterwards the
  /// responder is not called. May be called again.
  void stop();

 private:
  class loop;
  explicit http_connections(std::unique_ptr<loop> inner);

  std::unique_ptr<loop> inner_;
};

}  // namespace troupe::actors
