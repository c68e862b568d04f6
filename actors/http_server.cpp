#include "actors/http_server.hpp"

#include <httplib.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "actors/http_connections.hpp"
#include "actors/runtime/socket.hpp"

namespace troupe::actors {

namespace {

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

/// The library parses, routes and formats; sockets are ours. It would give every connection a
/// thread for as long as the client likes, and stop for ever when it cannot accept one.
class pages_server final : public httplib::Server {
 public:
  std::string respond(const std::string& request) {
    exchange with(request);
    bool closed = false;
    (void)process_request(with, true, closed, nullptr);  // a bad request has its answer too
    return with.take_answer();
  }
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

}  // namespace

/// The library's server and the connections.
class http_server::implementation {
 public:
  implementation(std::string token, std::vector<http_page> pages) : token_(std::move(token)) {
    server_.set_pre_routing_handler(refuse_other_methods);
    for (auto& page : pages) add(std::move(page));
  }

  result<void> run(runtime::descriptor listener, std::uint32_t header_ms) {
    const auto respond = [this](const std::string& request) { return server_.respond(request); };
    TRY(connections_, http_connections::start(std::move(listener), respond, header_ms));
    return {};
  }

  void stop() { connections_->stop(); }

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
};

http_server::http_server(std::unique_ptr<implementation> inner, address local)
    : inner_(std::move(inner)), local_(std::move(local)) {}

http_server::~http_server() = default;

result<std::unique_ptr<http_server>> http_server::start(const http_options& options,
                                                        std::vector<http_page> pages) {
  auto local = options.listen;
  auto listener = runtime::listen_on(local.host, local.port, runtime::port_sharing::alone);
  if (!listener) return listener.error().in("http-address");
  local.port = runtime::local_port(*listener);
  auto inner = std::make_unique<implementation>(options.bearer_token, std::move(pages));
  TRY_VOID(inner->run(std::move(*listener), options.header_ms));
  return std::unique_ptr<http_server>(new http_server(std::move(inner), std::move(local)));
}

void http_server::stop() { inner_->stop(); }

}  // namespace troupe::actors
