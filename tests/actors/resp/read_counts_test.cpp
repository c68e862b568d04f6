// Which commands count as reads, with hits and misses as redis-server 7.0.15 counts them.
#include <doctest/doctest.h>

#include "tests/actors/resp/command_harness.hpp"

namespace troupe::tests {
namespace {

struct counted_command {
  std::vector<std::string> words;
  std::uint64_t hits;
  std::uint64_t misses;
};

// In this order, after SET a 1 and SET b 2. Seen on redis-server 7.0.15.
const counted_command commands[] = {
    {{"GET", "a"}, 1, 0},
    {{"GET", "none"}, 0, 1},
    {{"MGET", "a", "none", "b"}, 2, 1},
    {{"EXISTS", "a", "none"}, 1, 1},
    {{"TOUCH", "a", "none"}, 1, 1},
    {{"TTL", "a"}, 1, 0},
    {{"PTTL", "none"}, 0, 1},
    {{"EXPIRETIME", "a"}, 1, 0},
    {{"PEXPIRETIME", "none"}, 0, 1},
    {{"TYPE", "a"}, 1, 0},
    {{"TYPE", "none"}, 0, 1},
    {{"STRLEN", "a"}, 1, 0},
    {{"STRLEN", "none"}, 0, 1},
    {{"GETEX", "a", "EX", "100"}, 1, 0},
    {{"GETEX", "a", "EX", "x"}, 1, 0},
    {{"GETEX", "none"}, 0, 1},
    {{"GETRANGE", "a", "0", "1"}, 1, 0},
    {{"GETRANGE", "a", "x", "1"}, 0, 0},
    {{"OBJECT", "ENCODING", "a"}, 1, 0},
    {{"OBJECT", "ENCODING", "none"}, 0, 1},
    {{"OBJECT", "REFCOUNT", "a"}, 1, 0},
    {{"OBJECT", "FREQ", "a"}, 1, 0},
    {{"OBJECT", "IDLETIME", "none"}, 0, 1},
    {{"MEMORY", "USAGE", "a"}, 0, 0},
    {{"MEMORY", "USAGE", "none"}, 0, 0},
    {{"SET", "a", "1"}, 0, 0},
    {{"SET", "a", "1", "NX"}, 0, 0},
    {{"SET", "a", "1", "GET"}, 1, 0},
    {{"SET", "none", "1", "XX", "GET"}, 0, 1},
    {{"SETNX", "a", "1"}, 0, 0},
    {{"GETSET", "a", "1"}, 1, 0},
    {{"GETSET", "c", "1"}, 0, 1},
    {{"GETDEL", "c"}, 1, 0},
    {{"GETDEL", "c"}, 0, 1},
    {{"APPEND", "a", "1"}, 0, 0},
    {{"INCR", "a"}, 0, 0},
    {{"SETRANGE", "a", "0", ""}, 0, 0},
    {{"DEL", "none"}, 0, 0},
    {{"EXPIRE", "a", "100"}, 0, 0},
    {{"PERSIST", "a"}, 0, 0},
    {{"COPY", "a", "b"}, 1, 0},
    {{"COPY", "a", "b", "REPLACE"}, 1, 0},
    {{"COPY", "none", "b"}, 0, 1},
    {{"COPY", "a", "a"}, 0, 0},
    {{"RENAME", "b", "c"}, 0, 0},
    {{"RENAMENX", "c", "b"}, 0, 0},
    {{"RENAMENX", "a", "b"}, 0, 0},
    {{"MSET", "x", "1", "y", "2"}, 0, 0},
    {{"MSETNX", "x", "1", "z", "2"}, 0, 0},
    {{"RANDOMKEY"}, 0, 0},
    {{"KEYS", "*"}, 0, 0},
};

kv::read_counts reads_of(command_harness& node, std::uint32_t shards) {
  kv::read_counts all;
  for (std::uint32_t i = 0; i < shards; ++i) {
    all.hits += node.store(i).reads().hits;
    all.misses += node.store(i).reads().misses;
  }
  return all;
}

}  // namespace

TEST_CASE("reads count as hits and misses the way Redis counts them, over any number of shards") {
  for (const std::uint32_t shards : {1u, 3u}) {
    command_harness node({.shards = shards});
    node.run({"SET", "a", "1"});
    node.run({"SET", "b", "2"});
    for (const auto& [words, hits, misses] : commands) {
      const auto& sent = words;  // clang 14 captures no structured binding
      CAPTURE(shards);
      CAPTURE(sent[0]);
      CAPTURE(sent.back());
      const auto before = reads_of(node, shards);
      node.run(words);
      const auto after = reads_of(node, shards);
      CHECK(after.hits - before.hits == hits);
      CHECK(after.misses - before.misses == misses);
    }
  }
}

TEST_CASE("SCAN reads the keys it matches only when it is asked for a type") {
  command_harness node;
  for (const auto* key : {"a", "b", "c"}) node.run({"SET", key, "1"});
  node.run({"SCAN", "0", "COUNT", "100"});
  CHECK(node.store().reads().hits == 0);
  node.run({"SCAN", "0", "COUNT", "100", "TYPE", "string"});
  CHECK(node.store().reads().hits == 3);
  node.run({"SCAN", "0", "COUNT", "100", "TYPE", "list", "MATCH", "a"});
  CHECK(node.store().reads().hits == 4);
}

TEST_CASE("a read that met a cold value and runs again counts once") {
  command_harness node({.memory_bytes = 0});
  const std::string value(1000, 'v');
  node.run({"SET", "k", value});
  node.evict_all();
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"GET", "k"}, {"MGET", "k", "none"}}) {
    const auto before = node.store().reads();
    std::string reply;
    REQUIRE(node.call(words, reply) == resp::exec_status::cold);
    CHECK(node.store().reads().hits == before.hits);
    CHECK(node.store().reads().misses == before.misses);
    const kv::cold_read wanted = node.store().missing().front();
    node.store().supply(wanted, value);
    REQUIRE(node.call(words, reply) == resp::exec_status::done);
    CHECK(node.store().reads().hits == before.hits + 1);
    node.store().drop_loans();
  }
  CHECK(node.store().reads().misses == 1);
}

}  // namespace troupe::tests
