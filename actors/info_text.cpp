#include "actors/info_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "actors/connection_commands.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::actors {
namespace {

/// Stands for "there is none", as in Redis.
constexpr std::string_view no_replication_id = "0000000000000000000000000000000000000000";

struct info_source {
  const node_statistics& node;
  const node_config& config;
  const live_settings& settings;

  template <auto Member>
  [[nodiscard]] std::uint64_t total() const {
    std::uint64_t sum = 0;
    for (const auto& shard : node.shards) sum += shard.*Member;
    return sum;
  }
  [[nodiscard]] std::uint64_t total_appended() const {
    std::uint64_t sum = 0;
    for (const auto& shard : node.shards) sum += shard.appended.value;
    return sum;
  }
};

/// Appends lines "name:value".
class info_writer {
 public:
  explicit info_writer(std::string& to) : to_(to) {}

  void section(std::string_view title) {
    if (!to_.empty()) to_ += "\r\n";
    fmt::format_to(std::back_inserter(to_), "# {}\r\n", title);
  }
  template <class Value>
  void field(std::string_view name, const Value& value) {
    fmt::format_to(std::back_inserter(to_), "{}:{}\r\n", name, value);
  }
  /// Bytes, and beside them the same for people: "1.49M".
  void bytes_field(std::string_view name, std::uint64_t bytes) {
    field(name, bytes);
    std::size_t unit = 0;
    auto amount = static_cast<double>(bytes);
    for (; amount >= 1024 && unit + 1 < units.size(); ++unit) amount /= 1024;
    fmt::format_to(std::back_inserter(to_), "{}_human:", name);
    if (unit == 0) {
      fmt::format_to(std::back_inserter(to_), "{}B\r\n", bytes);
    } else {
      fmt::format_to(std::back_inserter(to_), "{:.2f}{}\r\n", amount, units[unit]);
    }
  }

 private:
  static constexpr std::string_view units = "BKMGTP";
  std::string& to_;
};

void write_server(const info_source& from, info_writer& to) {
  const auto uptime_s = from.node.uptime_ms / 1000;
  to.section("Server");
  to.field("redis_version", compatible_redis_version);
  to.field("troupe_version", from.node.version);
  to.field("redis_mode", "standalone");
  to.field("arch_bits", sizeof(void*) * 8);
  to.field("multiplexing_api", "epoll");
  // Port 0 is any free one, which the configuration does not know.
  if (from.config.client_address.port != 0) {
    to.field("tcp_port", from.config.client_address.port);
  }
  to.field("uptime_in_seconds", uptime_s);
  to.field("uptime_in_days", uptime_s / 86400);
  to.field("reactors", from.config.reactors);
  to.field("restarted_actors", from.node.restarted_actors);
}

void write_clients(const info_source& from, info_writer& to) {
  to.section("Clients");
  to.field("connected_clients", from.node.clients.connected);
  to.field("cluster_connections", 0);
  to.field("maxclients", from.settings.clients_max);
  to.field("tracking_clients", 0);
  to.field("held_replies", from.node.clients.held_replies);
}

void write_memory(const info_source& from, info_writer& to) {
  const auto values = from.total<&shard_statistics::resident_value_bytes>();
  const auto index = from.total<&shard_statistics::index_bytes>();
  const auto output = from.node.clients.output_bytes;
  const auto used = values + index + output;
  to.section("Memory");
  to.bytes_field("used_memory", used);
  to.bytes_field("used_memory_rss", from.node.resident_bytes);
  to.field("used_memory_overhead", index + output);
  to.field("used_memory_dataset", values);
  to.bytes_field("maxmemory", from.node.memory_limit_bytes);
  to.field("maxmemory_policy", "noeviction");
  if (used > 0) {
    const auto ratio = static_cast<double>(from.node.resident_bytes) / static_cast<double>(used);
    to.field("mem_fragmentation_ratio", fmt::format("{:.2f}", ratio));
  }
  to.field("mem_clients_normal", output);
  to.field("index_bytes", index);
}

void write_persistence(const info_source& from, info_writer& to) {
  const auto failed = std::ranges::any_of(from.node.shards, &shard_statistics::poisoned);
  to.section("Persistence");
  to.field("loading", 0);
  to.field("async_loading", 0);
  to.field("rdb_changes_since_last_save", from.total_appended() - replication_offset(from.node));
  to.field("rdb_bgsave_in_progress", 0);
  to.field("rdb_last_bgsave_status", "ok");
  to.field("rdb_saves", 0);
  to.field("aof_enabled", 1);
  to.field("aof_rewrite_in_progress", 0);
  to.field("aof_rewrite_scheduled", 0);
  to.field("aof_last_bgrewrite_status", "ok");
  to.field("aof_last_write_status", failed ? "err" : "ok");
  to.field("aof_current_size", from.total<&shard_statistics::segment_bytes>());
  to.field("aof_buffer_length", from.total<&shard_statistics::queued_bytes>());
  to.field("durability", to_string(from.settings.level));
}

void write_stats(const info_source& from, info_writer& to) {
  const auto& clients = from.node.clients;
  to.section("Stats");
  to.field("total_connections_received", clients.accepted);
  to.field("total_commands_processed", clients.commands);
  to.field("total_net_input_bytes", clients.received_bytes);
  to.field("total_net_output_bytes", clients.sent_bytes);
  to.field("rejected_connections", clients.rejected);
  to.field("sync_full", 0);
  to.field("sync_partial_ok", 0);
  to.field("sync_partial_err", 0);
  to.field("expired_keys", from.total<&shard_statistics::expired_keys>());
  to.field("evicted_keys", 0);
  to.field("evicted_clients", 0);
  to.field("evicted_values", from.total<&shard_statistics::evicted_values>());
  to.field("cold_reads", from.total<&shard_statistics::cold_reads>());
  to.field("keyspace_hits", from.total<&shard_statistics::hits>());
  to.field("keyspace_misses", from.total<&shard_statistics::misses>());
  to.field("pubsub_channels", 0);
  to.field("pubsub_patterns", 0);
  to.field("total_error_replies", clients.error_replies);
  to.field("protocol_errors", clients.protocol_errors);
  to.field("authentication_failures", clients.authentication_failures);
  to.field("commit_timeouts", clients.commit_timeouts);
}

void write_replication(const info_source& from, info_writer& to) {
  to.section("Replication");
  to.field("role", "master");
  to.field("connected_slaves", 0);
  to.field("master_failover_state", "no-failover");
  to.field("master_replid", no_replication_id);
  to.field("master_replid2", no_replication_id);
  to.field("master_repl_offset", replication_offset(from.node));
  to.field("second_repl_offset", -1);
  to.field("repl_backlog_active", 0);
}

void write_cpu(const info_source& from, info_writer& to) {
  to.section("CPU");
  for (const auto& one : from.node.reactors) {
    to.field(fmt::format("reactor{}", one.reactor),
             fmt::format("busy_us={},rounds={},messages={},remote_wakeups={}", one.busy_us,
                         one.rounds, one.messages, one.remote_wakeups));
  }
}

void write_modules(const info_source&, info_writer& to) { to.section("Modules"); }

void write_commandstats(const info_source&, info_writer& to) { to.section("Commandstats"); }

void write_errorstats(const info_source&, info_writer& to) { to.section("Errorstats"); }

void write_log(const info_source& from, info_writer& to) {
  power_histogram records, bytes, latency_us;
  for (const auto& shard : from.node.shards) {
    records.merge(shard.commit_records);
    bytes.merge(shard.commit_bytes);
    latency_us.merge(shard.commit_latency_us);
  }
  const auto mean = [](const power_histogram& of) {
    return of.count() == 0 ? 0.0 : static_cast<double>(of.sum()) / static_cast<double>(of.count());
  };
  to.section("Log");
  to.field("appended_records", from.total_appended());
  to.field("durable_records", replication_offset(from.node));
  to.field("appended_bytes", from.total<&shard_statistics::appended_bytes>());
  to.field("written_bytes", from.total<&shard_statistics::written_bytes>());
  to.field("queued_bytes", from.total<&shard_statistics::queued_bytes>());
  to.field("segments", from.total<&shard_statistics::segments>());
  to.field("segment_bytes", from.total<&shard_statistics::segment_bytes>());
  to.field("commits", from.total<&shard_statistics::commits>());
  to.field("commit_records_mean", fmt::format("{:.2f}", mean(records)));
  to.field("commit_bytes_mean", fmt::format("{:.2f}", mean(bytes)));
  to.field("commit_latency_us_mean", fmt::format("{:.2f}", mean(latency_us)));
  to.field("disk_full_rejections", from.total<&shard_statistics::disk_full_rejections>());
}

void write_shards(const info_source& from, info_writer& to) {
  to.section("Shards");
  for (const auto& one : from.node.shards) {
    to.field(fmt::format("shard{}", one.shard.value),
             fmt::format("keys={},appended={},durable={},segments={},queued_bytes={},state={}",
                         one.keys, one.appended.value, one.durable.value, one.segments,
                         one.queued_bytes, one.poisoned ? "failed" : "ok"));
  }
}

void write_cluster(const info_source&, info_writer& to) {
  to.section("Cluster");
  to.field("cluster_enabled", 0);
}

void write_keyspace(const info_source& from, info_writer& to) {
  const auto keys = from.total<&shard_statistics::keys>();
  to.section("Keyspace");
  if (keys == 0) return;
  to.field("db0", fmt::format("keys={},expires={},avg_ttl=0", keys,
                              from.total<&shard_statistics::keys_with_deadline>()));
}

/// Which of the collective names show a section.
enum class shown_by : std::uint8_t { by_default, all };

struct info_section {
  std::string_view name;
  shown_by shown;
  void (*write)(const info_source&, info_writer&);
};

// In the order of the text.
constexpr info_section known_sections[] = {
    {"server", shown_by::by_default, write_server},
    {"clients", shown_by::by_default, write_clients},
    {"memory", shown_by::by_default, write_memory},
    {"persistence", shown_by::by_default, write_persistence},
    {"stats", shown_by::by_default, write_stats},
    {"replication", shown_by::by_default, write_replication},
    {"cpu", shown_by::by_default, write_cpu},
    {"modules", shown_by::by_default, write_modules},
    {"commandstats", shown_by::all, write_commandstats},
    {"errorstats", shown_by::by_default, write_errorstats},
    {"log", shown_by::all, write_log},
    {"shards", shown_by::all, write_shards},
    {"cluster", shown_by::by_default, write_cluster},
    {"keyspace", shown_by::by_default, write_keyspace},
};

bool is_wanted(const info_section& section, std::span<const std::string> wanted) {
  if (wanted.empty()) return section.shown == shown_by::by_default;
  return std::ranges::any_of(wanted, [&](std::string_view word) {
    using resp::equals_ignoring_case;
    return equals_ignoring_case(word, section.name) || equals_ignoring_case(word, "all") ||
           equals_ignoring_case(word, "everything") ||
           (equals_ignoring_case(word, "default") && section.shown == shown_by::by_default);
  });
}

}  // namespace

std::uint64_t replication_offset(const node_statistics& node) noexcept {
  std::uint64_t sum = 0;
  for (const auto& shard : node.shards) sum += shard.durable.value;
  return sum;
}

std::string info_text(const node_statistics& node, const node_config& config,
                      const live_settings& settings, std::span<const std::string> sections) {
  std::string text;
  info_writer to(text);
  const info_source from{node, config, settings};
  for (const auto& section : known_sections) {
    if (is_wanted(section, sections)) section.write(from, to);
  }
  return text;
}

}  // namespace troupe::actors
