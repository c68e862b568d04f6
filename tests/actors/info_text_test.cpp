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
  node.resident_bytes_max = 4 << 20;
  node.memory_limit_bytes = 256ull << 20;
  node.cpu_user_us = 1'500'000;
  node.facts.run_id = std::string(40, 'a');
  node.facts.replication_id = std::string(40, 'b');
  node.facts.client_port = 7379;
  node.facts.own_memory_bytes = 10'000;
  node.facts.process_id = 99;
  node.facts.config_file = "/etc/troupe.toml";
  node.clients.connected = 4;
  node.clients.blocked = 1;
  node.clients.memory_bytes = 464;
  node.clients.memory_limit_bytes = 1 << 20;
  node.clients.commands_per_s = 12;
  node.clients.received_bytes_per_s = 1536;
  node.clients.per_command = {{"get", 5, 1, 2, 42}, {"config|set", 1, 0, 0, 7}};
  node.clients.errors = {{"ERR", 3}, {"NOAUTH", 1}};
  node.shards.resize(2);
  node.shards[0].keys = 10;
  node.shards[0].keys_with_deadline = 1;
  node.shards[0].mean_ttl_ms = 7000;
  node.shards[0].resident_value_bytes = 1000;
  node.shards[0].index_bytes = 536;
  node.shards[0].appended = {30};
  node.shards[0].durable = {20};
  node.shards[0].queued_bytes = 500;
  node.shards[1].shard = {1};
  node.shards[1].keys = 5;
  node.shards[1].keys_with_deadline = 3;
  node.shards[1].mean_ttl_ms = 3000;
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
  for (const auto* line : {"redis_version:7.0.15",
                           "troupe_version:1.2.3",
                           "redis_mode:standalone",
                           "role:master",
                           "loading:0",
                           "connected_slaves:0",
                           "master_repl_offset:27",
                           "aof_enabled:1",
                           "master_replid:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
                           "maxmemory:268435456",
                           "run_id:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
                           "tcp_port:7379",
                           "process_id:99",
                           "config_file:/etc/troupe.toml",
                           "blocked_clients:1",
                           "mem_clients_normal:464",
                           "mem_clients_max:1048576",
                           "used_memory_peak:4194304",
                           "used_cpu_user:1.500000",
                           "instantaneous_ops_per_sec:12",
                           "instantaneous_input_kbps:1.50",
                           "master_replid2:0000000000000000000000000000000000000000",
                           "maxmemory_human:256.00M",
                           "used_memory:12500",
                           "used_memory_human:12.21K",
                           "used_memory_overhead:11500",
                           "used_memory_startup:10000",
                           "used_memory_dataset:1000",
                           "used_memory_dataset_perc:40.00%",
                           "connected_clients:4",
                           "uptime_in_seconds:90061",
                           "uptime_in_days:1",
                           "cluster_enabled:0",
                           "db0:keys=15,expires=4,avg_ttl=4000",
                           "rdb_changes_since_last_save:10"}) {
    CAPTURE(line);
    CHECK(has_line(text, line));
  }
}

TEST_CASE("sections are set apart by an empty line and every line ends in CR LF") {
  CHECK(text_of({"keyspace", "Cluster"}) ==
        "# Cluster\r\ncluster_enabled:0\r\n\r\n"
        "# Keyspace\r\ndb0:keys=15,expires=4,avg_ttl=4000\r\n");
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
        "Commandstats", "Errorstats", "Log", "Shards", "Peers", "Cluster", "Keyspace"}) {
    CAPTURE(title);
    CHECK(has_line(text_of({"all"}), std::string("# ") + title));
  }
}

TEST_CASE("a section that does not exist adds nothing") {
  CHECK(text_of({"nosuch"}).empty());
  CHECK(text_of({"nosuch", "modules", "modules"}) == "# Modules\r\n");
}

TEST_CASE("commands and errors have a line each") {
  CHECK(text_of({"commandstats", "errorstats"}) ==
        "# Commandstats\r\n"
        "cmdstat_get:calls=5,usec=42,usec_per_call=8.40,rejected_calls=1,failed_calls=2\r\n"
        "cmdstat_config|set:calls=1,usec=7,usec_per_call=7.00,rejected_calls=0,failed_calls=0\r\n"
        "\r\n"
        "# Errorstats\r\nerrorstat_ERR:count=3\r\nerrorstat_NOAUTH:count=1\r\n");
}

TEST_CASE("an empty node has no database line") {
  CHECK(text_of({"keyspace"}, node_statistics{}) == "# Keyspace\r\n");
}

TEST_CASE("a failed shard shows in persistence and in its own line") {
  auto node = some_node();
  node.shards[1].poisoned = true;
  node.shards[1].unreadable_records = 3;
  const auto text = text_of({"persistence", "shards"}, node);
  CHECK(has_line(text, "aof_last_write_status:err"));
  CHECK(has_line(text,
                 "shard0:keys=10,appended=30,durable=20,segments=0,queued_bytes=500,"
                 "unreadable_records=0,state=ok"));
  CHECK(has_line(text,
                 "shard1:keys=5,appended=7,durable=7,segments=0,queued_bytes=0,"
                 "unreadable_records=3,state=failed"));
  CHECK(has_line(text_of({"log"}, node), "unreadable_records:3"));
}

TEST_CASE("the log says who waits for its commits") {
  auto node = some_node();
  CHECK(has_line(text_of({"log"}, node), "log_commits_by:thread"));
  for (auto& shard : node.shards) shard.commits_by = actors::log_commits::io_uring;
  CHECK(has_line(text_of({"log"}, node), "log_commits_by:io_uring"));
}

TEST_CASE("commits are averaged over all shards") {
  auto node = some_node();
  node.shards[0].commit_records.record(2);
  node.shards[1].commit_records.record(3);
  CHECK(has_line(text_of({"log"}, node), "commit_records_mean:2.50"));
}

}  // namespace troupe::tests
