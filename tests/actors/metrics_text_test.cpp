#include "actors/metrics_text.hpp"

#include <doctest/doctest.h>

namespace troupe::tests {

using actors::metrics_text;
using actors::node_statistics;
using actors::power_histogram;

namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

}  // namespace

TEST_CASE("a value counts in the first bucket whose bound is not below it") {
  power_histogram counts;
  for (const std::uint64_t value : {0u, 1u, 2u, 3u, 4u, 5u}) counts.record(value);
  CHECK(counts.in_bucket(0) == 2);
  CHECK(counts.in_bucket(1) == 1);
  CHECK(counts.in_bucket(2) == 2);
  CHECK(counts.in_bucket(3) == 1);
  counts.record(UINT64_MAX / 2);
  CHECK(counts.count() == 7);
}

TEST_CASE("merged histograms count what both counted") {
  power_histogram a;
  power_histogram b;
  a.record(3);
  b.record(4);
  b.record(100);
  a.merge(b);
  CHECK(a.in_bucket(2) == 2);
  CHECK(a.count() == 3);
  CHECK(a.sum() == 107);
}

TEST_CASE("every figure appears with its labels and type") {
  node_statistics node;
  node.version = "1.2.3";
  node.uptime_ms = 1500;
  node.clients.commands = 42;
  node.clients.per_command = {{"get", 5, 1, 2, 1500}};
  node.clients.errors = {{"ERR", 3}};
  node.shards.resize(2);
  node.shards[1].shard = {1};
  node.shards[1].keys = 7;
  node.shards[1].durable = {900};
  node.shards[1].poisoned = true;
  node.shards[1].unreadable_records = 3;
  node.shards[1].commits_by = actors::log_commits::io_uring;
  node.shards[0].commit_latency_us.record(80);
  node.reactors.resize(1);
  node.reactors[0].busy_us = 2'000'000;
  const auto text = metrics_text(node);
  CHECK(has_line(text, "troupe_build_info{version=\"1.2.3\"} 1"));
  CHECK(has_line(text, "troupe_uptime_seconds 1.5"));
  CHECK(has_line(text, "# TYPE troupe_commands_total counter"));
  CHECK(has_line(text, "troupe_commands_total 42"));
  CHECK(has_line(text, "troupe_command_calls_total{command=\"get\"} 5"));
  CHECK(has_line(text, "troupe_command_failed_total{command=\"get\"} 2"));
  CHECK(has_line(text, "troupe_command_seconds_total{command=\"get\"} 0.0015"));
  CHECK(has_line(text, "troupe_errors_total{code=\"ERR\"} 3"));
  CHECK(has_line(text, "troupe_shard_keys{shard=\"0\"} 0"));
  CHECK(has_line(text, "troupe_shard_keys{shard=\"1\"} 7"));
  CHECK(has_line(text, "troupe_shard_durable_lsn{shard=\"1\"} 900"));
  CHECK(has_line(text, "troupe_shard_poisoned{shard=\"1\"} 1"));
  CHECK(has_line(text, "troupe_shard_unreadable_records_total{shard=\"1\"} 3"));
  CHECK(has_line(text, "troupe_shard_commits_by_io_uring{shard=\"0\"} 0"));
  CHECK(has_line(text, "troupe_shard_commits_by_io_uring{shard=\"1\"} 1"));
  CHECK(has_line(text, "troupe_shard_commit_latency_seconds_count{shard=\"0\"} 1"));
  CHECK(has_line(text, "troupe_shard_commit_latency_seconds_bucket{shard=\"0\",le=\"+Inf\"} 1"));
  CHECK(has_line(text, "troupe_reactor_busy_seconds_total{reactor=\"0\"} 2"));
}

TEST_CASE("links and actors appear with their reasons and names") {
  node_statistics node;
  node.links.members = 2;
  node.links.refused = {{"bad_proof", 3}};
  node.actors = {{"shard/1", "reactor 0", "running", 4, 5, 6'000'000, 7}};
  const auto text = metrics_text(node);
  CHECK(has_line(text, "troupe_peer_links 2"));
  CHECK(has_line(text, "troupe_peer_refused_total{reason=\"bad_proof\"} 3"));
  CHECK(has_line(text, "troupe_actor_mailbox{actor=\"shard/1\",place=\"reactor 0\"} 4"));
  CHECK(has_line(text, "troupe_actor_messages_total{actor=\"shard/1\",place=\"reactor 0\"} 5"));
  CHECK(has_line(text, "troupe_actor_busy_seconds_total{actor=\"shard/1\",place=\"reactor 0\"} 6"));
  CHECK(has_line(text, "troupe_actor_restarts_total{actor=\"shard/1\",place=\"reactor 0\"} 7"));
}

TEST_CASE("large counters keep every digit") {
  node_statistics node;
  node.clients.sent_bytes = 123'456'789'012'345;
  CHECK(has_line(metrics_text(node), "troupe_client_sent_bytes_total 123456789012345"));
}

}  // namespace troupe::tests
