#include "actors/http_server.hpp"

#include <doctest/doctest.h>
#include <httplib.h>

#include <atomic>
#include <thread>

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
  CHECK(client.Post("/health", "x", "text/plain")->status == 404);
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
