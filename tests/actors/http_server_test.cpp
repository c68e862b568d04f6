#include "actors/http_server.hpp"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <httplib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <deque>
#include <string>
#include <string_view>
#include <thread>

#include "actors/http_connections.hpp"

namespace troupe::tests {

using actors::http_access;
using actors::http_options;
using actors::http_page;
using actors::http_reply;
using actors::http_server;

namespace {

std::vector<http_page> pages() {
  return {{"/health", http_access::everybody,
           [] {
             return http_reply{200, "text/plain", "ok\n"};
           }},
          {"/metrics", http_access::token,
           [] {
             return http_reply{200, "text/plain", "m 1\n"};
           }},
          {"/ill", http_access::everybody, [] {
             return http_reply{503, "text/plain", "no\n"};
           }}};
}

http_options listen_at(actors::address where, std::string token) {
  http_options options;
  options.listen = std::move(where);
  options.bearer_token = std::move(token);
  return options;
}

std::unique_ptr<http_server> start(const std::string& token) {
  auto server = http_server::start(listen_at({"127.0.0.1", 0}, token), pages());
  REQUIRE(server);
  return std::move(*server);
}

/// A client that may say less, more or something else than a request. Waits at most 20 s.
class raw_client {
 public:
  explicit raw_client(const http_server& server) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(server.local_address().port);
    where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const timeval patience{20, 0};
    REQUIRE(::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    REQUIRE(::connect(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof where) == 0);
  }
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;
  ~raw_client() { ::close(socket_); }

  void send(std::string_view text) const {
    REQUIRE(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(text.size()));
  }
  /// All that comes until the server closes, in whatever way; "no end" if it does not in time.
  [[nodiscard]] std::string read_to_end() const {
    std::string all;
    char piece[4096];
    for (;;) {
      const auto got = ::recv(socket_, piece, sizeof piece, 0);
      if (got < 0 && errno == EAGAIN) return "no end";
      if (got <= 0) return all;
      all.append(piece, static_cast<std::size_t>(got));
    }
  }

 private:
  const int socket_;
};

constexpr std::uint32_t forever_ms = 3'600'000;

std::unique_ptr<http_server> start_patient(std::uint32_t header_ms) {
  auto options = listen_at({"127.0.0.1", 0}, "");
  options.header_ms = header_ms;
  auto server = http_server::start(options, pages());
  REQUIRE(server);
  return std::move(*server);
}

httplib::Client client_of(const http_server& server) {
  return httplib::Client(server.local_address().host, server.local_address().port);
}

}  // namespace

TEST_CASE("pages are served on a port that was free, with their status and type") {
  const auto server = start("");
  CHECK(server->local_address().port != 0);
  auto client = client_of(*server);
  const auto health = client.Get("/health");
  REQUIRE(health);
  CHECK(health->status == 200);
  CHECK(health->body == "ok\n");
  CHECK(client.Get("/metrics")->body == "m 1\n");
  CHECK(client.Get("/ill")->status == 503);
  CHECK(client.Get("/elsewhere")->status == 404);
  CHECK(client.Head("/health")->status == 200);
}

TEST_CASE("a page behind the token is closed without it and open with it") {
  const auto server = start("open sesame");
  auto client = client_of(*server);
  CHECK(client.Get("/health")->status == 200);
  CHECK(client.Get("/metrics")->status == 401);
  CHECK(client.Get("/metrics", {{"Authorization", "Bearer wrong"}})->status == 401);
  CHECK(client.Get("/metrics", {{"Authorization", "Bearer open sesam"}})->status == 401);
  CHECK(client.Get("/metrics", {{"Authorization", "Bearer "}})->status == 401);
  CHECK(client.Get("/metrics", {{"Authorization", "open sesame"}})->status == 401);
  const auto page = client.Get("/metrics", {{"Authorization", "Bearer open sesame"}});
  CHECK(page->status == 200);
  CHECK(page->body == "m 1\n");
}

TEST_CASE("requests that are never finished keep nobody from being answered") {
  const auto server = start_patient(forever_ms);
  std::deque<raw_client> unfinished;
  for (std::size_t i = 0; i < 200; ++i) {
    unfinished.emplace_back(*server).send("GET /health HTTP/1.1\r\nHost: x\r\n");
  }
  auto client = client_of(*server);
  const auto health = client.Get("/health");
  REQUIRE(health);
  CHECK(health->status == 200);
  // One that was only slow is answered all the same.
  unfinished.back().send("\r\n");
  CHECK(unfinished.back().read_to_end().starts_with("HTTP/1.1 200 OK\r\n"));
}

TEST_CASE("above the bound of connections the oldest without a whole request goes") {
  const auto server = start_patient(forever_ms);
  std::deque<raw_client> unfinished;
  for (std::size_t i = 0; i < actors::http_connections_max + 20; ++i) {
    unfinished.emplace_back(*server).send("GET ");
  }
  CHECK(client_of(*server).Get("/health"));
  CHECK(unfinished.front().read_to_end().empty());
  unfinished.back().send("/health HTTP/1.1\r\n\r\n");
  CHECK(unfinished.back().read_to_end().ends_with("ok\n"));
}

TEST_CASE("a request that is not whole in time is closed, however it drips") {
  const auto server = start_patient(20);
  const raw_client client(*server);
  client.send("GET /health HTTP/1.1\r\nA: ");
  CHECK(client.read_to_end().empty());
}

TEST_CASE("a request in two pieces is answered") {
  const auto server = start_patient(forever_ms);
  const raw_client client(*server);
  client.send("GET /health HTTP/1.1\r\nHost: x\r\n\r");
  client.send("\n");
  CHECK(client.read_to_end().ends_with("ok\n"));
}

TEST_CASE("a header without end is refused at its bound") {
  const auto server = start_patient(forever_ms);
  const raw_client client(*server);
  client.send("GET /health HTTP/1.1\r\nA: " + std::string(actors::http_header_bytes_max, 'a'));
  CHECK(client.read_to_end().starts_with("HTTP/1.1 431 "));
}

TEST_CASE("what is not a question for a page is refused without waiting for a body") {
  const auto server = start("");
  for (const auto* request :
       {"POST /health HTTP/1.1\r\nHost: x\r\n\r\n",
        "POST /health HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
        "PUT /metrics HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
        "DELETE /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    CAPTURE(request);
    const raw_client client(*server);
    client.send(request);
    const auto answer = client.read_to_end();
    CHECK(answer.starts_with("HTTP/1.1 405 "));
    CHECK(answer.find("Allow: GET, HEAD\r\n") != std::string::npos);
  }
  const raw_client client(*server);
  client.send("hello\r\n\r\n");
  CHECK(client.read_to_end().starts_with("HTTP/1.1 400 "));
}

TEST_CASE("a port in use is refused by name") {
  const auto first = start("");
  const auto second = http_server::start(listen_at(first->local_address(), ""), pages());
  REQUIRE_FALSE(second);
  CHECK(second.error().code == errc::busy);
  CHECK(second.error().message.find(to_string(first->local_address())) != std::string::npos);
}

TEST_CASE("an address that this machine does not have is refused") {
  const auto server = http_server::start(listen_at({"192.0.2.1", 0}, ""), pages());
  REQUIRE_FALSE(server);
  CHECK(server.error().code == errc::refused);
}

TEST_CASE("after stop nothing answers and stopping again is harmless") {
  const auto server = start("");
  server->stop();
  server->stop();
  CHECK_FALSE(client_of(*server).Get("/health"));
}

TEST_CASE("more callers than threads are all answered") {
  std::atomic<int> answered = 0;
  auto server = http_server::start(listen_at({"127.0.0.1", 0}, ""),
                                   {{"/x", http_access::everybody, [&answered] {
                                       ++answered;
                                       return http_reply{200, "text/plain", "x"};
                                     }}});
  REQUIRE(server);
  std::vector<std::thread> callers;
  std::atomic<int> received = 0;
  for (int i = 0; i < 12; ++i)
    callers.emplace_back([&] {
      for (int k = 0; k < 5; ++k)
        if (client_of(**server).Get("/x")) ++received;
    });
  for (auto& caller : callers) caller.join();
  CHECK(received == 60);
  CHECK(answered == 60);
}

}  // namespace troupe::tests
