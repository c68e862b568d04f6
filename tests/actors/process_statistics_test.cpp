#include "actors/process_statistics.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace troupe::tests {

TEST_CASE("a replication id stands for a node and the histories of its shards") {
  const node_id node{{{1, 2, 3}}};
  const std::vector<history_id> histories{{7}, {8}};
  const auto id = actors::replication_id_of(node, histories);
  CHECK(id.size() == 40);
  CHECK(std::ranges::all_of(
      id, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }));
  CHECK(actors::replication_id_of(node, histories) == id);
  CHECK(actors::replication_id_of({{{1, 2, 4}}}, histories) != id);
  CHECK(actors::replication_id_of(node, std::vector<history_id>{{7}, {9}}) != id);
}

TEST_CASE("figures of the process are those of this process") {
  actors::node_config config;
  config.memory_bytes = 5 << 20;
  actors::node_facts facts;
  facts.run_id = "run";
  actors::node_statistics all;
  actors::add_process_figures(all, config, facts, 1500);
  CHECK(all.uptime_ms == 1500);
  CHECK(all.facts.run_id == "run");
  CHECK(all.memory_limit_bytes == 5 << 20);
  CHECK(all.resident_bytes > 0);
  CHECK(all.resident_bytes_max >= all.resident_bytes);
  CHECK(all.cpu_user_us + all.cpu_system_us > 0);
}

}  // namespace troupe::tests
