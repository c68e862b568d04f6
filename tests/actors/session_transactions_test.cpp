// MULTI and EXEC as a client sees them: what is queued, what aborts, and commands of a block whose
// replies come from elsewhere.
#include <doctest/doctest.h>

#include <string>

#include "tests/actors/connection_fixture.hpp"
#include "tests/actors/one_client.hpp"

namespace troupe::tests {
namespace {

/// A client in MULTI, with its replies so far taken.
struct queueing_client {
  connection_fixture client;

  queueing_client() { client.ask({"MULTI"}); }
  void queue(std::initializer_list<std::string_view> words) {
    CHECK(client.ask(words) == "+QUEUED\r\n");
  }
};

}  // namespace

TEST_CASE("commands that ask the whole node run at their place in EXEC, one after the other") {
  queueing_client one;
  one.queue({"INFO", "server"});
  one.queue({"ROLE"});
  one.queue({"CLIENT", "LIST"});
  one.queue({"CLIENT", "KILL", "ID", "12"});
  one.queue({"CONFIG", "RESETSTAT"});
  auto& asked = one.client.services;
  CHECK(asked.note_count() == 0);
  CHECK(one.client.ask({"EXEC"}).empty());
  auto& session = one.client.session();
  REQUIRE(asked.infos.size() == 1);
  CHECK(asked.note_count() == 1);
  session.on_answer(asked.infos[0].first, "$4\r\ninfo\r\n");
  REQUIRE(asked.roles.size() == 1);
  session.on_answer(asked.roles[0], "*0\r\n");
  REQUIRE(asked.lists.size() == 1);
  session.on_answer(asked.lists[0], "$0\r\n\r\n");
  REQUIRE(asked.kills.size() == 1);
  session.on_answer(asked.kills[0].first, ":0\r\n");
  REQUIRE(asked.resets.size() == 1);
  CHECK(one.client.take().empty());
  CHECK(one.client.ask({"PING"}).empty());
  session.on_answer(asked.resets[0], "+OK\r\n");
  session.process();
  CHECK(one.client.take() == "*5\r\n$4\r\ninfo\r\n*0\r\n$0\r\n\r\n:0\r\n+OK\r\n+PONG\r\n");
}

TEST_CASE("CONFIG SET of several parameters is one reply in EXEC") {
  queueing_client one;
  one.queue({"CONFIG", "SET", "timeout", "5", "maxclients", "9"});
  one.queue({"PING"});
  CHECK(one.client.ask({"EXEC"}).empty());
  const auto& settings = one.client.services.settings;
  REQUIRE(settings.size() == 2);
  one.client.session().on_answer(settings[0].ticket, "+OK\r\n");
  CHECK(one.client.take().empty());
  one.client.session().on_answer(settings[1].ticket, "+OK\r\n");
  CHECK(one.client.take() == "*2\r\n+OK\r\n+PONG\r\n");
}

TEST_CASE("a client that leaves while EXEC asks the node is done when the answer came") {
  queueing_client one;
  one.queue({"INFO"});
  one.client.ask({"EXEC"});
  one.client.session().close(actors::session::close_when::now);
  CHECK(one.client.session().in_transaction());
  one.client.session().on_answer(one.client.services.infos[0].first, "$4\r\ninfo\r\n");
  CHECK_FALSE(one.client.session().in_transaction());
}

TEST_CASE("WAIT and WAITAOF in EXEC do not wait; the block's own writes do not count") {
  one_client client;
  client.send({"SET a 1", "MULTI", "WAITAOF 1 0 0", "EXEC"});
  CHECK(client.commit().ends_with("*1\r\n*2\r\n:0\r\n:0\r\n"));
  client.send({"MULTI", "SET a 2", "WAIT 3 0", "WAITAOF 1 1 0", "EXEC"});
  CHECK(client.commit().ends_with("*3\r\n+OK\r\n:0\r\n*2\r\n:1\r\n:0\r\n"));
}

TEST_CASE("HELLO in EXEC changes the version of what follows") {
  one_client client;
  client.settings.level = durability::memory;
  const auto got = client.send({"MULTI", "GET a", "HELLO 3", "GET a", "EXEC", "GET a"});
  CHECK(got.find("*3\r\n$-1\r\n%7\r\n") != std::string::npos);
  CHECK(got.ends_with("_\r\n_\r\n"));
}

TEST_CASE("an EXEC that cannot be run discards the block") {
  one_client client;
  CHECK(client.send({"MULTI", "EXEC now", "EXEC"}) ==
        "+OK\r\n-EXECABORT Transaction discarded because of: wrong number of arguments for 'exec' "
        "command\r\n-ERR EXEC without MULTI\r\n");
}

TEST_CASE("what a block and its replies hold is counted until they are gone") {
  connection_fixture client;
  const auto before = client.session().memory_bytes();
  client.ask({"MULTI"});
  for (int i = 0; i < 100; ++i) client.ask({"ECHO", std::string(1000, 'x')});
  CHECK(client.session().memory_bytes() > before + 100'000);
  client.ask({"DISCARD"});
  client.session().on_tick(client.time.monotonic_us() + actors::session::idle_release_us);
  CHECK(client.session().memory_bytes() < before + 100'000);
}

TEST_CASE("before AUTH a command that cannot be one is told so, as by Redis") {
  one_client client;
  client.config.password = "secret";
  CHECK(client.send({"NOPE"}) == "-ERR unknown command 'NOPE', with args beginning with: \r\n");
  CHECK(client.send({"GET"}) == "-ERR wrong number of arguments for 'get' command\r\n");
  CHECK(client.send({"GET a"}) == "-NOAUTH Authentication required.\r\n");
  CHECK(client.send({"EXEC"}) ==
        "-EXECABORT Transaction discarded because of: NOAUTH Authentication required.\r\n");
}

}  // namespace troupe::tests
