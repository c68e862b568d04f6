// client_table with one real connection: when its gateway's reactor must wake for it.
#include "actors/client_table.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "tests/actors/connection_fixture.hpp"
#include "tests/actors/runtime/stepped_reactor.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

/// A client in a table, on a clock of its own.
class lone_client {
 public:
  actors::client_table table;

  lone_client() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data()) == 0);
    peer_ = runtime::descriptor(ends[0]);
    auto place = places_.take(1);
    REQUIRE(place);
    auto client = std::make_unique<actors::client_socket>(
        runtime::descriptor(ends[1]), std::move(*place), fixture_.give_away(), at_.reactor, table);
    REQUIRE(client->open());
    table.add(std::move(client));
  }
  ~lone_client() { table.clear(); }

  void send(std::string_view bytes) {
    REQUIRE(runtime::write_some(peer_, bytes).bytes == bytes.size());
    settle();
  }
  /// Time passes; returns what the client got.
  std::string pass(std::chrono::microseconds time) {
    fixture_.time.advance(time);
    settle();
    std::array<char, 256> piece;
    const auto moved = runtime::read_some(peer_, piece);
    return {piece.data(), moved.what == runtime::transfer::state::moved ? moved.bytes : 0};
  }
  /// How long the reactor may sleep.
  std::optional<std::chrono::microseconds> may_sleep() const {
    const auto deadline = table.next_deadline_us();
    if (!deadline) return std::nullopt;
    const auto now = fixture_.time.monotonic_us();
    return std::chrono::microseconds(*deadline <= now ? 0 : *deadline - now);
  }

 private:
  /// Rounds until nothing is left to do at once.
  void settle() {
    do {
      at_.run();
      table.settle(fixture_.time.monotonic_us());
    } while (may_sleep() == 0us);
  }

  stepped_reactor at_;
  connection_fixture fixture_;
  actors::client_places places_;
  runtime::descriptor peer_;
};

}  // namespace

TEST_CASE("a reactor sleeps until the first wait of its clients ends, and not a moment less") {
  lone_client client;
  CHECK_FALSE(client.may_sleep());
  client.send("WAIT 1 7\r\nWAIT 1 3\r\nPING\r\n");
  CHECK(client.may_sleep() == 7ms);
  CHECK(client.pass(5ms).empty());
  CHECK(client.may_sleep() == 2ms);
  CHECK(client.pass(1999us).empty());
  CHECK(client.may_sleep() == 1us);
  CHECK(client.pass(1us) == ":0\r\n");
  CHECK(client.may_sleep() == 3ms);
  CHECK(client.pass(3ms) == ":0\r\n+PONG\r\n");
  CHECK_FALSE(client.may_sleep());
}

TEST_CASE(
    "no reactor wakes for a wait that was over at once, goes on for ever, or whose client left") {
  lone_client client;
  client.send("WAIT 0 1000\r\nWAITAOF 1 0 1000\r\n");
  CHECK_FALSE(client.may_sleep());
  CHECK(client.pass(0us) == ":0\r\n*2\r\n:1\r\n:0\r\n");
  client.send("WAIT 1 1000\r\n");
  CHECK(client.may_sleep() == 1000ms);
  client.table.for_each([](actors::session& each) {
    each.close(actors::session::close_when::now);
    return true;
  });
  CHECK(client.pass(0us).empty());
  CHECK_FALSE(client.may_sleep());
  CHECK(client.table.size() == 0);
  lone_client other;
  other.send("WAIT 1 0\r\n");
  CHECK_FALSE(other.may_sleep());
}

}  // namespace troupe::tests
