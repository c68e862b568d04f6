#include "actors/http_server.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <future>
#include <string_view>
#include <thread>
#include <utility>

#include "actors/http_connections.hpp"

namespace troupe::actors {

namespace {

/// The library's way to run what it accepted. Here that only hands a socket on, which is done at
/// once on the accepting thread.
class run_at_once final : public httplib::TaskQueue {
 public:
  void enqueue(std::function<void()> job) override { job(); }
  void shutdown() override {}
};

/// A request that was read as a whole, and its answer, as the library wants to see a socket.
class exchange final : public httplib::Stream {
 public:
  explicit exchange(std::string_view request) : request_(request) {}

  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* into, std::size_t size) override {
    const auto piece = request_.substr(0, size);
    std::ranges::copy(piece, into);
    request_.remove_prefix(piece.size());
    return static_cast<ssize_t>(piece.size());
  }
  ssize_t write(const char* from, std::size_t size) override {
    answer_.append(from, size);
    return static_cast<ssize_t>(size);
  }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  [[nodiscard]] socket_t socket() const override { return INVALID_SOCKET; }

  [[nodiscard]] std::string take_answer() { return std::move(answer_); }

 private:
  std::string_view request_;
  std::string answer_;
};

/// The library accepts, parses, routes and formats; reading and writing sockets is ours, because it
/// would give every connection a thread for as long as the client likes.
class pages_server final : public httplib::Server {
 public:
  /// Whom accepted sockets are given to. Call before listening.
  void set_acceptor(std::function<void(int)> acceptor) { acceptor_ = std::move(acceptor); }

  /// The library lets five connections wait, and the kernel makes a sixth try again a second later.
  /// Call when bound.
  [[nodiscard]] bool widen_backlog() const {
    return ::listen(svr_sock_, static_cast<int>(http_connections_max)) == 0;
  }

  std::string respond(const std::string& request) {
    exchange with(request);
    bool closed = false;
    (void)process_request(with, true, closed, nullptr);  // a bad request has its answer too
    return with.take_answer();
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    acceptor_(socket);
    return true;
  }

  std::function<void(int)> acceptor_;
};

/// Pages are only read: anything else is refused before its body, which may never come.
httplib::Server::HandlerResponse refuse_other_methods(const httplib::Request& request,
                                                      httplib::Response& response) {
  if (request.method == "GET" || request.method == "HEAD") {
    return httplib::Server::HandlerResponse::Unhandled;
  }
  response.status = 405;
  response.set_header("Allow", "GET, HEAD");
  response.set_content("pages are only read here: GET or HEAD\n", "text/plain");
  return httplib::Server::HandlerResponse::Handled;
}

/// Compares in a time that does not depend on where the strings differ.
bool same_secret(std::string_view given, std::string_view expected) noexcept {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = expected.empty() ? '\0' : expected[i % expected.size()];
    difference |= given[i] == other ? 0u : 1u;
  }
  return difference == 0;
}

bool allowed(const httplib::Request& request, const http_page& page, const std::string& token) {
  if (page.access == http_access::everybody || token.empty()) return true;
  constexpr std::string_view scheme = "Bearer ";
  const auto header = request.get_header_value("Authorization");
  return header.starts_with(scheme) &&
         same_secret(std::string_view(header).substr(scheme.size()), token);
}

/// Paths are compiled to regular expressions by the library; ours are literal.
std::string literal_pattern(const std::string& path) {
  std::string pattern;
  for (const char c : path) {
    if (std::string_view(R"(\^$.|?*+()[]{})").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

void only_reuse_address(int socket) {
  // The library's default is SO_REUSEPORT, with which two nodes would share one port in silence.
  const int on = 1;
  // Failing to set it only delays a restart on the same port; bind reports that by itself.
  (void)setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

}  // namespace

/// The library's server, the thread that accepts, and the connections.
class http_server::implementation {
 public:
  implementation(std::string token, std::vector<http_page> pages) : token_(std::move(token)) {
    server_.set_socket_options(only_reuse_address);
    server_.set_pre_routing_handler(refuse_other_methods);
    for (auto& page : pages) add(std::move(page));
  }
  ~implementation() { stop(); }
  implementation(const implementation&) = delete;
  implementation& operator=(const implementation&) = delete;

  result<address> bind(const address& wanted) {
    errno = 0;
    int port = wanted.port;
    if (port == 0)
      port = server_.bind_to_any_port(wanted.host);
    else if (!server_.bind_to_port(wanted.host, port))
      port = -1;
    if (port > 0 && !server_.widen_backlog()) port = -1;
    const int error = errno;
    if (port > 0) return address{wanted.host, static_cast<std::uint16_t>(port)};

    const auto what = fmt::format("http-address = {}", to_string(wanted));
    if (error == EADDRINUSE)
      return failure{errc::busy, what + ": another process listens on this port"};
    if (error == 0 || error == ENOENT || error == EADDRNOTAVAIL)
      return failure{errc::refused, what + ": this machine has no such address"};
    return os_error(what, error);
  }

  result<void> run(std::uint32_t header_ms) {
    const auto respond = [this](const std::string& request) { return server_.respond(request); };
    TRY(connections_, http_connections::start(respond, header_ms));
    server_.set_acceptor([this](int socket) { connections_->add(socket); });
    std::promise<void> accepting;
    auto started = accepting.get_future();
    // Called by the library once stop() works; before that, stop() would do nothing.
    server_.new_task_queue = [&accepting]() -> httplib::TaskQueue* {
      accepting.set_value();
      return std::make_unique<run_at_once>().release();
    };
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    started.wait();
    return {};
  }

  void stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
    connections_->stop();
  }

 private:
  void add(http_page page) {
    auto handler = [this, page](const httplib::Request& request, httplib::Response& response) {
      if (!allowed(request, page, token_)) {
        response.status = 401;
        response.set_header("WWW-Authenticate", "Bearer");
        response.set_content("this page needs the node's bearer token\n", "text/plain");
        return;
      }
      const auto reply = page.answer();
      response.status = reply.status;
      response.set_content(reply.body, reply.content_type);
    };
    server_.Get(literal_pattern(page.path), std::move(handler));
  }

  const std::string token_;
  pages_server server_;
  std::unique_ptr<http_connections> connections_;  // asks server_, so it goes first
  std::thread thread_;
};

http_server::http_server(std::unique_ptr<implementation> inner, address local)
    : inner_(std::move(inner)), local_(std::move(local)) {}

http_server::~http_server() = default;

result<std::unique_ptr<http_server>> http_server::start(const http_options& options,
                                                        std::vector<http_page> pages) {
  auto inner = std::make_unique<implementation>(options.bearer_token, std::move(pages));
  TRY(auto local, inner->bind(options.listen));
  TRY_VOID(inner->run(options.header_ms));
  return std::unique_ptr<http_server>(new http_server(std::move(inner), std::move(local)));
}

void http_server::stop() { inner_->stop(); }

}  // namespace troupe::actors
