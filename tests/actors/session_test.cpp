// session with one shard on its own reactor: what a client sees, in order, and when.
#include "actors/session.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "tests/actors/one_client.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

}  // namespace

TEST_CASE("pipelined commands are answered in order, none before what is in front of it") {
  one_client client;
  CHECK(client.send({"PING"}) == "+PONG\r\n");
  CHECK(client.send({"SET key value", "PING", "GET key", "GET other"}).empty());
  CHECK(client.commit() == "+OK\r\n+PONG\r\n$5\r\nvalue\r\n$-1\r\n");
  CHECK(client.send({"GET key"}) == "$5\r\nvalue\r\n");
}

TEST_CASE("a command may arrive byte by byte") {
  one_client client;
  std::string got;
  for (const char byte : std::string("*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n")) {
    got += client.exchange({&byte, 1});
  }
  CHECK(got == "$5\r\nhello\r\n");
}

TEST_CASE("a shard on another reactor answers in order as well") {
  one_client client;
  client.is_local = false;
  CHECK(client.send({"SET n 1", "INCR n", "PING", "INCR n"}).empty());
  CHECK(client.commit() == "+OK\r\n:2\r\n+PONG\r\n:3\r\n");
}

TEST_CASE("replies of level memory go out at once") {
  one_client client;
  client.settings.level = durability::memory;
  CHECK(client.send({"SET key value", "GET key"}) == "+OK\r\n$5\r\nvalue\r\n");
}

TEST_CASE("MULTI runs as one, and its reply waits for the batch") {
  one_client client;
  CHECK(client.send({"MULTI", "SET n 5", "INCR n", "GET n", "PING"}) ==
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
  CHECK(client.send({"EXEC"}).empty());
  CHECK(client.commit() == "*4\r\n+OK\r\n:6\r\n$1\r\n6\r\n+PONG\r\n");
}

TEST_CASE("mistakes around MULTI are answered as by Redis") {
  one_client client;
  CHECK(client.send({"EXEC"}) == "-ERR EXEC without MULTI\r\n");
  CHECK(client.send({"DISCARD"}) == "-ERR DISCARD without MULTI\r\n");
  CHECK(client.send({"MULTI", "MULTI", "WATCH key", "DISCARD"}) ==
        "+OK\r\n-ERR MULTI calls can not be nested\r\n"
        "-ERR WATCH inside MULTI is not allowed\r\n+OK\r\n");
  CHECK(client.send({"MULTI", "NONSENSE", "EXEC"})
            .ends_with("-EXECABORT Transaction discarded because of previous errors.\r\n"));
}

TEST_CASE("EXEC is refused when a watched key was touched, and only then") {
  one_client client;
  client.settings.level = durability::memory;
  client.send({"SET key 1", "WATCH key"});
  client.shard.run({"SET", "key", "2"}, durability::memory);
  CHECK(client.send({"MULTI", "GET key", "EXEC"}).ends_with("*-1\r\n"));
  client.send({"WATCH key"});
  CHECK(client.send({"MULTI", "GET key", "EXEC"}).ends_with("*1\r\n$1\r\n2\r\n"));
  client.send({"WATCH key", "UNWATCH"});
  client.shard.run({"SET", "key", "3"}, durability::memory);
  CHECK(client.send({"MULTI", "GET key", "EXEC"}).ends_with("*1\r\n$1\r\n3\r\n"));
}

TEST_CASE("an EXEC that a write aborted waits for that write") {
  one_client client;
  client.send({"WATCH key"});
  client.shard.run({"SET", "key", "2"});
  CHECK(client.send({"MULTI", "GET key", "EXEC"}) == "+OK\r\n+QUEUED\r\n");
  CHECK(client.commit() == "*-1\r\n");
}

TEST_CASE("before AUTH nothing runs; after eight wrong guesses it is over") {
  one_client client;
  client.config.password = "secret";
  CHECK(client.send({"GET key"}) == "-NOAUTH Authentication required.\r\n");
  CHECK(client.send({"AUTH wrong"}).starts_with("-WRONGPASS"));
  client.wait(1s);
  CHECK(client.send({"AUTH secret", "GET key"}) == "+OK\r\n$-1\r\n");

  one_client guesser;
  guesser.config.password = "secret";
  for (int i = 0; i < 8; ++i) {
    guesser.send({"AUTH guess"});
    guesser.wait(10s);
  }
  CHECK(guesser.session().finished());
}

TEST_CASE("after a wrong password a client is not listened to for a while, longer each time") {
  one_client guesser;
  guesser.config.password = "secret";
  CHECK(guesser.send({"AUTH guess"}).starts_with("-WRONGPASS"));
  CHECK_FALSE(guesser.session().wants_input());
  guesser.wait(50ms);
  CHECK(guesser.session().wants_input());
  // What came together with the wrong password waits as well.
  CHECK(guesser.send({"AUTH guess", "AUTH secret"}).starts_with("-WRONGPASS"));
  guesser.wait(50ms);
  CHECK(guesser.take().empty());
  guesser.wait(50ms);
  CHECK(guesser.take() == "+OK\r\n");
}

TEST_CASE("before AUTH little is read, kept and answered") {
  one_client greedy;
  greedy.config.password = "secret";
  CHECK(greedy.exchange("*11\r\n") == "-ERR Protocol error: unauthenticated multibulk length\r\n");
  CHECK(greedy.session().finished());

  one_client large;
  large.config.password = "secret";
  large.exchange("*3\r\n$4\r\nAUTH\r\n$9000\r\n" + std::string(9000, 'u') + "\r\n");
  CHECK(large.exchange("$9000\r\n") == "-ERR Protocol error: unauthenticated bulk length\r\n");

  // Whoever sends more than is run is not read any further.
  one_client flood;
  flood.config.password = "secret";
  auto& session = flood.session();
  std::size_t received = 0;
  while (session.wants_input()) {
    const auto room = session.room();
    REQUIRE(!room.empty());
    for (std::size_t i = 0; i < room.size(); ++i) room[i] = "GET a\r\n"[(received + i) % 7];
    session.received(room.size());
    received += room.size();
    session.process();
  }
  CHECK(received <= limits::unauthenticated_input_bytes);
  CHECK(session.memory_bytes() < 3 * limits::unauthenticated_input_bytes);
}

TEST_CASE("a client that goes on without AUTH is closed") {
  one_client stubborn;
  stubborn.config.password = "secret";
  for (std::uint32_t i = 1; i < limits::unauthenticated_refusals; ++i) stubborn.send({"GET a"});
  CHECK_FALSE(stubborn.session().finished());
  CHECK(stubborn.send({"NONSENSE"}).starts_with("-"));
  CHECK(stubborn.session().finished());
}

TEST_CASE("CLIENT REPLY leaves out what it says") {
  one_client client;
  client.settings.level = durability::memory;
  CHECK(client.send({"CLIENT REPLY SKIP", "SET a 1", "GET a"}) == "$1\r\n1\r\n");
  CHECK(client.send({"CLIENT REPLY OFF", "PING", "SET a 2", "GET a"}).empty());
  CHECK(client.send({"CLIENT REPLY ON", "GET a"}) == "+OK\r\n$1\r\n2\r\n");
}

// What redis-server 7.0.15 sends for the same bytes.
TEST_CASE("RESET ends CLIENT REPLY OFF, but a SKIP in front of it takes its own reply") {
  struct conversation {
    std::vector<std::string> sent;
    std::string got;
  };
  const conversation all[] = {
      {{"CLIENT REPLY OFF", "RESET", "PING"}, "+RESET\r\n+PONG\r\n"},
      {{"CLIENT REPLY OFF", "CLIENT REPLY SKIP", "RESET", "PING"}, "+RESET\r\n+PONG\r\n"},
      {{"CLIENT REPLY SKIP", "RESET", "PING"}, "+PONG\r\n"},
      {{"CLIENT REPLY SKIP", "CLIENT REPLY SKIP", "RESET", "PING"}, "+PONG\r\n"},
      {{"CLIENT REPLY SKIP", "RESET", "RESET", "PING"}, "+RESET\r\n+PONG\r\n"},
      {{"CLIENT REPLY SKIP", "RESET x", "PING"}, "+PONG\r\n"},
      {{"CLIENT REPLY SKIP", "MULTI", "RESET", "PING"}, "+RESET\r\n+PONG\r\n"},
      {{"MULTI", "CLIENT REPLY SKIP", "RESET", "PING"}, "+OK\r\n+QUEUED\r\n+RESET\r\n+PONG\r\n"},
      {{"MULTI", "CLIENT REPLY SKIP", "EXEC", "RESET", "PING"},
       "+OK\r\n+QUEUED\r\n*1\r\n+PONG\r\n"},
  };
  for (const auto& each : all) {
    CAPTURE(each.sent[0]);
    one_client client;
    CHECK(client.send(each.sent) == each.got);
  }
}

TEST_CASE("WAIT answers at once without followers asked for, WAITAOF when the disk has it") {
  one_client client;
  client.settings.level = durability::memory;
  CHECK(client.send({"WAIT 0 0"}) == ":0\r\n");
  CHECK(client.send({"SET key value", "WAITAOF 1 0 0", "PING"}) == "+OK\r\n");
  CHECK(client.demands == 1);
  CHECK(client.commit() == "*2\r\n:1\r\n:0\r\n+PONG\r\n");
  CHECK(client.send({"WAITAOF 1 0 0"}) == "*2\r\n:1\r\n:0\r\n");
  CHECK(client.demands == 1);
}

TEST_CASE("WAITAOF asks for the commit of what was still under way when it came") {
  one_client client;
  client.settings.level = durability::memory;
  client.is_local = false;
  CHECK(client.send({"SET key value", "SET key other", "WAITAOF 1 0 0", "PING"}) ==
        "+OK\r\n+OK\r\n");
  CHECK(client.demands == 1);
  CHECK(client.commit() == "*2\r\n:1\r\n:0\r\n+PONG\r\n");
}

TEST_CASE("WAIT for a follower that is not there ends with its time-out") {
  one_client client;
  CHECK(client.send({"WAIT 1 50", "PING"}).empty());
  client.wait(50ms);
  CHECK(client.take() == ":0\r\n+PONG\r\n");
}

TEST_CASE("a broken request is answered behind the good ones, then the connection closes") {
  one_client client;
  CHECK(client.exchange("PING\r\n*1\r\n:3\r\nPING\r\n") ==
        "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n");
  CHECK(client.session().finished());
  CHECK(client.counted.protocol_errors == 1);
}

TEST_CASE("a web browser is shown the door without a word") {
  one_client client;
  CHECK(client.exchange("POST / HTTP/1.1\r\nHost: x\r\n\r\nSET key value\r\n").empty());
  CHECK(client.session().finished());
  CHECK(client.shard.core->store().size() == 0);
}

TEST_CASE("HTTP is shown the door in whatever way it says POST or Host:") {
  for (const std::string sent : {" POST", "\tHost: x", "\"post\" /", "'Host:' x", "\"P\\x4fST\"",
                                 "*1\r\n$4\r\nPost", "*2\r\n$5\r\nhOST:\r\n$1\r\nx"}) {
    CAPTURE(sent);
    one_client client;
    client.settings.level = durability::memory;
    CHECK(client.exchange("PING\r\n" + sent + "\r\nSET key value\r\n") == "+PONG\r\n");
    CHECK(client.session().finished());
    CHECK(client.shard.core->store().size() == 0);
    CHECK(client.counted.protocol_errors == 1);
  }
}

TEST_CASE("POST is a word like others behind a command, and not inside MULTI") {
  one_client client;
  CHECK(client.send({"ECHO POST"}) == "$4\r\nPOST\r\n");
  CHECK(client.send({"MULTI", "'POST' x", "EXEC"}) == "+OK\r\n");
  CHECK(client.session().finished());
}

TEST_CASE("a reply held too long says that the outcome is unknown; a read says to try again") {
  one_client client;
  client.settings.commit_timeout_us = 1'000'000;
  CHECK(client.send({"SET key value", "GET key", "PING"}).empty());
  client.shard.time.advance(2s);
  client.session().on_tick(client.shard.time.monotonic_us());
  const auto got = client.take();
  CHECK(got.starts_with("-TIMEOUT outcome unknown"));
  CHECK(got.ends_with("\r\n-TRYAGAIN key has an undecided write\r\n+PONG\r\n"));
  CHECK(client.counted.commit_timeouts == 2);
  CHECK(client.commit().empty());
}

TEST_CASE("when the log fails, every uncovered command gets an error and the rest goes on") {
  one_client client;
  CHECK(client.send({"SET key value", "GET key", "PING"}).empty());
  client.shard.core->end_round();
  client.fail_log("the disk is broken");
  const auto text =
      "-MISCONF outcome unknown: the log failed before this was durable: "
      "the disk is broken\r\n";
  CHECK(client.take() == fmt::format("{0}{0}+PONG\r\n", text));
  CHECK(client.send({"GET other"}) == "$-1\r\n");
}

TEST_CASE("a log that fails in the middle of a MULTI block leaves nobody waiting") {
  one_client client;
  client.is_local = false;
  client.send({"MULTI", "SET key value"});
  client.shard.core->end_round();
  client.fail_log("the disk is broken");
  const auto got = client.send({"EXEC", "WAITAOF 1 0 0", "PING"});
  CHECK(got.find("MISCONF") != std::string::npos);
  CHECK(got.ends_with("+PONG\r\n"));
}

TEST_CASE("WAITAOF gives up when the log fails") {
  one_client client;
  client.settings.level = durability::memory;
  CHECK(client.send({"SET key value", "WAITAOF 1 0 0", "PING"}) == "+OK\r\n");
  client.fail_log("the disk is broken");
  CHECK(client.take() == "*2\r\n:0\r\n:0\r\n+PONG\r\n");
}

TEST_CASE("a client that ended its side gets the replies to all it sent") {
  one_client client;
  CHECK(client.send({"SET key value", "GET key"}).empty());
  client.session().end_input();
  CHECK_FALSE(client.session().finished());
  CHECK(client.commit() == "+OK\r\n$5\r\nvalue\r\n");
  CHECK(client.session().finished());
}

TEST_CASE("QUIT answers and closes; what follows is not run") {
  one_client client;
  CHECK(client.send({"QUIT", "PING"}) == "+OK\r\n");
  CHECK(client.session().finished());
}

// What redis-server 7.0.15 sends for the same bytes.
TEST_CASE("CLIENT REPLY inside MULTI counts from where it stands, as in Redis") {
  struct conversation {
    std::vector<std::string> sent;
    std::string got;
  };
  const conversation all[] = {
      {{"MULTI", "GET k", "CLIENT REPLY OFF", "GET k", "EXEC", "PING", "CLIENT REPLY ON", "PING"},
       "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n$1\r\n1\r\n+OK\r\n+PONG\r\n"},
      {{"MULTI", "GET k", "CLIENT REPLY SKIP", "GET k", "EXEC", "ECHO one", "ECHO two"},
       "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*3\r\n$1\r\n1\r\n$1\r\n1\r\n$3\r\ntwo\r\n"},
      {{"CLIENT REPLY OFF", "MULTI", "GET k", "CLIENT REPLY ON", "GET k", "EXEC", "ECHO one"},
       "+OK\r\n$1\r\n1\r\n$3\r\none\r\n"},
      {{"MULTI", "GET k", "CLIENT REPLY OFF", "GET k", "CLIENT REPLY ON", "STRLEN k", "EXEC"},
       "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n"
       "*5\r\n$1\r\n1\r\n+OK\r\n:1\r\n"},
      {{"CLIENT REPLY SKIP", "MULTI", "GET k", "EXEC", "ECHO one"},
       "+QUEUED\r\n*1\r\n$1\r\n1\r\n$3\r\none\r\n"},
      {{"MULTI", "CLIENT REPLY SKIP", "DISCARD", "ECHO x"}, "+OK\r\n+QUEUED\r\n+OK\r\n$1\r\nx\r\n"},
      {{"MULTI", "CLIENT REPLY OFF", "CLIENT REPLY SKIP", "EXEC", "ECHO x", "CLIENT REPLY ON",
        "ECHO y"},
       "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$1\r\ny\r\n"},
      {{"PING", "MULTI", "CLIENT REPLY OFF", "EXEC", "PING"}, "+PONG\r\n+OK\r\n+QUEUED\r\n*1\r\n"},
      {{"MULTI", "CLIENT REPLY SKIP", "EXEC", "ECHO x", "ECHO y"},
       "+OK\r\n+QUEUED\r\n*1\r\n$1\r\ny\r\n"},
      {{"MULTI", "CLIENT REPLY SKIP", "CLIENT REPLY ON", "EXEC", "ECHO x", "ECHO y"},
       "+OK\r\n+QUEUED\r\n+QUEUED\r\n*2\r\n+OK\r\n$1\r\ny\r\n"},
      {{"MULTI", "CLIENT REPLY NONE", "EXEC", "ECHO x"},
       "+OK\r\n+QUEUED\r\n*1\r\n-ERR syntax error\r\n$1\r\nx\r\n"},
  };
  for (const auto is_local : {true, false}) {
    for (const auto& [sent, got] : all) {
      one_client client;
      client.is_local = is_local;
      client.settings.level = durability::memory;
      client.send({"SET k 1"});
      CHECK(client.send(sent) == got);
    }
  }
}

TEST_CASE("an idle client is closed when the node says so") {
  one_client client;
  client.settings.idle_timeout_us = 1'000'000;
  client.send({"PING"});
  client.session().on_tick(client.shard.time.monotonic_us());
  CHECK_FALSE(client.session().finished());
  client.shard.time.advance(2s);
  client.session().on_tick(client.shard.time.monotonic_us());
  CHECK(client.session().finished());
}

}  // namespace troupe::tests
