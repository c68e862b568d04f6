#include "actors/node_config.hpp"

#include <doctest/doctest.h>

namespace troupe::tests {

using actors::address;
using actors::node_config;
using actors::parse_address;

namespace {

node_config sound() {
  node_config config;
  config.data_dir = "d";
  return config;
}

std::string refusal(const node_config& config) {
  const auto checked = config.validate();
  return checked ? "" : checked.error().message;
}

}  // namespace

TEST_CASE("addresses are written and read in one way") {
  for (const auto* text : {"127.0.0.1:7379", "localhost:0", "[::1]:65535", "[::]:1"}) {
    CAPTURE(text);
    const auto parsed = parse_address(text);
    REQUIRE(parsed);
    CHECK(to_string(*parsed) == text);
  }
  CHECK(*parse_address("[::1]:0") == address{"::1", 0});
}

TEST_CASE("what is not an address is refused by its text") {
  for (const auto* text :
       {"", ":", "7379", ":7379", "host", "host:", "host:x", "host:-1", "host:1 ", "::1:7379",
        "[::1]", "[::1]7379", "[host]:1", "[]:1", "a b:1", "host:65536", "ho[st:1"}) {
    CAPTURE(text);
    const auto parsed = parse_address(text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().message.find(text) != std::string::npos);
  }
}

TEST_CASE("only addresses of this machine alone are loopback") {
  for (const auto* host : {"localhost", "127.0.0.1", "127.8.9.10", "::1"})
    CHECK(actors::is_loopback({host, 1}));
  for (const auto* host : {"0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org"})
    CHECK_FALSE(actors::is_loopback({host, 1}));
}

TEST_CASE("a sound configuration is accepted, also with free ports on both addresses") {
  CHECK(refusal(sound()).empty());
  auto config = sound();
  config.client_address.port = 0;
  config.http_address.port = 0;
  CHECK(refusal(config).empty());
}

TEST_CASE("an address beyond this machine needs its secret") {
  auto config = sound();
  config.client_address = {"0.0.0.0", 7379};
  CHECK(refusal(config).starts_with("client-address: 0.0.0.0:7379"));
  config.password = "secret";
  CHECK(refusal(config).empty());
  config.http_address = {"::", 8379};
  CHECK(refusal(config).starts_with("http-address: [::]:8379"));
  config.http_token = "secret";
  CHECK(refusal(config).empty());
}

TEST_CASE("numbers outside their range are named with key and range") {
  auto config = sound();
  config.shards = 0;
  CHECK(refusal(config) == "shards: 0 is out of range: 1 to 256");
  config = sound();
  config.reactors = 65;
  CHECK(refusal(config) == "reactors: 65 is out of range: 1 to 64");
  config = sound();
  config.memory_bytes = 0;
  CHECK(refusal(config).starts_with("memory: 0 is out of range"));
  config = sound();
  config.client_memory_bytes = 1000;
  CHECK(refusal(config).starts_with("client-memory: 1000 is out of range"));
  config.client_memory_bytes = 0;
  CHECK(refusal(config).empty());
  config = sound();
  config.segment_bytes = limits::segment_bytes_min + 512;
  CHECK(refusal(config).ends_with("is not a multiple of 4096"));
  config = sound();
  config.commit_timeout_ms = 0;
  CHECK(refusal(config).starts_with("commit-timeout-ms: 0"));
}

TEST_CASE("replicated is refused on a node without followers, and one port for two faces too") {
  auto config = sound();
  config.level = durability::replicated;
  CHECK(refusal(config).starts_with("durability: replicated means on the disks of followers"));
  config = sound();
  config.http_address = config.client_address;
  CHECK(refusal(config).ends_with("choose two ports"));
}

TEST_CASE("everything that is wrong is complained about, not only the first") {
  auto config = sound();
  config.shards = 0;
  config.reactors = 0;
  config.min_isr = 3;
  const auto all = config.complaints();
  REQUIRE(all.size() == 3);
  CHECK(all[0].key == "min-isr");
  CHECK(all[1].key == "reactors");
  CHECK(all[2].key == "shards");
  CHECK(refusal(config).starts_with("min-isr: 3 members can never be in sync"));
}

TEST_CASE("a cluster secret is long enough or absent") {
  auto config = sound();
  config.cluster_secret = std::string(actors::cluster_secret_bytes_min - 1, 'x');
  CHECK(refusal(config).starts_with("cluster-secret: a secret of 15 bytes"));
  config.cluster_secret += 'x';
  CHECK(refusal(config).empty());
}

TEST_CASE("levels are written and read in one way") {
  for (const auto level :
       {durability::memory, durability::interval, durability::durable, durability::replicated})
    CHECK(*actors::parse_durability(actors::to_string(level)) == level);
  CHECK_FALSE(actors::parse_durability("always"));
}

TEST_CASE("a small machine still gets one reactor and some memory") {
  const auto config = node_config::defaults_for({1, 1});
  CHECK(config.reactors == 1);
  CHECK(config.memory_bytes >= 1 << 20);
  CHECK(config.client_memory_bytes == limits::client_bytes_max);
}

TEST_CASE("clients may hold a tenth of the memory of a large machine") {
  const auto config = node_config::defaults_for({8, 1ull << 40});
  CHECK(config.client_memory_bytes == (1ull << 40) / 10);
}

}  // namespace troupe::tests
