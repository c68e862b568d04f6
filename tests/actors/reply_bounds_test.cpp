// How much of replies a node keeps for one client, whatever that asks for at once.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/actors/one_client.hpp"

namespace troupe::tests {
namespace {

constexpr std::size_t mib = limits::part_bytes_max;
constexpr std::size_t too_many = limits::reply_bytes_max / mib + 1;

std::string repeated(std::string line, std::size_t times) {
  std::string all;
  for (std::size_t i = 0; i < times; ++i) all += line;
  return all;
}

/// Answers all reads, and what they lead to.
std::string follow(one_client& client, std::string all) {
  while (!client.shard.reads.empty()) {
    while (!client.shard.reads.empty()) client.shard.answer_read();
    client.pump();
    all += client.take();
    client.pump();  // the client took what was in the way of more
  }
  return all;
}

}  // namespace

TEST_CASE("MGET of more than a reply may be is refused before anything is read") {
  one_client client;
  client.shard.run({"SET", "key", std::string(mib, 'x')});
  client.commit();
  CHECK(client.send({"MGET" + repeated(" key", too_many), "PING"}) ==
        "-ERR the reply is too large: ask for fewer keys at once\r\n+PONG\r\n");
  CHECK(client.shard.reads.empty());
  const auto got = follow(client, client.send({"MGET" + repeated(" key", 20)}));
  CHECK(got.size() > 20 * mib);
}

TEST_CASE("streamed values count for little in a reply, and not for nothing") {
  one_client client;
  client.shard.run({"SET", "key", std::string(2 * mib, 'x')});
  client.commit();
  CHECK(client.send({"MGET" + repeated(" key", 300)}) == "*300\r\n");
  CHECK(client.shard.core->streams() == 300);
  client.leave();
  while (!client.shard.reads.empty()) client.shard.answer_read();
  const auto more = limits::reply_bytes_max / limits::streamed_reply_bytes + 1;
  CHECK(client.send({"MGET" + repeated(" key", more)}).starts_with("-ERR the reply is too large"));
  CHECK(client.shard.core->streams() == 0);
}

TEST_CASE("EXEC runs all its commands, and replies errors once its reply is too large") {
  one_client client;
  client.shard.run({"SET", "key", std::string(mib, 'x')});
  client.commit();
  std::vector<std::string> lines{"MULTI"};
  for (std::size_t i = 0; i < too_many + 5; ++i) lines.emplace_back("GET key");
  lines.emplace_back("SET other value");
  lines.emplace_back("EXEC");
  auto got = follow(client, client.send(lines));
  got = follow(client, got + client.commit());
  CHECK(got.size() > limits::reply_bytes_max - mib);
  CHECK(got.size() < limits::reply_bytes_max + mib);
  const std::string error = "-ERR the replies of EXEC are too large: this command was run\r\n";
  CHECK(got.ends_with(repeated(error, 7) + "+OK\r\n"));
  CHECK(client.send({"GET other"}) == "$5\r\nvalue\r\n");
}

TEST_CASE("no more values are under way to a client than it may be made to take") {
  one_client client;
  client.is_local = false;
  client.shard.run({"SET", "key", std::string(mib, 'x')});
  client.shard.run({"SET", "other", std::string(mib, 'y')});  // drives the first out of memory
  client.commit();
  constexpr auto at_once = limits::replies_under_way_bytes / mib;
  CHECK(client.send(std::vector<std::string>(100, "GET key")).empty());
  CHECK(client.count_of("get") == fmt::format("{} 0 0", at_once));
  const auto got = follow(client, {});
  CHECK(got.size() == 100 * fmt::format("${}\r\n{}\r\n", mib, std::string(mib, 'x')).size());
}

}  // namespace troupe::tests
