// Answers of a node as people and scripts see them.
#include "tools/console_text.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <sstream>

#include "tools/console_json.hpp"
#include "tools/console_session.hpp"

namespace troupe::tests {

using actors::console_answer;
using tools::colours;
using tools::console_json;
using tools::console_text;

namespace {

std::size_t widest(const std::string& text) {
  std::size_t most = 0;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) most = std::max(most, line.size());
  return most;
}

actors::actor_tree large_tree() {
  actors::actor_tree tree;
  tree.node.reactors.push_back({0, UINT64_MAX, 86'400'000'000, 9'999'999'999, 1});
  tree.actors.push_back(
      {"wal_flusher/255", "reactor 0", "running", 99'999, 9'999'999'999, 3'600'000'000'000, 100});
  tree.actors.push_back({"log_worker/3", "thread", "dead", 0, 7, 12, 0});
  tree.node.links.links.push_back({"peer_link/123456", "reactor 0",
                                   "operator [2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535", 0, 1,
                                   1, 0});
  return tree;
}

}  // namespace

TEST_CASE("numbers, bytes and times are short and grouped") {
  CHECK(tools::grouped(0) == "0");
  CHECK(tools::grouped(999) == "999");
  CHECK(tools::grouped(1000) == "1,000");
  CHECK(tools::grouped(1234567) == "1,234,567");
  CHECK(tools::short_bytes(1023) == "1023 B");
  CHECK(tools::short_bytes(1536) == "1.5 KiB");
  CHECK(tools::short_bytes(64ull << 20) == "64 MiB");
  CHECK(tools::short_bytes(1023ull << 20) == "1.0 GiB");
  CHECK(tools::short_bytes(UINT64_MAX) == "16 EiB");
  CHECK(tools::short_time(999) == "999 us");
  CHECK(tools::short_time(12'345) == "12.3 ms");
  CHECK(tools::short_time(61'000'000) == "61.00 s");
  CHECK(tools::short_time(7'200'000'000) == "2.0 h");
}

TEST_CASE("tables fit 80 columns, whatever the numbers and names") {
  const console_answer tree(large_tree());
  const auto text = console_text(tree, "actors", colours::never);
  CHECK(widest(text) <= 80);
  CHECK(text.find("log_worker/3  dead") != std::string::npos);
  CHECK(text.find('\x1b') == std::string::npos);
  actors::node_statistics node;
  auto& shard = node.shards.emplace_back();
  shard.shard = {255};
  shard.keys = shard.hits = shard.misses = 999'999'999;
  shard.appended = shard.durable = {9'999'999'999};
  shard.disk_full = true;
  shard.segment_bytes = shard.written_bytes = 999ull << 40;
  shard.commits = 99'999'999;
  CHECK(widest(console_text(node, "shards", colours::never)) <= 80);
  CHECK(widest(console_text(node, "log", colours::never)) <= 80);
}

TEST_CASE("headings and what is wrong have colours on a terminal only") {
  const console_answer tree(large_tree());
  const auto text = console_text(tree, "actors", colours::terminal);
  CHECK(text.starts_with("\x1b[1mactor"));
  CHECK(text.find("\x1b[31m  log_worker/3") != std::string::npos);
}

TEST_CASE("JSON is one line, with every field, and bytes that are no text are replaced") {
  CHECK(console_json(actors::console_failed{"a \"word\""}, {}) ==
        "{\"error\":\"a \\\"word\\\"\"}\n");
  CHECK(console_json(std::vector<actors::name_and_value>{{"dir", "\xff"}}, "config") ==
        "{\"dir\":\"\xef\xbf\xbd\"}\n");
  CHECK(console_json(console_answer(large_tree()), "actors").find("\"state\":\"dead\"") !=
        std::string::npos);
}

TEST_CASE("a line is split into words, quotes keep blanks") {
  const auto words = tools::split_words("  config set\tdir 'a b'\"c\" \"\" ");
  REQUIRE(words);
  CHECK(*words == std::vector<std::string>{"config", "set", "dir", "a bc", ""});
  CHECK(tools::split_words("")->empty());
  CHECK_FALSE(tools::split_words("say 'no"));
}

}  // namespace troupe::tests
