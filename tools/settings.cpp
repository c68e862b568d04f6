#include "tools/settings.hpp"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "tools/quantity.hpp"

namespace troupe::tools {

namespace {

using actors::node_config;

constexpr std::size_t secret_bytes_max = 4096;

template <auto Member, auto Parse>
result<void> assign(node_config& config, const std::string& text) {
  TRY(config.*Member, Parse(text));
  return {};
}

result<std::string> as_is(const std::string& text) { return text; }

result<bool> parse_switch(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return failure{errc::refused, fmt::format("'{}' is neither true nor false", text)};
}

// A promised flag whose work this version cannot do: known, so that nobody hunts for a typing
// mistake.
result<void> refuse_following(node_config&, const std::string&) {
  return failure{errc::refused,
                 "replication between nodes is not built yet: a node cannot follow another"};
}

constexpr std::array all{
    setting{"data-dir", "DIR", "directory of the node's data, created when missing",
            value_kind::text, assign<&node_config::data_dir, as_is>},
    setting{"client-address", "HOST:PORT", "where clients connect (127.0.0.1:7379)",
            value_kind::text, assign<&node_config::client_address, actors::parse_address>},
    setting{"http-address", "HOST:PORT", "where /health and /metrics are served (127.0.0.1:8379)",
            value_kind::text, assign<&node_config::http_address, actors::parse_address>},
    setting{"durability", "LEVEL",
            "when a write is acknowledged: memory, interval or durable (durable)", value_kind::text,
            assign<&node_config::level, actors::parse_durability>},
    setting{"memory", "SIZE", "bound of cached values, e.g. 512MiB (a quarter of the memory)",
            value_kind::size, assign<&node_config::memory_bytes, parse_bytes>},
    setting{
        "client-memory", "SIZE",
        "bound of what all clients together may hold, 0 = none (a tenth of the memory, at least "
        "1.25GiB for each reactor)",
        value_kind::size, assign<&node_config::client_memory_bytes, parse_bytes>},
    setting{"reactors", "N", "event loop threads (half of the cores)", value_kind::number,
            assign<&node_config::reactors, parse_count>},
    setting{"shards", "N", "shards of a new data directory (as many as reactors)",
            value_kind::number, assign<&node_config::shards, parse_count>},
    setting{"password", "FILE", "file that holds the clients' password", value_kind::text,
            assign<&node_config::password, read_secret>},
    setting{"http-token", "FILE", "file that holds the bearer token of the HTTP pages",
            value_kind::text, assign<&node_config::http_token, read_secret>},
    setting{"min-isr", "N",
            "members that `replicated` writes need in sync; a node alone meets 1 (1)",
            value_kind::number, assign<&node_config::min_isr, parse_count>},
    setting{"cluster-secret", "FILE",
            "file that holds what nodes and consoles prove to each other, at least 16 bytes",
            value_kind::text, assign<&node_config::cluster_secret, read_secret>},
    setting{"peer-address", "HOST:PORT", "where nodes and consoles connect (127.0.0.1:17379)",
            value_kind::text, assign<&node_config::peer_address, actors::parse_address>},
    setting{"advertise-peer", "HOST:PORT",
            "what other nodes should dial for that (the peer-address)", value_kind::text,
            assign<&node_config::advertised_peer, actors::parse_address>},
    setting{"follow", "HOST:PORT", "not available yet: the node to replicate", value_kind::text,
            refuse_following},
    setting{"segment-size", "SIZE", "size of the log's files in a new data directory (64MiB)",
            value_kind::size, assign<&node_config::segment_bytes, parse_bytes>},
    setting{"commit-timeout-ms", "MS", "longest wait of a reply for its commit (10000)",
            value_kind::number, assign<&node_config::commit_timeout_ms, parse_count>},
    setting{"enable-debug", "", "allow the DEBUG command", value_kind::truth,
            assign<&node_config::enable_debug, parse_switch>},
};

}  // namespace

result<std::string> read_secret(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  errno = 0;
  std::string secret(secret_bytes_max + 1, '\0');
  if (file) file.read(secret.data(), static_cast<std::streamsize>(secret.size()));
  if (!file.is_open() || file.bad())
    return failure{errc::refused, fmt::format("cannot read '{}'", path)};
  secret.resize(static_cast<std::size_t>(file.gcount()));
  if (secret.size() > secret_bytes_max)
    return failure{errc::refused,
                   fmt::format("'{}' holds more than {} bytes", path, secret_bytes_max)};
  if (secret.ends_with('\n')) secret.pop_back();
  if (secret.ends_with('\r')) secret.pop_back();
  if (secret.empty()) return failure{errc::refused, fmt::format("'{}' holds no secret", path)};
  if (secret.find_first_of("\r\n") != std::string::npos)
    return failure{errc::refused, fmt::format("'{}' holds more than one line", path)};
  return secret;
}

std::span<const setting> settings() { return all; }

const setting* find_setting(std::string_view key) {
  for (const auto& one : all)
    if (one.key == key) return &one;
  return nullptr;
}

std::vector<std::string_view> setting_keys() {
  std::vector<std::string_view> keys;
  for (const auto& one : all) keys.push_back(one.key);
  return keys;
}

}  // namespace troupe::tools
