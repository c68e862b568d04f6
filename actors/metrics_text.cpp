#include "actors/metrics_text.hpp"

#include <fmt/format.h>
#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <string>
#include <utility>
#include <vector>

namespace troupe::actors {

namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

/// Collects families in the order they are named.
class exposition {
 public:
  /// Starts a family; what follows are its metrics.
  void family(MetricType type, std::string name, std::string help) {
    MetricFamily next;
    next.name = std::move(name);
    next.help = std::move(help);
    next.type = type;
    families_.push_back(std::move(next));
  }
  void value(double number, std::vector<ClientMetric::Label> labels = {}) {
    ClientMetric metric;
    metric.label = std::move(labels);
    // The serializer reads the field of the family's type.
    if (families_.back().type == MetricType::Counter)
      metric.counter.value = number;
    else
      metric.gauge.value = number;
    families_.back().metric.push_back(std::move(metric));
  }
  void histogram(const power_histogram& counts, double unit,
                 std::vector<ClientMetric::Label> labels) {
    ClientMetric metric;
    metric.label = std::move(labels);
    metric.histogram.sample_count = counts.count();
    metric.histogram.sample_sum = static_cast<double>(counts.sum()) * unit;
    std::uint64_t cumulative = 0;
    for (std::size_t i = 0; i < power_histogram::bucket_count; ++i) {
      cumulative += counts.in_bucket(i);
      const auto bound = static_cast<double>(power_histogram::upper_bound(i)) * unit;
      metric.histogram.bucket.push_back({cumulative, bound});
    }
    families_.back().metric.push_back(std::move(metric));
  }
  [[nodiscard]] std::string text() const {
    return prometheus::TextSerializer().prometheus::Serializer::Serialize(families_);
  }

 private:
  std::vector<MetricFamily> families_;
};

/// One figure of a struct: counters and gauges are listed as tables to keep them in one place.
template <class Struct>
struct figure {
  MetricType type;
  const char* name;
  const char* help;
  double (*read)(const Struct&);
};

template <auto Member>
constexpr auto read_member = [](const auto& from) { return static_cast<double>(from.*Member); };
template <auto Member>
constexpr auto read_lsn =
    [](const auto& from) { return static_cast<double>((from.*Member).value); };
template <auto Member>
constexpr auto read_seconds_of_us =
    [](const auto& from) { return static_cast<double>(from.*Member) / 1e6; };

using node = node_statistics;
using clients = client_statistics;
using shard = shard_statistics;
using reactor = reactor_statistics;
using links = link_statistics;
using actor = actor_figures;
constexpr auto counter = MetricType::Counter;
constexpr auto gauge = MetricType::Gauge;

const figure<node> node_figures[] = {
    {gauge, "troupe_uptime_seconds", "Time since the node started.",
     [](const node& from) { return static_cast<double>(from.uptime_ms) / 1e3; }},
    {gauge, "troupe_resident_bytes", "Resident memory of the process.",
     read_member<&node::resident_bytes>},
    {gauge, "troupe_resident_bytes_max", "Most resident memory since the start.",
     read_member<&node::resident_bytes_max>},
    {counter, "troupe_cpu_user_seconds_total", "Processor time outside of the kernel.",
     read_seconds_of_us<&node::cpu_user_us>},
    {counter, "troupe_cpu_system_seconds_total", "Processor time in the kernel.",
     read_seconds_of_us<&node::cpu_system_us>},
    {gauge, "troupe_memory_limit_bytes", "Configured bound of cached values.",
     read_member<&node::memory_limit_bytes>},
};

const figure<clients> client_figures[] = {
    {gauge, "troupe_connected_clients", "Open client connections.",
     read_member<&clients::connected>},
    {counter, "troupe_accepted_clients_total", "Connections accepted.",
     read_member<&clients::accepted>},
    {counter, "troupe_rejected_clients_total", "Connections refused above the limit.",
     read_member<&clients::rejected>},
    {counter, "troupe_commands_total", "Commands executed.", read_member<&clients::commands>},
    {counter, "troupe_error_replies_total", "Error replies sent.",
     read_member<&clients::error_replies>},
    {counter, "troupe_client_received_bytes_total", "Bytes read from clients.",
     read_member<&clients::received_bytes>},
    {counter, "troupe_client_sent_bytes_total", "Bytes written to clients.",
     read_member<&clients::sent_bytes>},
    {counter, "troupe_protocol_errors_total", "Connections closed for malformed input.",
     read_member<&clients::protocol_errors>},
    {counter, "troupe_authentication_failures_total", "Wrong passwords.",
     read_member<&clients::authentication_failures>},
    {counter, "troupe_commit_timeouts_total", "Held replies that ran out of time.",
     read_member<&clients::commit_timeouts>},
    {counter, "troupe_evicted_clients_total", "Clients closed because all held too much memory.",
     read_member<&clients::evicted>},
    {gauge, "troupe_client_memory_bytes", "Buffers and commands under way of all clients.",
     read_member<&clients::memory_bytes>},
    {gauge, "troupe_client_memory_limit_bytes", "Bound of that; 0 when there is none.",
     read_member<&clients::memory_limit_bytes>},
    {gauge, "troupe_blocked_clients", "Clients in WAIT or WAITAOF.",
     read_member<&clients::blocked>},
    {gauge, "troupe_client_output_bytes", "Replies not yet read by clients.",
     read_member<&clients::output_bytes>},
    {gauge, "troupe_held_replies", "Replies waiting for a watermark.",
     read_member<&clients::held_replies>},
};

using command = command_figures;
const figure<command> command_figures_of[] = {
    {counter, "troupe_command_calls_total", "Commands executed, by name.",
     read_member<&command::calls>},
    {counter, "troupe_command_rejected_total", "Commands refused before they were executed.",
     read_member<&command::rejected>},
    {counter, "troupe_command_failed_total", "Commands executed and answered with an error.",
     read_member<&command::failed>},
    {counter, "troupe_command_seconds_total", "Time from begin to reply, estimated.",
     read_seconds_of_us<&command::us>},
};

const figure<shard> shard_figures[] = {
    {gauge, "troupe_shard_keys", "Keys.", read_member<&shard::keys>},
    {gauge, "troupe_shard_keys_with_deadline", "Keys that expire.",
     read_member<&shard::keys_with_deadline>},
    {gauge, "troupe_shard_index_bytes", "Memory of index and entries, keys included.",
     read_member<&shard::index_bytes>},
    {gauge, "troupe_shard_resident_value_bytes", "Values held in memory.",
     read_member<&shard::resident_value_bytes>},
    {counter, "troupe_shard_expired_keys_total", "Keys that expired.",
     read_member<&shard::expired_keys>},
    {counter, "troupe_shard_evicted_values_total", "Values that left memory for disk only.",
     read_member<&shard::evicted_values>},
    {counter, "troupe_shard_hits_total", "Lookups of existing keys.", read_member<&shard::hits>},
    {counter, "troupe_shard_misses_total", "Lookups of missing keys.", read_member<&shard::misses>},
    {counter, "troupe_shard_cold_reads_total", "Values read from disk.",
     read_member<&shard::cold_reads>},
    {gauge, "troupe_shard_appended_lsn", "Last record in memory.", read_lsn<&shard::appended>},
    {gauge, "troupe_shard_durable_lsn", "Last record on disk.", read_lsn<&shard::durable>},
    {counter, "troupe_shard_appended_bytes_total", "Records appended, headers included.",
     read_member<&shard::appended_bytes>},
    {counter, "troupe_shard_written_bytes_total", "Frames written, padding included.",
     read_member<&shard::written_bytes>},
    {gauge, "troupe_shard_segments", "Segment files.", read_member<&shard::segments>},
    {gauge, "troupe_shard_segment_bytes", "Disk space of the segment files.",
     read_member<&shard::segment_bytes>},
    {counter, "troupe_shard_commits_total", "Frames committed.", read_member<&shard::commits>},
    {gauge, "troupe_shard_commits_by_io_uring", "1 when no thread waits for small commits.",
     read_member<&shard::commits_by>},
    {gauge, "troupe_shard_queued_bytes", "Records not yet handed to the flusher.",
     read_member<&shard::queued_bytes>},
    {counter, "troupe_shard_disk_full_rejections_total", "Writes refused for lack of space.",
     read_member<&shard::disk_full_rejections>},
    {counter, "troupe_shard_unreadable_records_total",
     "Damaged or unreadable values that a command or a stream gave up on.",
     read_member<&shard::unreadable_records>},
    {gauge, "troupe_shard_disk_full", "1 while no new segment can be made for lack of space.",
     read_member<&shard::disk_full>},
    {gauge, "troupe_shard_poisoned", "1 when a write failed and the shard is read-only.",
     read_member<&shard::poisoned>},
};

struct shard_distribution {
  const char* name;
  const char* help;
  double unit;
  power_histogram shard::*counts;
};

const shard_distribution shard_distributions[] = {
    {"troupe_shard_commit_records", "Records per commit.", 1, &shard::commit_records},
    {"troupe_shard_commit_bytes", "Bytes per commit.", 1, &shard::commit_bytes},
    {"troupe_shard_commit_latency_seconds", "From handing a frame to the flusher to its answer.",
     1e-6, &shard::commit_latency_us},
};

const figure<reactor> reactor_figures[] = {
    {counter, "troupe_reactor_rounds_total", "Rounds of the event loop.",
     read_member<&reactor::rounds>},
    {counter, "troupe_reactor_busy_seconds_total", "Time outside of waiting.",
     read_seconds_of_us<&reactor::busy_us>},
    {counter, "troupe_reactor_messages_total", "Messages handled.",
     read_member<&reactor::messages>},
    {counter, "troupe_reactor_remote_wakeups_total", "Times another thread had to wake it.",
     read_member<&reactor::remote_wakeups>},
};

const figure<links> link_figures[] = {
    {gauge, "troupe_peer_links", "Open links with other nodes.", read_member<&links::members>},
    {gauge, "troupe_peer_consoles", "Open links with consoles.", read_member<&links::operators>},
    {gauge, "troupe_peer_unproved", "Connections that have not proved the secret yet.",
     read_member<&links::unproved>},
    {counter, "troupe_peer_accepted_total", "Connections to the peer address.",
     read_member<&links::accepted>},
    {counter, "troupe_peer_proved_total", "Links that opened.", read_member<&links::proved>},
    {counter, "troupe_peer_hung_up_total", "Connections closed by the other side.",
     read_member<&links::hung_up>},
};

const figure<actor> actor_figures_of[] = {
    {gauge, "troupe_actor_mailbox", "Messages waiting.", read_member<&actor::mailbox>},
    {counter, "troupe_actor_messages_total", "Messages handled.", read_member<&actor::messages>},
    {counter, "troupe_actor_busy_seconds_total", "Time in messages.",
     read_seconds_of_us<&actor::busy_us>},
    {counter, "troupe_actor_restarts_total", "Times an actor was made anew.",
     read_member<&actor::restarts>},
};

}  // namespace

std::string metrics_text(const node_statistics& statistics) {
  exposition out;
  out.family(gauge, "troupe_build_info", "The running version; always 1.");
  out.value(1, {{"version", statistics.version}});
  for (const auto& one : node_figures) {
    out.family(one.type, one.name, one.help);
    out.value(one.read(statistics));
  }
  for (const auto& one : client_figures) {
    out.family(one.type, one.name, one.help);
    out.value(one.read(statistics.clients));
  }
  for (const auto& one : command_figures_of) {
    out.family(one.type, one.name, one.help);
    for (const auto& from : statistics.clients.per_command)
      out.value(one.read(from), {{"command", from.name}});
  }
  out.family(counter, "troupe_errors_total", "Error replies by their code.");
  for (const auto& from : statistics.clients.errors)
    out.value(static_cast<double>(from.count), {{"code", from.code}});
  const auto shard_labels = [](const shard& from) {
    return std::vector<ClientMetric::Label>{{"shard", fmt::to_string(from.shard.value)}};
  };
  for (const auto& one : shard_figures) {
    out.family(one.type, one.name, one.help);
    for (const auto& from : statistics.shards) out.value(one.read(from), shard_labels(from));
  }
  for (const auto& one : shard_distributions) {
    out.family(MetricType::Histogram, one.name, one.help);
    for (const auto& from : statistics.shards)
      out.histogram(from.*one.counts, one.unit, shard_labels(from));
  }
  for (const auto& one : reactor_figures) {
    out.family(one.type, one.name, one.help);
    for (const auto& from : statistics.reactors)
      out.value(one.read(from), {{"reactor", fmt::to_string(from.reactor)}});
  }
  for (const auto& one : link_figures) {
    out.family(one.type, one.name, one.help);
    out.value(one.read(statistics.links));
  }
  out.family(counter, "troupe_peer_refused_total", "Connections refused or closed, by reason.");
  for (const auto& from : statistics.links.refused)
    out.value(static_cast<double>(from.count), {{"reason", from.reason}});
  for (const auto& one : actor_figures_of) {
    out.family(one.type, one.name, one.help);
    for (const auto& from : statistics.actors)
      out.value(one.read(from), {{"actor", from.name}, {"place", from.place}});
  }
  return out.text();
}

}  // namespace troupe::actors
