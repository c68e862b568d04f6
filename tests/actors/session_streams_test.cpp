// Large values through a session: replies that are streamed, and what a slow or leaving client does
// to them.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>

#include "tests/actors/one_client.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t mib = limits::part_bytes_max;

std::string bulk(const std::string& bytes) {
  return fmt::format("${}\r\n{}\r\n", bytes.size(), bytes);
}

/// Reads all that comes until nothing does any more.
std::string read_all(one_client& client) {
  std::string all;
  for (std::string more = client.take();; more = client.take()) {
    all += more;
    while (!client.shard.reads.empty()) client.shard.answer_read();
    client.pump();
    if (more.empty() && client.session().sendable().empty()) return all;
  }
}

}  // namespace

TEST_CASE("large values come whole, in order, between small replies") {
  one_client client;
  const std::string first(3 * mib + 5, 'a'), second(2 * mib, 'b');
  client.shard.run({"SET", "first", first});
  client.shard.run({"SET", "second", second});
  client.commit();
  auto got = client.send({"PING", "GET first", "GET second", "GET none", "GET first"});
  got += read_all(client);
  CHECK(got == "+PONG\r\n" + bulk(first) + bulk(second) + "$-1\r\n" + bulk(first));
}

TEST_CASE("a client that does not read is not read ahead for") {
  one_client client;
  const std::string value(12 * mib, 'a');
  client.shard.run({"SET", "key", value});
  client.commit();
  for (int i = 0; i < 3; ++i) client.exchange("GET key\r\n");
  CHECK(client.session().sendable().empty());
  CHECK(client.shard.reads.size() == limits::streamed_parts_ahead);
  while (!client.shard.reads.empty()) client.shard.answer_read();
  client.pump();
  const auto ready = client.session().sendable();
  CHECK_FALSE(ready.empty());
  client.session().sent(1);
  CHECK_FALSE(client.session().sendable().empty());
  CHECK(client.shard.reads.empty());
  std::string got(ready.substr(0, 1));
  got += read_all(client);
  CHECK(got == bulk(value) + bulk(value) + bulk(value));
}

TEST_CASE("a value written a moment ago is streamed once it may be seen") {
  one_client client;
  const std::string value(2 * mib, 'a');
  client.settings.level = durability::durable;
  client.shard.run({"SET", "key", value});
  client.commit();
  client.shard.run({"EXPIRE", "key", "100"});
  CHECK(client.send({"GET key"}).empty());
  CHECK(client.shard.reads.empty());
  auto got = client.commit();
  got += read_all(client);
  CHECK(got == bulk(value));
}

TEST_CASE("an unreadable value is an error as long as nothing of it was sent") {
  one_client client;
  client.shard.run({"SET", "key", std::string(2 * mib, 'a')});
  client.commit();
  CHECK(client.send({"GET key", "PING"}).empty());
  client.shard.fail_read();
  client.pump();
  CHECK(client.take() == "-ERR a stored value cannot be read: the disk is broken\r\n+PONG\r\n");
  CHECK_FALSE(client.session().finished());
}

TEST_CASE("a value that turns out unreadable in the middle closes the connection") {
  one_client client;
  client.shard.run({"SET", "key", std::string(2 * mib, 'a')});
  client.commit();
  CHECK(client.send({"GET key", "PING"}).empty());
  client.shard.answer_read();
  client.pump();
  CHECK_FALSE(client.session().sendable().empty());
  client.session().sent(1);
  client.shard.fail_read();
  client.pump();
  CHECK(client.session().finished());
}

TEST_CASE("a client that leaves takes its streams with it") {
  one_client client;
  client.shard.run({"SET", "key", std::string(3 * mib, 'a')});
  client.commit();
  client.send({"GET key", "GET key"});
  client.shard.run({"DEL", "key"});
  client.commit();
  client.leave();
  while (!client.shard.reads.empty()) client.shard.answer_read();
  CHECK(client.shard.parts.empty());
  client.shard.run({"GET", "key"});
  CHECK(client.shard.core->streams() == 0);
}

TEST_CASE("who does not want replies gets no value either, and nothing is read for it") {
  one_client client;
  client.shard.run({"SET", "key", std::string(3 * mib, 'a')});
  client.commit();
  CHECK(client.send({"CLIENT REPLY OFF", "GET key", "CLIENT REPLY ON"}) == "+OK\r\n");
  CHECK(client.shard.reads.empty());
  CHECK(client.shard.core->streams() == 0);
}

TEST_CASE("MGET streams each large value in its place") {
  one_client client;
  const std::string first(3 * mib + 5, 'a'), second(2 * mib, 'b');
  client.shard.run({"SET", "first", first});
  client.shard.run({"SET", "second", second});
  client.shard.run({"SET", "small", "s"});
  client.commit();
  auto got = client.send({"MGET first small second none first", "PING"});
  got += read_all(client);
  CHECK(got ==
        "*5\r\n" + bulk(first) + bulk("s") + bulk(second) + "$-1\r\n" + bulk(first) + "+PONG\r\n");
  CHECK(client.shard.core->streams() == 0);
}

TEST_CASE("a range of a large value is read from the parts it touches") {
  one_client client;
  std::string value;
  for (int i = 0; value.size() < 4 * mib; ++i) value += fmt::format("{:07}", i);
  client.shard.run({"SET", "key", value});
  client.commit();
  const auto range = [&](std::size_t from, std::size_t last) {
    CHECK(client.send({fmt::format("GETRANGE key {} {}", from, last)}).empty());
    const auto reads = client.shard.reads.size();
    auto got = read_all(client);
    CHECK(got == bulk(value.substr(from, last - from + 1)));
    return reads;
  };
  CHECK(range(2 * mib + 5, 2 * mib + 9) == 1);
  CHECK(range(2 * mib - 1, 2 * mib) == 2);
  CHECK(range(mib, 2 * mib - 1) == 1);
  CHECK(range(10, 3 * mib + 10) == 4);
  CHECK(range(0, value.size() - 1) > 3);
  CHECK(client.send({"GETRANGE key 5 4", "SUBSTR key 9000000 9000001"}) == bulk("") + bulk(""));
}

TEST_CASE("commands that reply an old value stream it while the new one is stored") {
  one_client client;
  const std::string value(2 * mib, 'a');
  client.shard.run({"SET", "key", value});
  client.commit();
  CHECK(client.send({"SET key new GET", "GET key"}).empty());
  auto got = client.commit();
  got += read_all(client);
  CHECK(got == bulk(value) + bulk("new"));
  client.shard.run({"SET", "key", value});
  client.commit();
  client.send({"GETSET key new", "GET key"});
  got = client.commit();
  got += read_all(client);
  CHECK(got == bulk(value) + bulk("new"));
}

TEST_CASE("EXEC streams its large values in their places") {
  one_client client;
  const std::string value(2 * mib, 'a');
  client.shard.run({"SET", "key", value});
  client.commit();
  auto got = client.send({"MULTI", "GET key", "PING", "GETDEL key", "EXISTS key", "EXEC"});
  got += client.commit();
  got += read_all(client);
  CHECK(got == "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n*4\r\n" + bulk(value) +
                   "+PONG\r\n" + bulk(value) + ":0\r\n");
  CHECK(client.shard.core->streams() == 0);
}

TEST_CASE("who leaves in the middle of EXEC leaves no streams behind") {
  one_client client;
  client.shard.run({"SET", "key", std::string(2 * mib, 'a')});
  client.commit();
  client.exchange("CLIENT REPLY OFF\r\nMULTI\r\nGET key\r\nMGET key key\r\nEXEC\r\n");
  CHECK(client.shard.core->streams() == 0);
  client.exchange("CLIENT REPLY ON\r\nMULTI\r\nGET key\r\nMGET key key\r\nEXEC\r\n");
  CHECK(client.shard.core->streams() == 3);
  client.leave();
  while (!client.shard.reads.empty()) client.shard.answer_read();
  CHECK(client.shard.core->streams() == 0);
}

TEST_CASE("a client is idle while it takes nothing of a stream, not while it does") {
  one_client client;
  client.settings.idle_timeout_us = 1'000'000;
  client.shard.run({"SET", "key", std::string(8 * mib, 'a')});
  client.commit();
  client.send({"GET key"});
  for (int i = 0; i < 3; ++i) {
    client.shard.time.advance(900ms);
    client.shard.answer_read();
    client.pump();
    client.session().on_tick(client.shard.time.monotonic_us());
    client.take();
    CHECK_FALSE(client.session().finished());
  }
  client.shard.time.advance(2s);
  client.session().on_tick(client.shard.time.monotonic_us());
  CHECK(client.session().finished());
}

}  // namespace troupe::tests
