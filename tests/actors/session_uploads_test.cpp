// A large SET through a session: stored while it arrives, with every option, refusals and clients
// that break off.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <utility>

#include "tests/actors/one_client.hpp"

namespace troupe::tests {
namespace {

constexpr std::size_t mib = limits::part_bytes_max;

std::string encoded(const words& command) {
  std::string all = fmt::format("*{}\r\n", command.size());
  for (const auto& word : command) all += fmt::format("${}\r\n{}\r\n", word.size(), word);
  return all;
}

/// Makes everything durable and answers every read until nothing moves; what the client got.
std::string finish(one_client& client) {
  std::string all;
  for (int still = 0; still < 3;) {
    auto more = client.commit();
    while (!client.shard.reads.empty()) client.shard.answer_read();
    client.pump();
    more += client.take();
    still = more.empty() ? still + 1 : 0;
    all += more;
  }
  return all;
}

std::string ask(one_client& client, const words& command) {
  auto got = client.exchange(encoded(command));
  return got + finish(client);
}

std::string bulk(const std::string& bytes) {
  return fmt::format("${}\r\n{}\r\n", bytes.size(), bytes);
}

}  // namespace

TEST_CASE("a large SET is in the log before it is complete, and little of it in memory") {
  for (const bool is_local : {true, false}) {
    one_client client;
    client.is_local = is_local;
    const std::string value(6 * mib + 11, 'v');
    const auto bytes = encoded({"SET", "key", value});
    const auto before = client.shard.core->statistics().appended;
    client.exchange(std::string_view(bytes).substr(0, 5 * mib));
    CHECK(client.shard.core->statistics().appended.value >= before.value + 4);
    CHECK(client.session().input_bytes() <= 3 * mib);
    CHECK(client.shard.run({"EXISTS", "key"}).reply == ":0\r\n");
    CHECK(client.exchange(std::string_view(bytes).substr(5 * mib)).empty());
    CHECK(finish(client) == "+OK\r\n");
    client.send({"GET key"});
    CHECK(finish(client) == bulk(value));
  }
}

TEST_CASE("commands around a large SET keep their order") {
  for (const bool is_local : {true, false}) {
    one_client client;
    client.is_local = is_local;
    const std::string value(2 * mib, 'v');
    client.exchange(encoded({"SET", "key", "old"}) + encoded({"GET", "key"}) +
                    encoded({"SET", "key", value}) + encoded({"STRLEN", "key"}) +
                    encoded({"SET", "key", "new", "GET"}) + encoded({"PING"}));
    CHECK(finish(client) == "+OK\r\n$3\r\nold\r\n+OK\r\n:2097152\r\n" + bulk(value) + "+PONG\r\n");
  }
}

TEST_CASE("options are decided when the value is complete") {
  one_client client;
  const std::string value(2 * mib, 'v');
  CHECK(ask(client, {"SET", "key", value, "XX"}) == "$-1\r\n");
  CHECK(ask(client, {"SET", "key", value, "NX", "PX", "100000"}) == "+OK\r\n");
  CHECK(ask(client, {"SET", "key", value, "NX"}) == "$-1\r\n");
  CHECK(client.send({"PTTL key"}) == ":100000\r\n");
  CHECK(ask(client, {"SET", "key", value, "KEEPTTL"}) == "+OK\r\n");
  CHECK(client.send({"PTTL key"}) == ":100000\r\n");
  CHECK(ask(client, {"SET", "key", value, "NONSENSE"}) == "-ERR syntax error\r\n");
  CHECK(ask(client, {"SET", "key", value, "EX", "0"}) ==
        "-ERR invalid expire time in 'set' command\r\n");
  CHECK(ask(client, {"SET", "key", "small"}) == "+OK\r\n");
  CHECK(ask(client, {"SET", "key", value, "GET"}) == "$5\r\nsmall\r\n");
  // The condition holds at the end, whatever it was at the begin.
  const auto bytes = encoded({"SET", "other", value, "NX"});
  client.exchange(std::string_view(bytes).substr(0, mib));
  client.shard.run({"SET", "other", "x"});
  CHECK(client.exchange(std::string_view(bytes).substr(mib)).empty());
  CHECK(finish(client) == "$-1\r\n");
}

TEST_CASE("what a refused or broken off SET left is dead") {
  one_client client;
  const std::string value(20 * mib, 'v');
  const auto dead_segments = [&client] {
    finish(client);
    client.shard.core->tick();
    return !client.shard.retired.empty();
  };
  SUBCASE("refused") {
    CHECK(ask(client, {"SET", "key", "x"}) == "+OK\r\n");
    CHECK(ask(client, {"SET", "key", value, "NX"}) == "$-1\r\n");
    client.send({"DEL key"});
    CHECK(dead_segments());
  }
  SUBCASE("broken off") {
    client.exchange(encoded({"SET", "key", value}).substr(0, 19 * mib));
    CHECK_FALSE(dead_segments());
    client.leave();
    CHECK(dead_segments());
    CHECK(client.shard.run({"EXISTS", "key"}).reply == ":0\r\n");
  }
  SUBCASE("with a line end that is none") {
    auto bytes = encoded({"SET", "key", value});
    bytes.insert(bytes.size() - 2, "x");
    CHECK(client.exchange(bytes) + finish(client) ==
          "-ERR Protocol error: invalid bulk length\r\n");
    CHECK(client.session().finished());
    CHECK(dead_segments());
  }
}

TEST_CASE("a disk that fills up during a SET refuses it at its end, and the client goes on") {
  for (const bool is_local : {true, false}) {
    one_client client;
    client.is_local = is_local;
    const auto bytes = encoded({"SET", "key", std::string(200 * mib, 'v')});
    std::string got;
    for (std::size_t at = 0; at < bytes.size(); at += mib) {
      got += client.exchange(std::string_view(bytes).substr(at, mib));
      while (std::exchange(client.shard.segments_wanted, 0) > 0) {
        client.shard.core->on_segment_failed({errc::no_space, "full"});
        client.pump();
        got += client.commit();
      }
      got += client.commit();
    }
    CHECK(client.session().wants_input());
    got += client.send({"PING"});
    CHECK(got.starts_with("-OOM disk full"));
    CHECK(got.ends_with("\r\n+PONG\r\n"));
    CHECK(client.shard.run({"EXISTS", "key"}).reply == ":0\r\n");
    CHECK_FALSE(client.session().finished());
    client.shard.core->tick();
    CHECK_FALSE(client.shard.retired.empty());
  }
}

TEST_CASE("a session stops reading when the shard does not take its parts") {
  one_client client;
  const auto bytes = encoded({"SET", "key", std::string(100 * mib, 'v')});
  std::size_t at = 0;
  for (; at < bytes.size() && client.session().wants_input(); at += mib / 4) {
    client.exchange(std::string_view(bytes).substr(at, mib / 4));
  }
  CHECK(at < 30 * mib);
  client.commit();
  CHECK(client.session().wants_input());
}

TEST_CASE("a log that fails during a SET is told at its end") {
  one_client client;
  const auto bytes = encoded({"SET", "key", std::string(4 * mib, 'v')});
  client.exchange(std::string_view(bytes).substr(0, 2 * mib));
  client.shard.core->end_round();
  client.fail_log("the disk is broken");
  CHECK(client.exchange(std::string_view(bytes).substr(2 * mib)).starts_with("-MISCONF"));
  CHECK(client.send({"PING"}) == "+PONG\r\n");
}

TEST_CASE("in a MULTI block a large SET is collected, as other commands' large arguments are") {
  one_client client;
  const std::string value(2 * mib, 'v');
  CHECK(ask(client, {"MULTI"}) == "+OK\r\n");
  CHECK(ask(client, {"SET", "key", value}) == "+QUEUED\r\n");
  CHECK(ask(client, {"EXEC"}) == "*1\r\n+OK\r\n");
  CHECK(ask(client, {"APPEND", "key", value}) == ":4194304\r\n");
  CHECK(ask(client, {"SETEX", "key", "100", value}) == "+OK\r\n");
}

TEST_CASE("a transaction waits until an uploaded value can be read in it") {
  one_client client;
  client.settings.level = durability::memory;
  const std::string value(2 * mib, 'v');
  CHECK(client.exchange(encoded({"SET", "key", value})) == "+OK\r\n");
  client.send({"MULTI", "APPEND key x", "EXEC"});
  auto got = finish(client);
  CHECK(got.ends_with("*1\r\n:2097153\r\n"));
}

TEST_CASE("CLIENT REPLY counts a large SET as one command") {
  one_client client;
  client.settings.level = durability::memory;
  const auto large = encoded({"SET", "key", std::string(2 * mib, 'v')});
  CHECK(client.exchange(encoded({"CLIENT", "REPLY", "SKIP"}) + large +
                        encoded({"STRLEN", "key"})) == ":2097152\r\n");
  CHECK(client.count_of("set") == "1 0 0");
  CHECK(client.exchange(encoded({"SET", "key", std::string(2 * mib, 'v'), "NONSENSE"}))
            .starts_with("-ERR syntax"));
  CHECK(client.count_of("set") == "2 0 1");
}

}  // namespace troupe::tests
