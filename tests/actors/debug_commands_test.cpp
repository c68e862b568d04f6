#include "actors/debug_commands.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "tests/actors/connection_fixture.hpp"
#include "tests/actors/one_client.hpp"

namespace troupe::tests {

using namespace std::chrono_literals;

TEST_CASE("DEBUG is refused unless the node was started with it") {
  connection_fixture client;
  for (const auto* word : {"HELP", "SLEEP", "foo"}) {
    CHECK(client.ask({"DEBUG", word}).starts_with("-ERR DEBUG command not allowed. "));
  }
}

TEST_CASE("DEBUG HELP lists what there is, and everything else is unknown") {
  connection_fixture client;
  client.config.enable_debug = true;
  const auto help = client.ask({"DEBUG", "help"});
  CHECK(help.starts_with("*15\r\n+DEBUG <subcommand> "));
  for (const auto* line : {"+LOG <message>\r\n", "+OBJECT <key>\r\n", "+SLEEP <seconds>\r\n",
                           "+SET-ACTIVE-EXPIRE <0|1>\r\n", "+HELP\r\n"}) {
    CHECK(help.find(line) != std::string::npos);
  }
  for (const auto* word : {"foo", "SLEEP", "object", "RELOAD"}) {
    CHECK(client.ask({"DEBUG", word}) ==
          error(fmt::format(
              "unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.", word)));
  }
  CHECK(client.ask({"DEBUG", "LOG", "hello\r\nworld"}) == "+OK\r\n");
}

TEST_CASE("DEBUG OBJECT tells how a value is encoded and where it stands") {
  one_client client;
  client.config.enable_debug = true;
  client.send({"SET number 12345", "SET text " + std::string(100, 'x')});
  client.commit();
  const auto number = client.send({"DEBUG OBJECT number"});
  CHECK(number.starts_with("+Value at:memory refcount:1 encoding:int serializedlength:"));
  CHECK(number.find(" segment:0 offset:") != std::string::npos);
  // The leader's epoch is the log's first record.
  CHECK(number.substr(number.rfind(' ')) == " lsn:2\r\n");
  const auto text = client.send({"DEBUG OBJECT text"});
  CHECK(text.find(" encoding:raw serializedlength:") != std::string::npos);
  CHECK(text.substr(text.rfind(' ')) == " lsn:3\r\n");
  CHECK(client.send({"DEBUG OBJECT none"}) == error("no such key"));
  CHECK(client.errors_of("ERR") == 1);
}

TEST_CASE("DEBUG OBJECT runs within EXEC, where nobody sleeps") {
  one_client client;
  client.config.enable_debug = true;
  CHECK(client.send({"MULTI", "SET a 1", "DEBUG OBJECT a", "DEBUG OBJECT b", "EXEC"})
            .starts_with("+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"));
  const auto reply = client.commit();
  CHECK(reply.starts_with("*3\r\n+OK\r\n+Value at:memory refcount:1 encoding:int "));
  CHECK(reply.ends_with(" lsn:2\r\n-ERR no such key\r\n"));
  CHECK(client.send({"MULTI", "DEBUG SLEEP 1", "DISCARD"}) ==
        "+OK\r\n" + error("Command not allowed inside a transaction") + "+OK\r\n");
}

TEST_CASE("DEBUG SLEEP lets one client wait, for a minute at most") {
  connection_fixture client;
  client.config.enable_debug = true;
  CHECK(client.ask({"DEBUG", "SLEEP", "0"}) == "+OK\r\n");
  CHECK(client.ask({"DEBUG", "SLEEP", "1.5"}).empty());
  CHECK(client.ask({"PING"}).empty());
  client.wait(1499ms);
  CHECK(client.take().empty());
  client.wait(1ms);
  while (client.session().process()) {
  }
  CHECK(client.take() == "+OK\r\n+PONG\r\n");
  CHECK(client.ask({"DEBUG", "SLEEP", "x"}) == error("value is not a valid float"));
  for (const auto* wrong : {"-1", "60.1", "inf"}) {
    CHECK(client.ask({"DEBUG", "SLEEP", wrong}) ==
          error("value is out of range, must be between 0 and 60"));
  }
}

TEST_CASE("what a client with NO-TOUCH reads leaves memory as if nobody did") {
  for (const bool in_block : {false, true}) {
    for (const bool touches : {true, false}) {
      one_client client;
      client.config.enable_debug = true;
      if (!touches) client.send({"CLIENT NO-TOUCH ON"});
      client.send({"SET hot 1"});
      client.commit();
      bool is_there = true;
      for (int i = 0; is_there && i < 400; ++i) {
        client.send({fmt::format("SET {} {}", i, std::string(10'000, 'x'))});
        client.commit();
        is_there = client.send({"DEBUG OBJECT hot"}).find(" at:memory ") != std::string::npos;
        if (!is_there) continue;
        if (in_block) {
          client.send({"MULTI", "GET hot", "EXEC"});
        } else {
          client.send({"GET hot"});
        }
      }
      CHECK(is_there == touches);
      const auto shown = client.send({"DEBUG OBJECT hot"});
      CHECK((shown.find("at:log refcount:1 encoding:unread ") == std::string::npos) == touches);
    }
  }
}

TEST_CASE("DEBUG SET-ACTIVE-EXPIRE keeps what expired from being removed, though not from sight") {
  one_client client;
  client.config.enable_debug = true;
  CHECK(client.send({"DEBUG SET-ACTIVE-EXPIRE 0", "SET a 1 PX 10"}) == "+OK\r\n");
  CHECK(client.commit() == "+OK\r\n");
  client.wait(20ms);
  client.shard.core->tick();
  CHECK(client.send({"DBSIZE", "EXISTS a"}) == ":1\r\n:0\r\n");
  CHECK(client.send({"DEBUG SET-ACTIVE-EXPIRE 1"}) == "+OK\r\n");
  client.shard.core->tick();
  client.commit();
  CHECK(client.send({"DBSIZE"}) == ":0\r\n");
  CHECK(client.send({"DEBUG SET-ACTIVE-EXPIRE x"}) ==
        error("value is not an integer or out of range"));
}

}  // namespace troupe::tests
