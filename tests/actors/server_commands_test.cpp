#include "actors/server_commands.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "tests/actors/connection_fixture.hpp"

namespace troupe::tests {

using namespace std::chrono_literals;

TEST_CASE("TIME answers seconds and the microseconds behind them") {
  connection_fixture client;
  client.time.advance(1'005'007us);
  CHECK(client.ask({"TIME"}) == "*2\r\n$10\r\n2000000001\r\n$4\r\n5007\r\n");
}

TEST_CASE("LASTSAVE names a time up to which acknowledged writes are on disk") {
  connection_fixture client;
  CHECK(client.ask({"LASTSAVE"}) == ":2000000000\r\n");
  client.settings.level = durability::interval;
  CHECK(client.ask({"LASTSAVE"}) == ":1999999999\r\n");
}

TEST_CASE("COMMAND describes the commands there are") {
  connection_fixture client;
  const auto count = fmt::format("{}\r\n", resp::all_commands().size());
  CHECK(client.ask({"COMMAND", "COUNT"}) == ":" + count);
  CHECK(client.ask({"COMMAND"}).starts_with("*" + count));
  CHECK(client.ask({"COMMAND", "GETKEYS", "GET", "k"}) == "*1\r\n$1\r\nk\r\n");
  CHECK(client.ask({"COMMAND", "foo"}) == error("unknown subcommand 'foo'. Try COMMAND HELP."));
}

TEST_CASE("INFO asks for the named sections in lower case") {
  connection_fixture client;
  CHECK(client.ask({"INFO", "Server", "LOG"}).empty());
  REQUIRE(client.services.infos.size() == 1);
  const std::vector<std::string> sections{"server", "log"};
  CHECK(client.services.infos[0].second == sections);
  // What comes behind waits for its turn.
  CHECK(client.ask({"PING"}).empty());
  client.session().on_answer(client.services.infos[0].first, "$2\r\nhi\r\n");
  CHECK(client.take() == "$2\r\nhi\r\n+PONG\r\n");
}

TEST_CASE("ROLE tells a leader without followers and how far it came") {
  connection_fixture client;
  CHECK(client.ask({"ROLE"}).empty());
  CHECK(client.services.roles.size() == 1);
  actors::node_statistics node;
  node.shards.resize(2);
  node.shards[0].durable = {5};
  node.shards[1].durable = {7};
  std::string bytes;
  resp::reply_writer reply(bytes, resp::protocol::resp2);
  actors::reply_role(node, reply);
  CHECK(bytes == "*3\r\n$6\r\nmaster\r\n:12\r\n*0\r\n");
}

TEST_CASE("SHUTDOWN stops the node and answers nothing") {
  connection_fixture client;
  for (const auto* option : {"NOSAVE", "save", "NOW", "FORCE"}) {
    CHECK(client.ask({"SHUTDOWN", option}).empty());
  }
  CHECK(client.ask({"SHUTDOWN"}).empty());
  CHECK(client.services.stops == 5);
}

TEST_CASE("a SHUTDOWN that contradicts itself stops nothing") {
  connection_fixture client;
  CHECK(client.ask({"SHUTDOWN", "foo"}) == error("syntax error"));
  CHECK(client.ask({"SHUTDOWN", "SAVE", "NOSAVE"}) == error("syntax error"));
  CHECK(client.ask({"SHUTDOWN", "ABORT", "NOW"}) == error("syntax error"));
  CHECK(client.ask({"SHUTDOWN", "ABORT"}) == error("No shutdown in progress."));
  CHECK(client.services.stops == 0);
}

TEST_CASE("WAIT counts no followers and waits for those asked for until its time is over") {
  connection_fixture client;
  CHECK(client.ask({"WAIT", "0", "0"}) == ":0\r\n");
  CHECK(client.ask({"WAIT", "-1", "9223372036854775807"}) == ":0\r\n");
  CHECK(client.ask({"WAIT", "1", "100"}).empty());
  CHECK(client.session().deadline_us() == client.time.monotonic_us() + 100'000);
  client.wait(99'999us);
  CHECK(client.take().empty());
  client.wait(1us);
  CHECK(client.take() == ":0\r\n");
  CHECK_FALSE(client.session().deadline_us());
  CHECK(client.ask({"WAIT", "1", "0"}).empty());
  CHECK_FALSE(client.session().deadline_us());
}

TEST_CASE("the longest time-out does not end at once") {
  connection_fixture client;
  CHECK(client.ask({"WAIT", "1", "9223372036854775807"}).empty());
  client.wait(24h);
  CHECK(client.take().empty());
}

TEST_CASE("WAIT and WAITAOF name what is wrong with their arguments") {
  connection_fixture client;
  const auto not_integer = error("value is not an integer or out of range");
  CHECK(client.ask({"WAIT", "x", "1"}) == not_integer);
  CHECK(client.ask({"WAIT", "1", "x"}) == error("timeout is not an integer or out of range"));
  CHECK(client.ask({"WAIT", "1", "-1"}) == error("timeout is negative"));
  CHECK(client.ask({"WAITAOF", "x", "0", "0"}) == not_integer);
  CHECK(client.ask({"WAITAOF", "2", "0", "0"}) ==
        error("value is out of range, value must between 0 and 1"));
  CHECK(client.ask({"WAITAOF", "0", "x", "0"}) == not_integer);
  CHECK(client.ask({"WAITAOF", "0", "-1", "0"}) ==
        error("value is out of range, must be positive"));
  CHECK(client.ask({"WAITAOF", "0", "0", "-1"}) == error("timeout is negative"));
}

TEST_CASE("WAITAOF finds everything on disk when nothing was written") {
  connection_fixture client;
  CHECK(client.ask({"WAITAOF", "1", "0", "0"}) == "*2\r\n:1\r\n:0\r\n");
}

}  // namespace troupe::tests
