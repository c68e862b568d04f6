#include "actors/info_text.hpp"

#include <doctest/doctest.h>

namespace troupe::tests {

using actors::info_text;
using actors::live_settings;
using actors::node_config;
using actors::node_statistics;

namespace {

node_statistics some_node() {
  node_statistics node;
  node.version = "1.2.3";
  node.uptime_ms = 90'061'000;
  node.resident_bytes = 3 << 20;
  node.memory_limit_bytes = 256ull << 20;
  node.clients.connected = 4;
  node.shards.resize(2);
  node.shards[0].keys = 10;
  node.shards[0].keys_with_deadline = 1;
  node.shards[0].resident_value_bytes = 1000;
  node.shards[0].index_bytes = 536;
  node.shards[0].appended = {30};
  node.shards[0].durable = {20};
  node.shards[1].shard = {1};
  node.shards[1].keys = 5;
  node.shards[1].appended = {7};
  node.shards[1].durable = {7};
  return node;
}

std::string text_of(const std::vector<std::string>& sections,
                    const node_statistics& node = some_node()) {
  return info_text(node, node_config{}, live_settings{}, sections);
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\r\n") != std::string::npos;
}

}  // namespace

TEST_CASE("the fields that clients read are there") {
  const auto text = text_of({});
  for (const auto* line :
       {"redis_version:7.0.15", "troupe_version:1.2.3", "redis_mode:standalone", "role:master",
        "loading:0", "connected_slaves:0", "master_repl_offset:27", "aof_enabled:1",
        "master_replid:0000000000000000000000000000000000000000", "maxmemory:268435456",
        "maxmemory_human:256.00M", "used_memory:1536", "used_memory_human:1.50K",
        "connected_clients:4", "uptime_in_seconds:90061", "uptime_in_days:1", "cluster_enabled:0",
        "db0:keys=15,expires=1,avg_ttl=0", "rdb_changes_since_last_save:10"}) {
    CAPTURE(line);
    CHECK(has_line(text, line));
  }
}

TEST_CASE("sections are set apart by an empty line and every line ends in CR LF") {
  CHECK(text_of({"keyspace", "Cluster"}) ==
        "# Cluster\r\ncluster_enabled:0\r\n\r\n"
        "# Keyspace\r\ndb0:keys=15,expires=1,avg_ttl=0\r\n");
  const auto all = text_of({"everything"});
  for (std::size_t at = all.find('\n'); at != std::string::npos; at = all.find('\n', at + 1)) {
    REQUIRE(at > 0);
    CHECK(all[at - 1] == '\r');
  }
}

TEST_CASE("collective names show the sections they stand for") {
  CHECK(text_of({}) == text_of({"DEFAULT"}));
  CHECK(text_of({}).find("# Log\r\n") == std::string::npos);
  CHECK(text_of({"default", "log"}).find("# Log\r\n") != std::string::npos);
  CHECK(text_of({"all"}) == text_of({"everything"}));
  for (const auto* title :
       {"Server", "Clients", "Memory", "Persistence", "Stats", "Replication", "CPU", "Modules",
        "Commandstats", "Errorstats", "Log", "Shards", "Cluster", "Keyspace"}) {
    CAPTURE(title);
    CHECK(has_line(text_of({"all"}), std::string("# ") + title));
  }
}

TEST_CASE("a section that does not exist adds nothing") {
  CHECK(text_of({"nosuch"}).empty());
  CHECK(text_of({"nosuch", "modules", "modules"}) == "# Modules\r\n");
}

TEST_CASE("an empty node has no database line") {
  CHECK(text_of({"keyspace"}, node_statistics{}) == "# Keyspace\r\n");
}

TEST_CASE("a failed shard shows in persistence and in its own line") {
  auto node = some_node();
  node.shards[1].poisoned = true;
  const auto text = text_of({"persistence", "shards"}, node);
  CHECK(has_line(text, "aof_last_write_status:err"));
  CHECK(has_line(text, "shard0:keys=10,appended=30,durable=20,segments=0,queued_bytes=0,state=ok"));
  CHECK(
      has_line(text, "shard1:keys=5,appended=7,durable=7,segments=0,queued_bytes=0,state=failed"));
}

TEST_CASE("commits are averaged over all shards") {
  auto node = some_node();
  node.shards[0].commit_records.record(2);
  node.shards[1].commit_records.record(3);
  CHECK(has_line(text_of({"log"}, node), "commit_records_mean:2.50"));
}

}  // namespace troupe::tests
