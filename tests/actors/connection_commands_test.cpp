#include "actors/connection_commands.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "tests/actors/connection_fixture.hpp"

namespace troupe::tests {

namespace {

constexpr const char* hello_fields =
    "$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:{}\r\n"
    "$2\r\nid\r\n:7\r\n$4\r\nmode\r\n$10\r\nstandalone\r\n$4\r\nrole\r\n$6\r\nmaster\r\n"
    "$7\r\nmodules\r\n*0\r\n";
constexpr const char* wrong_password =
    "-WRONGPASS invalid username-password pair or user is disabled.\r\n";

std::string hello2() { return "*14\r\n" + fmt::format(fmt::runtime(hello_fields), 2); }
std::string hello3() { return "%7\r\n" + fmt::format(fmt::runtime(hello_fields), 3); }

}  // namespace

TEST_CASE("every command of connection scope is answered, and once") {
  const auto run = [](const resp::command_spec& spec) {
    if (spec.scope != resp::scope::connection || !spec.subcommands.empty()) return;
    CAPTURE(spec.name);
    connection_fixture client;
    std::string sent(spec.name);
    std::ranges::replace(sent, '|', ' ');
    const auto named = std::ranges::count(sent, ' ') + 1;
    for (auto missing = std::abs(spec.arity) - named; missing > 0; --missing) sent += " 1";
    auto answered = client.exchange(sent + "\r\n");
    // WAIT and WAITAOF answer when the time-out of 1 ms is over.
    client.wait(std::chrono::milliseconds(1));
    answered += client.take();
    CHECK(client.services.note_count() + (answered.empty() ? 0u : 1u) == 1);
  };
  for (const auto* spec : resp::all_commands()) {
    run(*spec);
    for (const auto& subcommand : spec->subcommands) run(subcommand);
  }
}

TEST_CASE("PING answers PONG or what it was given") {
  connection_fixture client;
  CHECK(client.ask({"PING"}) == "+PONG\r\n");
  CHECK(client.ask({"ping", "a b"}) == "$3\r\na b\r\n");
  CHECK(client.ask({"PING", "a", "b"}) == error("wrong number of arguments for 'ping' command"));
  CHECK(client.figures().error_replies == 1);
  CHECK(client.ask({"ECHO", "x"}) == "$1\r\nx\r\n");
}

TEST_CASE("QUIT is answered, then the connection ends and nothing behind it runs") {
  connection_fixture client;
  CHECK(client.exchange("QUIT\r\nPING\r\n") == "+OK\r\n");
  CHECK(client.session().finished());
}

TEST_CASE("HELLO describes the server and changes the protocol from its own reply on") {
  connection_fixture client;
  CHECK(client.ask({"HELLO"}) == hello2());
  CHECK(client.ask({"HELLO", "3"}) == hello3());
  CHECK(client.ask({"CLIENT", "GETNAME"}) == "_\r\n");
  CHECK(client.ask({"HELLO"}) == hello3());
  CHECK(client.ask({"HELLO", "2", "setname", "me"}) == hello2());
  CHECK(client.ask({"CLIENT", "GETNAME"}) == "$2\r\nme\r\n");
}

TEST_CASE("a wrong HELLO does not change the protocol") {
  connection_fixture client;
  CHECK(client.ask({"HELLO", "4"}) == "-NOPROTO unsupported protocol version\r\n");
  CHECK(client.ask({"HELLO", "AUTH", "default", "x"}) ==
        error("Protocol version is not an integer or out of range"));
  CHECK(client.ask({"HELLO", "3", "FOO"}) == error("Syntax error in HELLO option 'FOO'"));
  CHECK(client.ask({"HELLO", "3", "AUTH", "a"}) == error("Syntax error in HELLO option 'AUTH'"));
  CHECK(client.ask({"HELLO", "3", "AUTH", "foo", "x"}) == wrong_password);
  CHECK(client.session().protocol() == resp::protocol::resp2);
  CHECK(client.session().name().empty());
}

TEST_CASE("options of HELLO hold one after the other up to the first that is wrong") {
  connection_fixture client;
  client.config.password = "secret";
  CHECK(client.ask({"HELLO", "3", "SETNAME", "ok", "SETNAME", "a b"}) ==
        error("Client names cannot contain spaces, newlines or special characters."));
  CHECK(client.session().name() == "ok");
  CHECK_FALSE(client.session().authenticated());
  CHECK(client.ask({"HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me", "FOO"}) ==
        error("Syntax error in HELLO option 'FOO'"));
  CHECK(client.session().name() == "me");
  CHECK(client.session().authenticated());
  CHECK(client.session().protocol() == resp::protocol::resp2);
}

TEST_CASE("without a password only the default user may authenticate, with any password") {
  connection_fixture client;
  CHECK(client.ask({"AUTH", "a", "b", "c"}) == error("syntax error"));
  CHECK(client.ask({"AUTH", "x"}) ==
        error("AUTH <password> called without any password configured for the default user. Are "
              "you sure your configuration is correct?"));
  CHECK(client.ask({"AUTH", "default", "x"}) == "+OK\r\n");
  CHECK(client.ask({"AUTH", "foo", "x"}) == wrong_password);
}

TEST_CASE("with a password nothing runs before it was given") {
  connection_fixture client;
  client.config.password = "secret";
  CHECK(client.ask({"PING"}) == "-NOAUTH Authentication required.\r\n");
  CHECK(client.ask({"HELLO", "3"}) ==
        "-NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
        "protocol version at the same time\r\n");
  CHECK(client.ask({"AUTH", "wrong"}) == wrong_password);
  client.wait(std::chrono::seconds(10));
  CHECK(client.ask({"AUTH", "foo", "secret"}) == wrong_password);
  client.wait(std::chrono::seconds(10));
  CHECK(client.counted.authentication_failures == 2);
  CHECK(client.ask({"PING"}) == "-NOAUTH Authentication required.\r\n");
  CHECK(client.ask({"HELLO", "3", "AUTH", "default", "secret", "SETNAME", "me"}) == hello3());
  CHECK(client.ask({"PING"}) == "+PONG\r\n");
  CHECK(client.ask({"AUTH", "wrong"}) == wrong_password);
  CHECK(client.ask({"PING"}) == "+PONG\r\n");
  CHECK(client.ask({"RESET"}) == "+RESET\r\n");
  CHECK(client.ask({"PING"}) == "-NOAUTH Authentication required.\r\n");
}

TEST_CASE("guessing users ends the connection as guessing passwords does") {
  connection_fixture client;
  client.config.password = "secret";
  for (int tries = 0; tries < 100 && !client.session().finished(); ++tries) {
    CHECK(client.ask({"AUTH", "foo", "x"}) == wrong_password);
    client.wait(std::chrono::seconds(10));
  }
  CHECK(client.session().finished());
}

TEST_CASE("SELECT knows one database") {
  connection_fixture client;
  CHECK(client.ask({"SELECT", "0"}) == "+OK\r\n");
  CHECK(client.ask({"SELECT", "1"}) == error("DB index is out of range"));
  CHECK(client.ask({"SELECT", "-1"}) == error("DB index is out of range"));
  CHECK(client.ask({"SELECT", "x"}) == error("value is not an integer or out of range"));
  CHECK(client.ask({"SELECT", "99999999999"}) ==
        error("value is out of range, value must between -2147483648 and 2147483647"));
}

TEST_CASE("RESET returns to a fresh connection") {
  connection_fixture client;
  client.ask({"HELLO", "3", "SETNAME", "me"});
  client.ask({"MULTI"});
  CHECK(client.ask({"RESET"}) == "+RESET\r\n");
  CHECK(client.ask({"CLIENT", "GETNAME"}) == "$-1\r\n");
}

}  // namespace troupe::tests
