// What bounds the clients of a gateway: their number over all gateways, and the memory they hold.
#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <utility>

#include "tests/actors/gateway_world.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

/// Sends as much of `bytes` as the gateway takes before it closes the connection.
void pour(gateway_world& world, test_client& client, std::string_view bytes) {
  while (!bytes.empty() && !client.is_closed()) {
    bytes.remove_prefix(client.send_some(bytes));
    world.at.run();
  }
}

std::string half_a_command(std::size_t bytes) {
  return fmt::format("*2\r\n$4\r\nECHO\r\n${}\r\n", 2 * bytes) + std::string(bytes, 'x');
}

void await_memory(gateway_world& world, std::uint64_t bytes) {
  world.at.run_until([&] { return world.statistics().clients.memory_bytes >= bytes; });
}

void set_client_memory(gateway_world& world, test_client& client, std::uint64_t bytes) {
  client.send(fmt::format("CONFIG SET maxmemory-clients {}\r\n", bytes));
  REQUIRE(world.await(client, "+OK\r\n") == "+OK\r\n");
}

}  // namespace

TEST_CASE("maxclients counts the clients of every gateway") {
  gateway_world world;
  auto first = world.connect();
  first.send("CONFIG SET maxclients 3\r\n");
  CHECK(world.await(first, "+OK\r\n") == "+OK\r\n");
  auto elsewhere = world.places.take(3);
  REQUIRE(elsewhere);
  auto second = world.connect();
  world.await_clients(2);
  auto refused = world.connect();
  world.at.run_until([&] { return refused.is_closed(); });
  CHECK(refused.received() == "-ERR max number of clients reached\r\n");

  elsewhere.reset();
  auto third = world.connect();
  third.send("PING\r\n");
  CHECK(world.await(third, "+PONG\r\n") == "+PONG\r\n");
  CHECK(world.places.taken() == 3);

  second.reset();
  world.await_clients(2);
  CHECK(world.places.taken() == 2);
}

TEST_CASE("when clients hold too much, the one that holds most is closed and the others stay") {
  gateway_world world;
  auto small = world.connect();
  set_client_memory(world, small, 2'000'000);
  auto medium = world.connect();
  pour(world, medium, half_a_command(500'000));
  await_memory(world, 500'000);
  auto large = world.connect();
  pour(world, large, half_a_command(3'000'000));
  world.at.run_until([&] { return large.is_closed(); });
  CHECK_FALSE(medium.is_closed());
  CHECK_FALSE(small.is_closed());
  const auto counted = world.statistics().clients;
  CHECK(counted.evicted == 1);
  CHECK(counted.memory_bytes <= 2'000'000);
  CHECK(counted.memory_bytes >= 500'000);
  CHECK(counted.memory_limit_bytes == 2'000'000);
  small.send("PING\r\n");
  CHECK(world.await(small, "+OK\r\n+PONG\r\n") == "+OK\r\n+PONG\r\n");
}

TEST_CASE("a client with CLIENT NO-EVICT is not closed for what it holds") {
  gateway_world world;
  auto keeper = world.connect();
  keeper.send("CLIENT NO-EVICT ON\r\n");
  CHECK(world.await(keeper, "+OK\r\n") == "+OK\r\n");
  auto other = world.connect();
  set_client_memory(world, other, 2'000'000);
  pour(world, keeper, half_a_command(3'000'000));
  CHECK_FALSE(keeper.is_closed());
  world.at.run_until([&] { return other.is_closed(); });
}

TEST_CASE("every gateway may hold an equal part of the memory of clients") {
  gateway_world world;
  auto client = world.connect();
  set_client_memory(world, client, 2'000'000);
  world.add_mute_peer();
  auto large = world.connect();
  pour(world, large, half_a_command(1'200'000));
  world.at.run_until([&] { return large.is_closed(); });
}

TEST_CASE("without a bound nobody is closed for memory") {
  gateway_world world;
  auto client = world.connect();
  set_client_memory(world, client, 0);
  pour(world, client, half_a_command(3'000'000));
  await_memory(world, 3'000'000);
  CHECK_FALSE(client.is_closed());
}

TEST_CASE("idle clients give their buffers back") {
  gateway_world world;
  auto client = world.connect();
  client.send("PING\r\n");
  CHECK(world.await(client, "+PONG\r\n") == "+PONG\r\n");
  CHECK(world.statistics().clients.memory_bytes > 10'000);
  world.at.pass(3s);
  CHECK(world.statistics().clients.memory_bytes < 1000);
  client.send("PING\r\n");
  CHECK(world.await(client, "+PONG\r\n+PONG\r\n") == "+PONG\r\n+PONG\r\n");
}

TEST_CASE("the speed of commands and bytes is that of the last seconds") {
  gateway_world world;
  auto client = world.connect();
  std::string expected;
  for (int i = 0; i < 20; ++i) {
    client.send("PING\r\nPING\r\n");
    expected += "+PONG\r\n+PONG\r\n";
    world.await(client, expected);
    world.at.pass(100ms);
  }
  const auto counted = world.statistics().clients;
  CHECK(counted.commands == 40);
  CHECK(counted.commands_per_s == 20);
  CHECK(counted.received_bytes_per_s == 120);
  CHECK(counted.sent_bytes_per_s == 140);
  CHECK(counted.received_bytes == 240);
  CHECK(counted.reads >= 20);
  CHECK(counted.writes >= 20);
}

}  // namespace troupe::tests
