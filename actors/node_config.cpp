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

failure refuse(std::string sentence) { return {errc::refused, std::move(sentence)}; }

result<void> check_range(std::string_view key, std::uint64_t value, std::uint64_t least,
                         std::uint64_t most) {
  if (value >= least && value <= most) return {};
  return refuse(fmt::format("{} = {} is out of range: {} to {}", key, value, least, most));
}

result<void> check_addresses(const node_config& config) {
  if (!is_loopback(config.client_address) && config.password.empty())
    return refuse(fmt::format(
        "client-address = {} can be reached from other machines, so it needs a password: set "
        "password to a file that holds one, or listen on 127.0.0.1",
        to_string(config.client_address)));
  if (!is_loopback(config.http_address) && config.http_token.empty())
    return refuse(fmt::format(
        "http-address = {} can be reached from other machines, so it needs a token: set "
        "http-token to a file that holds one, or listen on 127.0.0.1",
        to_string(config.http_address)));
  if (config.client_address == config.http_address && config.client_address.port != 0)
    return refuse(fmt::format("client-address and http-address are both {}: choose two ports",
                              to_string(config.client_address)));
  return {};
}

}  // namespace

node_config node_config::defaults_for(const machine& host) {
  node_config config;
  config.reactors = std::clamp(host.cores / 2, 1u, limits::reactors_max);
  config.memory_bytes = std::max(host.memory_bytes / 4, memory_bytes_min);
  return config;
}

result<void> node_config::validate() const {
  if (data_dir.empty())
    return refuse("data-dir is not set: name the directory that holds the node's data");
  TRY_VOID(check_addresses(*this));
  if (level == durability::replicated)
    return refuse("durability = replicated needs followers, and this node has none: use durable");
  TRY_VOID(check_range("memory", memory_bytes, memory_bytes_min, 1ull << 50));
  TRY_VOID(check_range("reactors", reactors, 1, limits::reactors_max));
  if (shards) TRY_VOID(check_range("shards", *shards, 1, limits::shards_max));
  TRY_VOID(check_range("segment-size", segment_bytes, limits::segment_bytes_min,
                       limits::segment_bytes_max));
  if (segment_bytes % 4096 != 0)
    return refuse(fmt::format("segment-size = {} is not a multiple of 4096", segment_bytes));
  TRY_VOID(check_range("commit-timeout-ms", commit_timeout_ms, commit_timeout_ms_min,
                       commit_timeout_ms_max));
  return {};
}

result<durability> parse_durability(std::string_view text) {
  for (const auto& [name, level] : level_names)
    if (name == text) return level;
  return refuse(
      fmt::format("'{}' is not a durability: memory, interval, durable or replicated", text));
}

std::string_view to_string(durability level) noexcept {
  for (const auto& [name, known] : level_names)
    if (known == level) return name;
  return "unknown";
}

}  // namespace troupe::actors
