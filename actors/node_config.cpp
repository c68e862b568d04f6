#include "actors/node_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace troupe::actors {

namespace {

constexpr std::array<std::pair<std::string_view, durability>, 4> level_names{{
    {"memory", durability::memory},
    {"interval", durability::interval},
    {"durable", durability::durable},
    {"replicated", durability::replicated},
}};

constexpr std::uint64_t memory_bytes_min = 1 << 20;
constexpr std::uint32_t commit_timeout_ms_min = 10;
constexpr std::uint32_t commit_timeout_ms_max = 3'600'000;

using complaint_list = std::vector<setting_complaint>;

void check_range(complaint_list& to, std::string_view key, std::uint64_t value, std::uint64_t least,
                 std::uint64_t most) {
  if (value >= least && value <= most) return;
  to.push_back({key, fmt::format("{} is out of range: {} to {}", value, least, most)});
}

void check_addresses(complaint_list& to, const node_config& config) {
  if (!is_loopback(config.client_address) && config.password.empty()) {
    to.push_back({"client-address",
                  fmt::format("{} can be reached from other machines, so it needs a password: set "
                              "password to a file that holds one, or listen on 127.0.0.1",
                              to_string(config.client_address))});
  }
  if (!is_loopback(config.http_address) && config.http_token.empty()) {
    to.push_back({"http-address",
                  fmt::format("{} can be reached from other machines, so it needs a token: set "
                              "http-token to a file that holds one, or listen on 127.0.0.1",
                              to_string(config.http_address))});
  }
  if (config.client_address == config.http_address && config.client_address.port != 0) {
    to.push_back({"http-address", fmt::format("{} is the client-address too: choose two ports",
                                              to_string(config.http_address))});
  }
}

void check_peer_address(complaint_list& to, const node_config& config) {
  const auto& peer = config.peer_address;
  if (!is_loopback(peer) && config.cluster_secret.empty()) {
    to.push_back({"peer-address",
                  fmt::format("{} can be reached from other machines, so it needs a secret: set "
                              "cluster-secret to a file that holds one, or listen on 127.0.0.1",
                              to_string(peer))});
  }
  if (peer.port != 0 && (peer == config.client_address || peer == config.http_address)) {
    to.push_back({"peer-address",
                  fmt::format("{} is the {} too: choose two ports", to_string(peer),
                              peer == config.client_address ? "client-address" : "http-address")});
  }
  if (!config.advertised_peer) return;
  const auto& told = *config.advertised_peer;
  if (told.port == 0 || told.host == "0.0.0.0" || told.host == "::") {
    to.push_back({"advertise-peer", fmt::format("{} is an address that nobody can dial: name the "
                                                "host and port that other nodes reach this one by",
                                                to_string(told))});
  }
}

/// What only a node with followers could do.
void check_cluster(complaint_list& to, const node_config& config) {
  if (config.level == durability::replicated) {
    to.push_back({"durability",
                  "replicated means on the disks of followers, and this version has none: "
                  "replication between nodes is not built yet"});
  }
  if (config.min_isr == 0) {
    to.push_back({"min-isr", "0 is out of range: the node itself is the first member"});
  } else if (config.min_isr > 1) {
    to.push_back({"min-isr", fmt::format("{} members can never be in sync: the node is alone, "
                                         "since replication between nodes is not built yet",
                                         config.min_isr)});
  }
  const auto secret_bytes = config.cluster_secret.size();
  if (secret_bytes > 0 && secret_bytes < cluster_secret_bytes_min) {
    to.push_back({"cluster-secret", fmt::format("a secret of {} bytes can be guessed: at least {}",
                                                secret_bytes, cluster_secret_bytes_min)});
  }
}

void check_segments(complaint_list& to, std::uint64_t bytes) {
  check_range(to, "segment-size", bytes, limits::segment_bytes_min, limits::segment_bytes_max);
  if (bytes % 4096 != 0) {
    to.push_back({"segment-size", fmt::format("{} is not a multiple of 4096", bytes)});
  }
}

}  // namespace

node_config node_config::defaults_for(const machine& host) {
  node_config config;
  config.reactors = std::clamp(host.cores / 2, 1u, limits::reactors_max);
  config.memory_bytes = std::max(host.memory_bytes / 4, memory_bytes_min);
  config.client_memory_bytes = default_client_memory(host, config.reactors);
  return config;
}

std::uint64_t node_config::default_client_memory(const machine& host, std::uint32_t reactors) {
  const auto gateways = std::min(reactors, limits::reactors_max);
  return std::max<std::uint64_t>(host.memory_bytes / 10, gateways * limits::client_bytes_max);
}

std::vector<setting_complaint> node_config::complaints() const {
  complaint_list all;
  if (data_dir.empty()) {
    all.push_back({"data-dir", "not set: name the directory that holds the node's data"});
  }
  check_addresses(all, *this);
  check_peer_address(all, *this);
  check_cluster(all, *this);
  check_range(all, "memory", memory_bytes, memory_bytes_min, 1ull << 50);
  if (client_memory_bytes != 0) {
    check_range(all, "client-memory", client_memory_bytes, limits::client_memory_bytes_min,
                limits::client_memory_bytes_max);
  }
  check_range(all, "reactors", reactors, 1, limits::reactors_max);
  if (shards) check_range(all, "shards", *shards, 1, limits::shards_max);
  if (segment_bytes) check_segments(all, *segment_bytes);
  check_range(all, "commit-timeout-ms", commit_timeout_ms, commit_timeout_ms_min,
              commit_timeout_ms_max);
  return all;
}

result<void> node_config::validate() const {
  const auto wrong = complaints();
  if (wrong.empty()) return {};
  return failure{errc::refused, fmt::format("{}: {}", wrong.front().key, wrong.front().what)};
}

result<durability> parse_durability(std::string_view text) {
  for (const auto& [name, level] : level_names)
    if (name == text) return level;
  return failure{errc::refused,
                 fmt::format("'{}' is not a durability: memory, interval or durable", text)};
}

std::string_view to_string(durability level) noexcept {
  for (const auto& [name, known] : level_names)
    if (known == level) return name;
  return "unknown";
}

}  // namespace troupe::actors
