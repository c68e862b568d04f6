#include "actors/resp/scan_commands.hpp"

#include <doctest/doctest.h>

#include <set>

#include "actors/resp/scan_cursor.hpp"
#include "tests/actors/resp/command_harness.hpp"
#include "tests/actors/resp/reply_parts.hpp"

namespace troupe::tests {
namespace {

// Follows the cursor to the end.
std::multiset<std::string> scan_all(command_harness& node, std::vector<std::string> options) {
  std::multiset<std::string> keys;
  std::string cursor = "0";
  int calls = 0;
  do {
    std::vector<std::string> command{"scan", cursor};
    command.insert(command.end(), options.begin(), options.end());
    const scan_reply reply = parse_scan_reply(node.run(command));
    keys.insert(reply.keys.begin(), reply.keys.end());
    cursor = reply.cursor;
    REQUIRE(++calls < 10000);
  } while (cursor != "0");
  return keys;
}

TEST_CASE("SCAN finds every key, in one shard and in several") {
  for (const std::uint32_t shards : {1u, 2u, 4u}) {
    command_harness node({.shards = shards, .segments = 8});
    CHECK(scan_all(node, {}).empty());
    std::set<std::string> expected;
    for (int i = 0; i < 500; ++i) {
      expected.insert("key:" + std::to_string(i));
      node.run({"set", "key:" + std::to_string(i), "v"});
    }
    const auto all = scan_all(node, {});
    CHECK(std::set<std::string>(all.begin(), all.end()) == expected);
    CHECK(scan_all(node, {"count", "1000000"}).size() == 500);
    CHECK(scan_all(node, {"MATCH", "key:1?", "COUNT", "3"}).size() == 10);
    CHECK(scan_all(node, {"type", "String"}).size() == 500);
    CHECK(scan_all(node, {"type", "hash"}).empty());
    CHECK(node.run({"dbsize"}) == integer(500));
    CHECK(node.run({"keys", "key:49?"}).starts_with("*10\r\n"));
  }
}

TEST_CASE("one SCAN looks at a bounded number of keys, whatever its COUNT") {
  command_harness node({.segments = 8});
  for (int i = 0; i < 10'000; ++i) node.run({"set", "key:" + std::to_string(i), "v"});
  const auto first = parse_scan_reply(node.run({"scan", "0", "count", "1000000"}));
  CHECK(first.keys.size() > 4000);
  CHECK(first.keys.size() < 5000);
  CHECK(first.cursor != "0");
  const auto none = parse_scan_reply(node.run({"scan", "0", "match", "x*", "count", "1000000"}));
  CHECK(none.keys.empty());
  CHECK(none.cursor == first.cursor);
  const auto all = scan_all(node, {"count", "9223372036854775807"});
  CHECK(std::set<std::string>(all.begin(), all.end()).size() == 10'000);
}

TEST_CASE("wrong arguments of SCAN are refused in Redis' words") {
  command_harness node({.shards = 2, .segments = 8});
  node.run({"set", "k", "v"});
  CHECK(node.run({"scan", "x"}) == error("ERR invalid cursor"));
  CHECK(node.run({"scan", "0", "count", "0"}) == error("ERR syntax error"));
  CHECK(node.run({"scan", "0", "count"}) == error("ERR syntax error"));
  CHECK(node.run({"scan", "0", "foo", "1"}) == error("ERR syntax error"));
  CHECK(node.run({"scan", "0", "count", "x"}) ==
        error("ERR value is not an integer or out of range"));
}

TEST_CASE("a cursor that no shard gave out ends the scan") {
  command_harness node({.shards = 2, .segments = 8});
  node.run({"set", "k", "v"});
  CHECK(node.run({"scan", std::to_string(7ull << 40)}) == "*2\r\n" + bulk("0") + "*0\r\n");
  CHECK(node.run({"scan", "18446744073709551615"}) == "*2\r\n" + bulk("0") + "*0\r\n");
}

TEST_CASE("cursors carry the shard above its own cursor") {
  using resp::decode_cursor;
  using resp::following_cursor;
  CHECK(following_cursor(shard_id{0}, 5, 4) == 5);
  CHECK(following_cursor(shard_id{0}, 0, 4) == 1ull << 40);
  CHECK(following_cursor(shard_id{3}, 9, 4) == ((3ull << 40) | 9));
  CHECK(following_cursor(shard_id{3}, 0, 4) == 0);
  const auto cursor = decode_cursor((3ull << 40) | 9, 4);
  REQUIRE(cursor.has_value());
  CHECK(cursor->shard == shard_id{3});
  CHECK(cursor->local == 9);
  CHECK(!decode_cursor(4ull << 40, 4));
}

TEST_CASE("RANDOMKEY comes from any shard, or is nil") {
  command_harness node({.shards = 4, .segments = 8});
  CHECK(node.run({"randomkey"}) == nil);
  CHECK(node.run({"randomkey"}, resp::protocol::resp3) == "_\r\n");
  node.run({"mset", "a", "1", "b", "1", "c", "1", "d", "1", "e", "1"});
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) seen.insert(node.run({"randomkey"}));
  CHECK(seen.size() == 5);
}

TEST_CASE("FLUSHALL and FLUSHDB empty every shard") {
  command_harness node({.shards = 4, .segments = 8});
  for (const std::vector<std::string>& command : {std::vector<std::string>{"flushall"},
                                                  {"FLUSHDB"},
                                                  {"flushall", "ASYNC"},
                                                  {"flushdb", "sync"}}) {
    node.run({"mset", "a", "1", "b", "1", "c", "1", "d", "1"});
    CHECK(node.run(command) == ok);
    CHECK(node.run({"dbsize"}) == integer(0));
    CHECK(node.run({"keys", "*"}) == "*0\r\n");
  }
  CHECK(node.run({"flushall", "foo"}) == error("ERR syntax error"));
  CHECK(node.run({"flushall", "sync", "sync"}) == error("ERR syntax error"));
}

}  // namespace
}  // namespace troupe::tests
