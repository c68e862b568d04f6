// The HTTP face of a node: a few read-only pages (`/health`, `/metrics`) by cpp-httplib.
//
// Place: CAF-free part of actors/. Owner: the node. Its threads are those of http_connections.
// Invariants:
//  1. Nobody waits for a client that does not finish its request or read its answer, and what
//     clients can make it hold is bounded (http_connections.hpp).
//  2. Pages are only read: another method than GET or HEAD is refused before its body comes.
//  3. A page marked `token` is answered only to `Authorization: Bearer <token>` when one is set.
//  4. After stop() no callback runs, and none will.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "actors/address.hpp"
#include "storage/base/result.hpp"

namespace troupe::actors {

/// One answer.
struct http_reply {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};

/// Who may read a page.
enum class http_access : std::uint8_t { everybody, token };

/// One page. `answer` is called on the server's threads, possibly on several at once, and may block
/// for as long as a reader should wait; it must not throw.
struct http_page {
  std::string path;
  http_access access = http_access::token;
  std::function<http_reply()> answer;
};

struct http_options {
  address listen;
  std::string bearer_token;  ///< empty = pages need none (the configuration allows it on loopback)
  std::uint32_t header_ms = 2000;  ///< a request must be whole so soon after its connection came
};

/// A running server.
class http_server {
 public:
  /// Binds and starts. Fails with `busy` when the port is taken, `refused` for a bad address.
  [[nodiscard]] static result<std::unique_ptr<http_server>> start(const http_options& options,
                                                                  std::vector<http_page> pages);
  /// Stops.
  ~http_server();
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// Where it listens, with the port that was chosen.
  [[nodiscard]] const address& local_address() const noexcept { return local_; }
  /// Closes the port and waits for the running requests. May be called again.
  void stop();

 private:
  class implementation;
  http_server(std::unique_ptr<implementation> inner, address local);

  std::unique_ptr<implementation> inner_;
  address local_;
};

}  // namespace troupe::actors
