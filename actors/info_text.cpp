#include "actors/info_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <string_view>
#include <utility>

#include "actors/connection_commands.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::actors {
namespace {

/// Upkeep of shards and clients runs so often.
constexpr int ticks_per_second = 10;

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
  /// Figures that are 0 in a node without what they count.
  void zeros(std::initializer_list<std::string_view> names) {
    for (const auto name : names) field(name, 0);
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
  const auto& facts = from.node.facts;
  const auto uptime_s = from.node.uptime_ms / 1000;
  to.section("Server");
  to.field("redis_version", compatible_redis_version);
  to.field("troupe_version", from.node.version);
  to.field("redis_mode", "standalone");
  to.field("os", facts.system);
  to.field("arch_bits", sizeof(void*) * 8);
  to.field("monotonic_clock", "POSIX clock_gettime");
  to.field("multiplexing_api", "epoll");
  to.field("gcc_version", fmt::format("{}.{}.{}", __GNUC__, __GNUC_MINOR__, __GNUC_PATCHLEVEL__));
  to.field("process_id", facts.process_id);
  to.field("process_supervised", "no");
  to.field("run_id", facts.run_id);
  to.field("tcp_port", facts.client_port);
  to.field("uptime_in_seconds", uptime_s);
  to.field("uptime_in_days", uptime_s / 86400);
  to.field("hz", ticks_per_second);
  to.field("configured_hz", ticks_per_second);
  to.field("executable", facts.executable);
  to.field("config_file", facts.config_file);
  to.field("io_threads_active", 0);
  to.field("reactors", from.config.reactors);
}

void write_clients(const info_source& from, info_writer& to) {
  const auto& clients = from.node.clients;
  to.section("Clients");
  to.field("connected_clients", clients.connected);
  to.field("cluster_connections", 0);
  to.field("maxclients", from.settings.clients_max);
  to.field("client_recent_max_input_buffer", clients.recent_input_max);
  to.field("client_recent_max_output_buffer", clients.recent_output_max);
  to.field("blocked_clients", clients.blocked);
  to.field("tracking_clients", 0);
  to.field("held_replies", clients.held_replies);
}

std::string percentage(std::uint64_t part, std::uint64_t whole) {
  const auto ratio =
      whole == 0 ? 0.0 : static_cast<double>(part) * 100 / static_cast<double>(whole);
  return fmt::format("{:.2f}%", ratio);
}

void write_memory(const info_source& from, info_writer& to) {
  const auto& node = from.node;
  const auto values = from.total<&shard_statistics::resident_value_bytes>();
  const auto index = from.total<&shard_statistics::index_bytes>();
  const auto queued = from.total<&shard_statistics::queued_bytes>();
  // All that a node holds and that grows, beside what it began with.
  const auto startup = node.facts.own_memory_bytes;
  const auto overhead = startup + index + node.clients.memory_bytes + queued;
  const auto used = overhead + values;
  // What is resident was used at some time, so this is never below what is used now.
  const auto peak = std::max(used, node.resident_bytes_max);
  to.section("Memory");
  to.bytes_field("used_memory", used);
  to.bytes_field("used_memory_rss", node.resident_bytes);
  to.bytes_field("used_memory_peak", peak);
  to.field("used_memory_peak_perc", percentage(used, peak));
  to.field("used_memory_overhead", overhead);
  to.field("used_memory_startup", startup);
  to.field("used_memory_dataset", values);
  to.field("used_memory_dataset_perc", percentage(values, used - startup));
  to.bytes_field("total_system_memory", node.facts.machine_memory_bytes);
  to.bytes_field("maxmemory", node.memory_limit_bytes);
  to.field("maxmemory_policy", "noeviction");
  if (used > 0) {
    const auto ratio = static_cast<double>(node.resident_bytes) / static_cast<double>(used);
    to.field("mem_fragmentation_ratio", fmt::format("{:.2f}", ratio));
  }
  to.field("mem_fragmentation_bytes",
           static_cast<std::int64_t>(node.resident_bytes) - static_cast<std::int64_t>(used));
  to.zeros({"mem_not_counted_for_evict", "mem_replication_backlog", "mem_clients_slaves"});
  to.field("mem_clients_normal", node.clients.memory_bytes);
  to.field("mem_clients_max", node.clients.memory_limit_bytes);
  to.field("mem_aof_buffer", queued);
  to.field("mem_allocator", "libc");
  to.zeros({"active_defrag_running"});
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
  const auto kilobytes = [](std::uint64_t bytes) {
    return fmt::format("{:.2f}", static_cast<double>(bytes) / 1024);
  };
  to.section("Stats");
  to.field("total_connections_received", clients.accepted);
  to.field("total_commands_processed", clients.commands);
  to.field("instantaneous_ops_per_sec", clients.commands_per_s);
  to.field("total_net_input_bytes", clients.received_bytes);
  to.field("total_net_output_bytes", clients.sent_bytes);
  to.field("instantaneous_input_kbps", kilobytes(clients.received_bytes_per_s));
  to.field("instantaneous_output_kbps", kilobytes(clients.sent_bytes_per_s));
  to.field("rejected_connections", clients.rejected);
  to.zeros({"sync_full", "sync_partial_ok", "sync_partial_err"});
  to.field("expired_keys", from.total<&shard_statistics::expired_keys>());
  to.field("evicted_keys", 0);
  to.field("evicted_clients", clients.evicted);
  to.field("evicted_values", from.total<&shard_statistics::evicted_values>());
  to.field("cold_reads", from.total<&shard_statistics::cold_reads>());
  to.field("keyspace_hits", from.total<&shard_statistics::hits>());
  to.field("keyspace_misses", from.total<&shard_statistics::misses>());
  to.zeros({"pubsub_channels", "pubsub_patterns", "pubsubshard_channels", "latest_fork_usec",
            "total_forks", "migrate_cached_sockets", "slave_expires_tracked_keys",
            "tracking_total_keys", "tracking_total_items", "tracking_total_prefixes"});
  to.field("total_error_replies", clients.error_replies);
  to.field("total_reads_processed", clients.reads);
  to.field("total_writes_processed", clients.writes);
  to.field("protocol_errors", clients.protocol_errors);
  to.field("authentication_failures", clients.authentication_failures);
  to.field("commit_timeouts", clients.commit_timeouts);
}

void write_replication(const info_source& from, info_writer& to) {
  to.section("Replication");
  to.field("role", "master");
  to.field("connected_slaves", 0);
  to.field("master_failover_state", "no-failover");
  to.field("master_replid", from.node.facts.replication_id);
  to.field("master_replid2", no_replication_id);
  to.field("master_repl_offset", replication_offset(from.node));
  to.field("second_repl_offset", -1);
  to.zeros({"repl_backlog_active", "repl_backlog_size", "repl_backlog_first_byte_offset",
            "repl_backlog_histlen"});
}

void write_cpu(const info_source& from, info_writer& to) {
  const auto seconds = [](std::uint64_t us) {
    return fmt::format("{:.6f}", static_cast<double>(us) / 1e6);
  };
  to.section("CPU");
  to.field("used_cpu_sys", seconds(from.node.cpu_system_us));
  to.field("used_cpu_user", seconds(from.node.cpu_user_us));
  // There are no children.
  to.field("used_cpu_sys_children", seconds(0));
  to.field("used_cpu_user_children", seconds(0));
  for (const auto& one : from.node.reactors) {
    to.field(fmt::format("reactor{}", one.reactor),
             fmt::format("busy_us={},rounds={},messages={},remote_wakeups={}", one.busy_us,
                         one.rounds, one.messages, one.remote_wakeups));
  }
}

void write_modules(const info_source&, info_writer& to) { to.section("Modules"); }

/// The fields stand where readers look for them, some by position.
void write_commandstats(const info_source& from, info_writer& to) {
  to.section("Commandstats");
  for (const auto& one : from.node.clients.per_command) {
    const auto per_call =
        one.calls == 0 ? 0.0 : static_cast<double>(one.us) / static_cast<double>(one.calls);
    to.field("cmdstat_" + one.name,
             fmt::format("calls={},usec={},usec_per_call={:.2f},rejected_calls={},failed_calls={}",
                         one.calls, one.us, per_call, one.rejected, one.failed));
  }
}

void write_errorstats(const info_source& from, info_writer& to) {
  to.section("Errorstats");
  for (const auto& one : from.node.clients.errors) {
    to.field("errorstat_" + one.code, fmt::format("count={}", one.count));
  }
}

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
  const auto by_io_uring =
      std::ranges::count(from.node.shards, log_commits::io_uring, &shard_statistics::commits_by);
  to.field("log_commits_by", by_io_uring > 0 ? "io_uring" : "thread");
  to.field("disk_full_rejections", from.total<&shard_statistics::disk_full_rejections>());
  to.field("unreadable_records", from.total<&shard_statistics::unreadable_records>());
}

std::string_view state_of(const shard_statistics& shard) {
  if (shard.poisoned) return "failed";
  return shard.disk_full ? "disk_full" : "ok";
}

void write_shards(const info_source& from, info_writer& to) {
  to.section("Shards");
  for (const auto& one : from.node.shards) {
    to.field(fmt::format("shard{}", one.shard.value),
             fmt::format("keys={},appended={},durable={},segments={},queued_bytes={},"
                         "unreadable_records={},state={}",
                         one.keys, one.appended.value, one.durable.value, one.segments,
                         one.queued_bytes, one.unreadable_records, state_of(one)));
  }
}

void write_peers(const info_source& from, info_writer& to) {
  const auto& links = from.node.links;
  to.section("Peers");
  to.field("peer_address", from.node.facts.peer_address);
  to.field("peer_announced", from.node.facts.announced_peer);
  to.field("peer_links", links.members);
  to.field("peer_consoles", links.operators);
  to.field("peer_unproved", links.unproved);
  to.field("peer_accepted", links.accepted);
  to.field("peer_proved", links.proved);
  to.field("peer_hung_up", links.hung_up);
  for (const auto& one : links.refused) to.field("peer_refused_" + one.reason, one.count);
}

void write_cluster(const info_source&, info_writer& to) {
  to.section("Cluster");
  to.field("cluster_enabled", 0);
}

void write_keyspace(const info_source& from, info_writer& to) {
  const auto keys = from.total<&shard_statistics::keys>();
  to.section("Keyspace");
  if (keys == 0) return;
  const auto expires = from.total<&shard_statistics::keys_with_deadline>();
  double ttls_ms = 0;
  for (const auto& shard : from.node.shards) {
    ttls_ms +=
        static_cast<double>(shard.mean_ttl_ms) * static_cast<double>(shard.keys_with_deadline);
  }
  const auto mean_ms = expires == 0 ? 0.0 : ttls_ms / static_cast<double>(expires);
  to.field("db0", fmt::format("keys={},expires={},avg_ttl={:.0f}", keys, expires, mean_ms));
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
    {"peers", shown_by::all, write_peers},
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
