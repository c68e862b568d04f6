// The gateway actor on a reactor stepped by hand, with real sockets and shards played by the test:
// what goes to the shards, and when replies reach the clients.
#include "actors/gateway.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>

#include "tests/actors/gateway_world.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

const std::string a = gateway_world::key_in(0);
const std::string b = gateway_world::key_in(1);

}  // namespace

TEST_CASE("a gateway introduces itself to every shard, and serves clients when it knows metrics") {
  gateway_world world(gateway_world::start::silent);
  for (const auto& shard : world.shards) CHECK(shard.gateways == 1);
  auto client = world.connect();
  client.send("PING\r\n");
  world.at.run();
  CHECK(client.received().empty());
  CHECK(world.statistics().clients.accepted == 0);
  world.listen();
  CHECK(world.await(client, "+PONG\r\n") == "+PONG\r\n");
}

TEST_CASE("what clients sent in a round goes to each shard as one batch, in their order") {
  gateway_world world;
  auto first = world.connect();
  auto second = world.connect();
  first.send("SET " + a + " 1\r\nSET " + b + " 1\r\nGET " + a + "\r\nGET " + b + "\r\n");
  second.send("INCR " + a + "\r\n");
  const auto of_a = world.await_commands(0, 3);
  const auto of_b = world.await_commands(1, 2);
  CHECK(world.shards[0].batches.size() == 1);
  CHECK(world.shards[1].batches.size() == 1);
  std::vector<std::string> of_first;
  for (const auto& command : of_a) {
    if (!command.text.starts_with("INCR")) of_first.push_back(command.text);
  }
  CHECK(of_first == std::vector<std::string>{"SET " + a + " 1", "GET " + a});
  CHECK(of_b[0].text == "SET " + b + " 1");
  CHECK(of_b[1].text == "GET " + b);
}

TEST_CASE("a large command is a message of its own, behind what was sent before") {
  gateway_world world;
  auto client = world.connect();
  const std::string large(100'000, 'x');
  client.send("SET " + a + " 1\r\n*3\r\n$3\r\nSET\r\n$" + std::to_string(a.size()) + "\r\n" + a +
              "\r\n$100000\r\n" + large + "\r\nGET " + a + "\r\n");
  world.await_commands(0, 3);
  const auto& batches = world.shards[0].batches;
  REQUIRE(batches.size() >= 3);
  CHECK(batches[0][0].text == "SET " + a + " 1");
  CHECK(batches[1].size() == 1);
  CHECK(batches[1][0].text == "SET " + a + " " + large);
  CHECK(batches[2][0].text == "GET " + a);
}

TEST_CASE("replies leave in the order of the commands, whichever shard answers first") {
  gateway_world world;
  auto client = world.connect();
  client.send("GET " + a + "\r\nGET " + b + "\r\nPING\r\n");
  const auto of_a = world.await_commands(0, 1);
  const auto of_b = world.await_commands(1, 1);
  world.reply(1, {{of_b[0], "$1\r\nB\r\n"}});
  CHECK(client.received().empty());
  world.reply(0, {{of_a[0], "$1\r\nA\r\n"}});
  const std::string expected = "$1\r\nA\r\n$1\r\nB\r\n+PONG\r\n";
  CHECK(world.await(client, expected) == expected);
}

TEST_CASE("a held reply leaves at its shard's watermark, and what is behind it with it") {
  gateway_world world;
  auto client = world.connect();
  client.send("SET " + a + " 1\r\nPING\r\n");
  const auto sent = world.await_commands(0, 1);
  world.reply(0, {{sent[0], "+OK\r\n", {10}}});
  CHECK(world.statistics().clients.held_replies == 1);
  world.watermark(0, {9});
  world.watermark(1, {100});
  world.at.run();
  CHECK(client.received().empty());
  world.watermark(0, {10});
  CHECK(world.await(client, "+OK\r\n+PONG\r\n") == "+OK\r\n+PONG\r\n");
}

TEST_CASE("held replies turn into errors when the log failed, those already durable do not") {
  gateway_world world;
  auto client = world.connect();
  client.send("SET " + a + " 1\r\nSET " + a + " 2\r\nGET " + b + "\r\n");
  const auto sent = world.await_commands(0, 2);
  world.reply(0, {{sent[0], "+OK\r\n", {10}}, {sent[1], "+OK\r\n", {11}}});
  world.reply(1, {{world.await_commands(1, 1)[0], "$-1\r\n"}});
  world.watermark(0, {10}, "the disk is broken");
  world.at.run_until([&] { return client.received().ends_with("$-1\r\n"); });
  CHECK(client.received().starts_with("+OK\r\n-MISCONF outcome unknown"));
  CHECK(client.received().find("the disk is broken") != std::string::npos);
}

TEST_CASE("a held reply is answered when its time is over") {
  gateway_world world;
  auto client = world.connect();
  client.send("SET " + a + " 1\r\n");
  world.reply(0, {{world.await_commands(0, 1)[0], "+OK\r\n", {10}}});
  world.at.pass(9s);
  CHECK(client.received().empty());
  world.at.pass(1500ms);
  world.at.run_until([&] { return client.received().ends_with("\r\n"); });
  CHECK(client.received().starts_with("-TIMEOUT outcome unknown"));
  CHECK(world.statistics().clients.commit_timeouts == 1);
}

TEST_CASE("WAIT, WAITAOF and the commands behind them are answered to the microsecond") {
  gateway_world world;
  auto slow = world.connect();
  auto quick = world.connect();
  auto gone = world.connect();
  slow.send("WAIT 1 30\r\nPING\r\n");
  quick.send("WAITAOF 0 1 7\r\nWAIT 1 7\r\n");
  gone.send("WAIT 1 7\r\n");
  world.at.run();
  gone.reset();
  // Without a tick: only the clock moves.
  const auto pass = [&](std::chrono::microseconds time) {
    world.at.time.advance(time);
    world.at.run();
  };
  pass(6999us);
  CHECK(quick.received().empty());
  pass(1us);
  const std::string aof = "*2\r\n:1\r\n:0\r\n";
  CHECK(world.await(quick, aof) == aof);
  pass(7ms);
  CHECK(world.await(quick, aof + ":0\r\n") == aof + ":0\r\n");
  CHECK(slow.received().empty());
  pass(16ms);
  CHECK(world.await(slow, ":0\r\n+PONG\r\n") == ":0\r\n+PONG\r\n");
  world.await_clients(2);
}

TEST_CASE("WAITAOF is answered with the watermark it waits for, whatever its time-out") {
  gateway_world world;
  auto client = world.connect();
  client.send("SET " + a + " 1\r\nWAITAOF 1 0 60000\r\nPING\r\n");
  const auto sent = world.await_commands(0, 1);
  CHECK(world.shards[0].demands.empty());
  world.reply(0, {{sent[0], "+OK\r\n", {10}}});
  CHECK(world.shards[0].demands == std::vector<lsn>{{10}});
  CHECK(client.received().empty());
  world.watermark(0, {10});
  const std::string expected = "+OK\r\n*2\r\n:1\r\n:0\r\n+PONG\r\n";
  CHECK(world.await(client, expected) == expected);
}

TEST_CASE("a client with too much under way is not read until replies come") {
  gateway_world world;
  auto client = world.connect();
  const auto del = "DEL " + a + "\r\n";
  std::string pipeline;
  for (int i = 0; i < 3000; ++i) pipeline += del;
  client.send(pipeline);
  const auto sent = world.await_commands(0, actors::session::in_flight_max);
  CHECK(sent.size() == actors::session::in_flight_max);
  // The kernel's buffers fill up, the gateway's do not.
  std::string more;
  for (int i = 0; i < 10'000; ++i) more += del;
  constexpr std::size_t kernel_bytes_max = 64 << 20;
  std::size_t taken = 0;
  for (auto refused = 0; refused < 2 && taken < kernel_bytes_max;) {
    const auto count = client.send_some(more);
    taken += count;
    refused = count == 0 ? refused + 1 : 0;
    world.at.run();
  }
  CHECK(taken < kernel_bytes_max);
  CHECK(world.statistics().clients.received_bytes < (16u << 20));
  CHECK(world.shards[0].commands().size() == actors::session::in_flight_max);
  std::vector<gateway_world::answer> answers;
  for (const auto& command : sent) answers.push_back({command, ":0\r\n", {}});
  world.reply(0, answers);
  world.await_commands(0, 2 * actors::session::in_flight_max);
  CHECK(world.shards[0].commands().size() == 2 * actors::session::in_flight_max);
  std::string expected;
  for (std::size_t i = 0; i < sent.size(); ++i) expected += ":0\r\n";
  CHECK(world.await(client, expected) == expected);
}

TEST_CASE("a client that only ended its side gets its replies, then the connection is closed") {
  gateway_world world;
  auto client = world.connect();
  client.send("GET " + a + "\r\n");
  client.end_sending();
  const auto sent = world.await_commands(0, 1);
  CHECK_FALSE(client.is_closed());
  world.reply(0, {{sent[0], "$-1\r\n"}});
  world.at.run_until([&] { return client.is_closed(); });
  CHECK(client.received() == "$-1\r\n");
  CHECK(world.statistics().clients.connected == 0);
}

TEST_CASE("replies for a client that is gone are dropped, others are served on") {
  gateway_world world;
  auto gone = world.connect();
  auto other = world.connect();
  gone.send("GET " + a + "\r\nSET " + b + " 1\r\n");
  const auto of_a = world.await_commands(0, 1);
  const auto of_b = world.await_commands(1, 1);
  gone.reset();
  world.await_clients(1);
  world.reply(0, {{of_a[0], "$-1\r\n"}});
  world.reply(1, {{of_b[0], "+OK\r\n", {5}}});
  world.watermark(1, {5});
  other.send("PING\r\n");
  CHECK(world.await(other, "+PONG\r\n") == "+PONG\r\n");
}

TEST_CASE("the shards that a client paused are released when it is gone") {
  gateway_world world;
  auto client = world.connect();
  client.send("MSET " + a + " 1 " + b + " 1\r\n");
  world.at.run_until([&] { return !world.shards[0].steps.empty(); });
  CHECK(world.shards[1].steps.empty());  // paused in ascending order
  const auto transaction = world.shards[0].transaction;
  client.reset();
  world.at.run();
  CHECK(world.shards[0].steps == std::vector<std::string>{"pause"});
  world.answer_step(0, transaction, {});
  CHECK(world.shards[0].steps == std::vector<std::string>{"pause", "release"});
  CHECK(world.shards[1].steps.empty());
  world.answer_step(0, transaction, {""});
  world.await_clients(0);
}

TEST_CASE("a command over two shards pauses, runs and releases both, and is answered once") {
  gateway_world world;
  auto client = world.connect();
  client.send("MSET " + a + " 1 " + b + " 1\r\nGET " + a + "\r\n");
  world.at.run_until([&] { return !world.shards[0].steps.empty(); });
  const auto transaction = world.shards[0].transaction;
  world.answer_step(0, transaction, {});
  world.answer_step(1, transaction, {});
  world.answer_step(0, transaction, {"+OK\r\n"});
  CHECK(world.shards[1].steps == std::vector<std::string>{"pause", "run"});
  world.answer_step(1, transaction, {"+OK\r\n"});
  CHECK(world.shards[0].commands().empty());
  CHECK(client.received().empty());
  world.answer_step(1, transaction, {""});
  world.answer_step(0, transaction, {""});
  CHECK(world.shards[0].steps == std::vector<std::string>{"pause", "run", "release"});
  CHECK(world.shards[1].steps == std::vector<std::string>{"pause", "run", "release"});
  CHECK(world.await(client, "+OK\r\n") == "+OK\r\n");
  CHECK(world.await_commands(0, 1)[0].text == "GET " + a);
}

TEST_CASE("a gateway told to stop lets nobody in, sends what is owed, closes and goes") {
  gateway_world world;
  auto idle = world.connect();
  auto busy = world.connect();
  busy.send("SET " + a + " 1\r\n");
  const auto sent = world.await_commands(0, 1);
  world.reply(0, {{sent[0], "+OK\r\n", {10}}});
  world.stop(5s);
  world.at.run_until([&] { return idle.is_closed(); });
  auto late = world.connect();
  late.send("PING\r\n");
  world.at.pass(1s);
  CHECK(late.received().empty());
  CHECK_FALSE(world.ended);
  world.watermark(0, {10});
  world.at.run_until([&] { return busy.is_closed() && world.ended; });
  CHECK(busy.received() == "+OK\r\n");
}

TEST_CASE("a gateway stops after its grace although replies are missing") {
  gateway_world world;
  auto client = world.connect();
  client.send("SET " + a + " 1\r\n");
  world.await_commands(0, 1);
  world.stop(5s);
  world.at.pass(4900ms);
  CHECK_FALSE(world.ended);
  world.at.pass(300ms);
  CHECK(world.ended);
  CHECK(client.is_closed());
  CHECK(client.received().empty());
}

TEST_CASE("what nobody waits for changes nothing") {
  gateway_world world;
  const shard_notes::command nobody{4711, 1, ""};
  world.reply(0, {{nobody, "+OK\r\n", {7}}});
  world.answer_step(1, (std::uint64_t{1} << 63) | 4711, {});
  world.watermark(0, {7});
  auto client = world.connect();
  world.watermark(0, {8});
  client.send("PING\r\n");
  CHECK(world.await(client, "+PONG\r\n") == "+PONG\r\n");
  CHECK_FALSE(world.ended);
}

TEST_CASE("CLIENT LIST goes without the gateway that does not answer in time") {
  gateway_world world;
  world.add_mute_peer();
  auto client = world.connect();
  client.send("CLIENT LIST\r\n");
  world.at.pass(1900ms);
  CHECK(client.received().empty());
  world.at.pass(200ms);
  world.at.run_until([&] { return client.received().ends_with("\n\r\n"); });
  CHECK(client.received().find("cmd=client") != std::string::npos);
}

TEST_CASE("INFO is an error reply when metrics do not answer in time") {
  gateway_world world;
  auto client = world.connect();
  client.send("INFO\r\nPING\r\n");
  world.at.pass(1900ms);
  CHECK(client.received().empty());
  world.at.pass(200ms);
  const std::string expected = "-ERR the node is too busy to count itself\r\n+PONG\r\n";
  CHECK(world.await(client, expected) == expected);
}

TEST_CASE("SHUTDOWN is passed to the node") {
  gateway_world world;
  auto client = world.connect();
  client.send("SHUTDOWN\r\n");
  world.at.run_until([&] { return world.node_stops > 0; });
  world.at.run();
  CHECK(world.node_stops == 1);
}

TEST_CASE("a client above maxclients is told so and closed") {
  gateway_world world;
  auto first = world.connect();
  first.send("CONFIG SET maxclients 1\r\n");
  CHECK(world.await(first, "+OK\r\n") == "+OK\r\n");
  auto second = world.connect();
  world.at.run_until([&] { return second.is_closed(); });
  CHECK(second.received() == "-ERR max number of clients reached\r\n");
  CHECK(world.statistics().clients.rejected == 1);
}

}  // namespace troupe::tests
