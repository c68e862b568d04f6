#include "actors/client_commands.hpp"

#include <doctest/doctest.h>

#include "tests/actors/connection_fixture.hpp"

namespace troupe::tests {

TEST_CASE("a connection knows its number, its name and its library") {
  connection_fixture client;
  CHECK(client.ask({"CLIENT", "ID"}) == ":7\r\n");
  CHECK(client.ask({"CLIENT", "SETNAME", "worker-1"}) == "+OK\r\n");
  CHECK(client.ask({"CLIENT", "GETNAME"}) == "$8\r\nworker-1\r\n");
  CHECK(client.ask({"CLIENT", "SETNAME", "a b"}) ==
        error("Client names cannot contain spaces, newlines or special characters."));
  CHECK(client.ask({"CLIENT", "SETINFO", "LIB-NAME", "redis-py"}) == "+OK\r\n");
  CHECK(client.ask({"CLIENT", "SETINFO", "lib-ver", "5.0"}) == "+OK\r\n");
  CHECK(client.ask({"CLIENT", "SETINFO", "lib-ver", "5 0"}) ==
        error("lib-ver cannot contain spaces, newlines or special characters."));
  CHECK(client.ask({"CLIENT", "SETINFO", "foo", "x"}) == error("Unrecognized option 'foo'"));
  const auto info = client.ask({"CLIENT", "INFO"});
  CHECK(info.find("name=worker-1 ") != std::string::npos);
  CHECK(info.find("lib-name=redis-py lib-ver=5.0") != std::string::npos);
  CHECK(info.ends_with("\n\r\n"));
  CHECK(client.ask({"CLIENT", "SETNAME", ""}) == "+OK\r\n");
  CHECK(client.ask({"CLIENT", "GETNAME"}) == "$-1\r\n");
}

TEST_CASE("CLIENT INFO is text for humans in the third protocol") {
  connection_fixture client;
  client.ask({"HELLO", "3"});
  const auto info = client.ask({"CLIENT", "INFO"});
  CHECK(info.front() == '=');
  CHECK(info.find("\r\ntxt:id=7 addr=127.0.0.1:50000 ") != std::string::npos);
}

TEST_CASE("switches take ON and OFF only") {
  connection_fixture client;
  for (const auto* name : {"NO-EVICT", "NO-TOUCH"}) {
    CHECK(client.ask({"CLIENT", name, "on"}) == "+OK\r\n");
    CHECK(client.ask({"CLIENT", name, "OFF"}) == "+OK\r\n");
    CHECK(client.ask({"CLIENT", name, "foo"}) == error("syntax error"));
  }
}

TEST_CASE("CLIENT INFO shows every flag that holds") {
  connection_fixture client;
  const auto has_flags = [&](const std::string& flags) {
    return client.session().describe().find(" flags=" + flags + " ") != std::string::npos;
  };
  CHECK(has_flags("N"));
  client.ask({"CLIENT", "NO-EVICT", "ON"});
  CHECK(has_flags("e"));
  client.ask({"CLIENT", "NO-TOUCH", "ON"});
  CHECK(has_flags("eT"));
  client.ask({"MULTI"});
  CHECK(has_flags("xeT"));
  client.ask({"RESET"});
  CHECK(has_flags("N"));
  client.ask({"WAIT", "1", "0"});
  CHECK(has_flags("b"));
}

TEST_CASE("CLIENT INFO counts what was received and not processed, and the buffer of replies") {
  connection_fixture client;
  const auto field = [&](const std::string& name) {
    const auto line = client.session().describe();
    const auto at = line.find(" " + name + "=");
    REQUIRE(at != std::string::npos);
    return std::stoul(line.substr(at + name.size() + 2));
  };
  client.ask({"PING"});
  CHECK(field("qbuf") == 0);
  CHECK(field("rbs") >= 5);
  CHECK(field("rbp") == 0);
  const std::string ping = "*1\r\n$4\r\nPING\r\n";
  client.exchange("*3\r\n$4\r\nWAIT\r\n$1\r\n1\r\n$1\r\n0\r\n" + ping + ping + "*1\r\n");
  CHECK(field("qbuf") == 2 * ping.size() + 4);
  CHECK(field("qbuf-free") > 0);
  CHECK(field("argv-mem") == 0);
  CHECK(field("multi-mem") == 0);
}

TEST_CASE("replies can be turned off, on, or left out once") {
  connection_fixture client;
  CHECK(client.ask({"CLIENT", "REPLY", "foo"}) == error("syntax error"));
  CHECK(client.ask({"CLIENT", "REPLY", "SKIP"}).empty());
  CHECK(client.ask({"PING"}).empty());
  CHECK(client.ask({"PING"}) == "+PONG\r\n");
  CHECK(client.ask({"CLIENT", "REPLY", "OFF"}).empty());
  CHECK(client.ask({"PING"}).empty());
  CHECK(client.ask({"CLIENT", "REPLY", "ON"}) == "+OK\r\n");
}

TEST_CASE("CLIENT LIST asks for every connection, and there is one type of them") {
  connection_fixture client;
  CHECK(client.ask({"CLIENT", "LIST", "TYPE", "foo"}) == error("Unknown client type 'foo'"));
  CHECK(client.ask({"CLIENT", "LIST", "TYPE", "MASTER"}) == "$0\r\n\r\n");
  for (const auto& wrong : {"ID", "FOO", "TYPE"}) {
    CHECK(client.ask({"CLIENT", "LIST", wrong}) == error("syntax error"));
  }
  CHECK(client.ask({"CLIENT", "LIST", "TYPE", "normal", "normal"}) == error("syntax error"));
  CHECK(client.services.lists.empty());
  CHECK(client.ask({"CLIENT", "LIST", "TYPE", "Normal"}).empty());
  REQUIRE(client.services.lists.size() == 1);
  client.session().on_answer(client.services.lists[0], "$1\r\nx\r\n");
  CHECK(client.take() == "$1\r\nx\r\n");
}

TEST_CASE("CLIENT LIST ID asks for the connections named") {
  connection_fixture client;
  CHECK(client.ask({"CLIENT", "LIST", "ID", "x"}) == error("Invalid client ID"));
  CHECK(client.ask({"CLIENT", "LIST", "ID", "7", "8"}).empty());
  CHECK(client.services.listed_ids == std::vector<std::uint64_t>{7, 8});
}

TEST_CASE("CLIENT KILL by address may mean the caller itself") {
  connection_fixture client;
  CHECK(client.ask({"CLIENT", "KILL", "127.0.0.1:1"}).empty());
  REQUIRE(client.services.kills.size() == 1);
  const auto& filter = client.services.kills[0].second;
  CHECK(filter.old_style);
  CHECK(filter.address == "127.0.0.1:1");
  CHECK(filter.except_id == 0);
  connection_fixture other;
  CHECK(other.ask({"CLIENT", "KILL", ""}) == error("No such client"));
}

TEST_CASE("who kills its own connection gets the reply, and nothing behind it runs") {
  for (const auto* kill : {"CLIENT KILL 127.0.0.1:50000", "CLIENT KILL ID 7 SKIPME no"}) {
    CAPTURE(kill);
    connection_fixture client;
    CHECK(client.exchange(fmt::format("{}\r\nCLIENT SETNAME late\r\n", kill)).empty());
    CHECK_FALSE(client.session().finished());
    REQUIRE(client.services.kills.size() == 1);
    client.session().on_answer(client.services.kills[0].first, ":1\r\n");
    CHECK(client.take() == ":1\r\n");
    CHECK(client.session().finished());
    CHECK(client.session().name().empty());
  }
}

TEST_CASE(
    "who kills its own connection inside EXEC gets no reply to what follows, but it is done") {
  connection_fixture client;
  client.exchange("MULTI\r\nPING\r\nCLIENT KILL 127.0.0.1:50000\r\nCLIENT SETNAME late\r\n");
  CHECK(client.ask({"EXEC"}).empty());
  REQUIRE(client.services.kills.size() == 1);
  client.session().on_answer(client.services.kills[0].first, "+OK\r\n");
  CHECK(client.take() == "*3\r\n+PONG\r\n+OK\r\n");
  CHECK(client.session().name() == "late");
  CHECK(client.session().finished());
}

TEST_CASE("CLIENT KILL by filters spares the caller unless told otherwise") {
  connection_fixture client;
  CHECK(client
            .ask({"CLIENT", "KILL", "id", "5", "LADDR", "l", "addr", "a", "user", "default", "type",
                  "normal"})
            .empty());
  CHECK(client.ask({"CLIENT", "KILL", "ID", "8", "SKIPME", "no"}).empty());
  REQUIRE(client.services.kills.size() == 2);
  const auto& first = client.services.kills[0].second;
  CHECK(!first.old_style);
  CHECK(first.id == 5);
  CHECK(first.address == "a");
  CHECK(first.local_address == "l");
  CHECK(first.except_id == connection_fixture::id);
  CHECK(client.services.kills[1].second.except_id == 0);
}

TEST_CASE("CLIENT KILL names what is wrong with its filters and closes nobody then") {
  connection_fixture client;
  CHECK(client.ask({"CLIENT", "KILL", "id", "0"}) == error("client-id should be greater than 0"));
  CHECK(client.ask({"CLIENT", "KILL", "ID", "x"}) == error("client-id should be greater than 0"));
  CHECK(client.ask({"CLIENT", "KILL", "TYPE", "x"}) == error("Unknown client type 'x'"));
  CHECK(client.ask({"CLIENT", "KILL", "USER", "x"}) == error("No such user 'x'"));
  CHECK(client.ask({"CLIENT", "KILL", "SKIPME", "x"}) == error("syntax error"));
  CHECK(client.ask({"CLIENT", "KILL", "FOO", "x"}) == error("syntax error"));
  CHECK(client.ask({"CLIENT", "KILL", "ID", "5", "ADDR"}) == error("syntax error"));
  CHECK(client.ask({"CLIENT", "KILL", "TYPE", "master"}) == ":0\r\n");
  CHECK(client.ask({"CLIENT", "KILL", "ADDR", "", "TYPE", "normal"}) == ":0\r\n");
  CHECK(client.services.kills.empty());
}

TEST_CASE("CLIENT HELP lists the subcommands") {
  connection_fixture client;
  const auto help = client.ask({"CLIENT", "HELP"});
  CHECK(help.find("+CLIENT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:\r\n") !=
        std::string::npos);
  CHECK(client.ask({"CLIENT", "foo"}) == error("unknown subcommand 'foo'. Try CLIENT HELP."));
}

}  // namespace troupe::tests
