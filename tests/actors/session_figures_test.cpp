// What a session counts, and the memory it holds and gives back.
#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "tests/actors/one_client.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

}  // namespace

TEST_CASE("commands are counted once each by what became of them") {
  for (const auto is_local : {true, false}) {
    one_client client;
    client.is_local = is_local;
    client.settings.level = durability::memory;
    client.send({"SET a word", "GET a", "INCR a", "INCR n", "GET", "NOSUCH", "CONFIG GET port",
                 "CLIENT SETNAME", "CLIENT REPLY WHAT"});
    CHECK(client.count_of("set") == "1 0 0");
    CHECK(client.count_of("get") == "1 1 0");
    CHECK(client.count_of("incr") == "2 0 1");
    CHECK(client.count_of("config|get") == "1 0 0");
    CHECK(client.count_of("client|setname") == "0 1 0");
    CHECK(client.count_of("client|reply") == "1 0 1");
    CHECK(client.count_of("ping") == "none");
    CHECK(client.errors_of("ERR") == 5);
    CHECK(client.commands.calls() == 6);
  }
}

TEST_CASE("a MULTI block counts its commands when they run") {
  one_client client;
  client.settings.level = durability::memory;
  client.send({"SET a word", "MULTI", "INCR a", "GET a", "UNWATCH", "SHUTDOWN"});
  CHECK(client.count_of("get") == "none");
  CHECK(client.count_of("unwatch") == "none");
  CHECK(client.count_of("shutdown") == "0 1 0");
  client.send({"DISCARD", "MULTI", "INCR a", "GET a", "UNWATCH", "EXEC"});
  CHECK(client.count_of("incr") == "1 0 1");
  CHECK(client.count_of("get") == "1 0 0");
  CHECK(client.count_of("unwatch") == "1 0 0");
  CHECK(client.count_of("multi") == "2 0 0");
  CHECK(client.count_of("exec") == "1 0 0");
  client.send({"EXEC"});
  CHECK(client.count_of("exec") == "2 0 1");
}

TEST_CASE("a command's time goes on until its reply is there, wherever that comes from") {
  one_client client;
  client.is_local = false;
  client.settings.level = durability::memory;
  client.send({"SET a 1", "WAITAOF 0 0 0"});
  CHECK(client.time_of("set") == 0);
  CHECK(client.time_of("waitaof") == 0);
  receive(client.session(), "WAIT 1 20\r\n", [&] { client.pump(); });
  client.wait(5ms);
  client.wait(15ms);
  CHECK(client.take() == ":0\r\n");
  CHECK(client.time_of("wait") == 20'000);
  // Another transaction has the shard.
  client.shard.core->pause({3, 3});
  receive(client.session(), "SET a 2\r\n", [&] { client.pump(); });
  client.wait(3ms);
  client.shard.core->release({3, 3});
  client.pump();
  CHECK(client.take() == "+OK\r\n");
  CHECK(client.time_of("set") == 3000);
}

TEST_CASE("commands of a block share its time, and EXEC takes as long as all of them") {
  one_client client;
  client.settings.level = durability::memory;
  client.pause_takes = 9ms;
  client.send({"MULTI", "SET a 1", "GET a", "GET a", "EXEC"});
  client.wait(5ms);  // for the log, which is not the commands' time
  CHECK(client.commit() == "*3\r\n+OK\r\n$1\r\n1\r\n$1\r\n1\r\n");
  CHECK(client.time_of("exec") == 9000);
  CHECK(client.time_of("set") == 3000);
  CHECK(client.time_of("get") == 6000);
}

TEST_CASE("what is sent before AUTH counts as rejected") {
  one_client client;
  client.config.password = "secret";
  client.send({"GET a", "AUTH wrong"});
  CHECK(client.count_of("get") == "0 1 0");
  CHECK(client.count_of("auth") == "1 0 1");
  CHECK(client.errors_of("NOAUTH") == 1);
  CHECK(client.errors_of("WRONGPASS") == 1);
}

TEST_CASE("replies that turned into errors while they were held count as errors") {
  one_client client;
  client.settings.commit_timeout_us = 1'000'000;
  client.send({"SET key value", "GET key"});
  client.wait(2s);
  CHECK(client.errors_of("TIMEOUT") == 1);
  CHECK(client.errors_of("TRYAGAIN") == 1);
  client.send({"SET key value"});
  client.shard.core->end_round();
  client.fail_log("the disk is broken");
  CHECK(client.errors_of("MISCONF") == 1);
  CHECK(client.count_of("set") == "2 0 0");
}

TEST_CASE("bytes of both directions are counted") {
  one_client client;
  client.exchange("PING\r\n");
  CHECK(client.counted.received_bytes == 6);
  CHECK(client.counted.sent_bytes == 7);
}

TEST_CASE("a client that goes idle gives its buffers back, and goes on as before") {
  one_client client;
  client.settings.level = durability::memory;
  client.send({"SET a " + std::string(20'000, 'x'), "GET a"});
  CHECK(client.session().memory_bytes() > 16'000);
  client.wait(1s);
  CHECK(client.session().memory_bytes() > 16'000);
  client.wait(1s);
  CHECK(client.session().memory_bytes() < 1000);
  CHECK(client.send({"STRLEN a"}) == ":20000\r\n");
}

TEST_CASE("half a command and unread replies survive an idle client's memory") {
  one_client client;
  client.settings.level = durability::memory;
  client.exchange("*2\r\n$4\r\nECHO\r\n$5\r\nhel");
  client.wait(5s);
  CHECK(client.exchange("lo\r\n") == "$5\r\nhello\r\n");

  receive(client.session(), "ECHO waits\r\n", [&] { client.pump(); });
  client.wait(5s);
  CHECK(client.take() == "$5\r\nwaits\r\n");
  client.settings.level = durability::durable;
  client.send({"SET held 1"});
  client.wait(5s);
  CHECK(client.commit() == "+OK\r\n");
}

TEST_CASE("what a client makes the node hold is counted: input, replies, a MULTI block") {
  one_client client;
  client.settings.level = durability::memory;
  const std::string large(100'000, 'x');
  client.send({"PING"});
  const auto before = client.session().memory_bytes();
  client.exchange("*2\r\n$4\r\nECHO\r\n$200000\r\n" + large);
  CHECK(client.session().memory_bytes() >= before + 80'000);
  receive(client.session(), large + "\r\n", [&] { client.pump(); });
  CHECK(client.session().memory_bytes() >= 200'000);
  client.take();
  CHECK(client.session().memory_bytes() < 100'000);
  client.exchange("MULTI\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n" + large + "\r\n");
  CHECK(client.session().memory_bytes() >= 100'000);
  client.send({"DISCARD"});
  CHECK(client.session().memory_bytes() < 100'000);
}

}  // namespace troupe::tests
