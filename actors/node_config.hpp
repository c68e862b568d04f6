// Everything a node is told before it starts, as one value.
//
// Place: CAF-free part of actors/. Filled by the command line, read by the node actor; immutable
// afterwards. Secrets are here by content, not by path: files are read once, before the start.
// Invariant: a configuration without complaints() needs no further checks of ranges.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/address.hpp"
#include "storage/base/ids.hpp"
#include "storage/base/limits.hpp"
#include "storage/base/result.hpp"

namespace troupe::actors {

/// What the machine offers; the defaults of a node follow from it.
struct machine {
  std::uint32_t cores = 1;
  std::uint64_t memory_bytes = 1ull << 30;
};

/// One setting that is wrong, by itself or beside another.
struct setting_complaint {
  std::string_view key;
  std::string what;  ///< the value and why it cannot be, to be read behind the key
};

inline constexpr std::size_t cluster_secret_bytes_min = 16;

/// Settings of one node. Member comments give the key in the configuration file and the flag.
struct node_config {
  std::string data_dir;                       ///< data-dir; no default
  address client_address{"127.0.0.1", 7379};  ///< client-address
  address http_address{"127.0.0.1", 8379};    ///< http-address
  address peer_address{"127.0.0.1", 17379};   ///< peer-address: nodes and consoles
  /// advertise-peer: what other nodes should dial; unset = the peer-address.
  std::optional<address> advertised_peer;
  troupe::durability level = durability::durable;  ///< durability
  std::uint64_t memory_bytes = 256ull << 20;       ///< memory: bound of cached values, all shards
  /// client-memory: bound of what all clients together make the node hold; 0 = none.
  std::uint64_t client_memory_bytes = limits::client_bytes_max;
  std::uint32_t reactors = 1;  ///< reactors: event loop threads
  /// shards; unset = as many as the data directory was created with, reactors for a new one.
  std::optional<std::uint32_t> shards;
  std::string password;    ///< password (file); empty = none
  std::string http_token;  ///< http-token (file); empty = none
  /// min-isr: members of the in-sync set, this node counted, without which `replicated` writes are
  /// refused.
  std::uint32_t min_isr = 1;
  std::string cluster_secret;  ///< cluster-secret (file): what nodes prove to each other; or none
  /// segment-size; unset = as the data directory was created with, the default for a new one.
  std::optional<std::uint64_t> segment_bytes;
  std::uint32_t commit_timeout_ms = 10'000;  ///< commit-timeout-ms: held replies wait so long
  bool enable_debug = false;                 ///< enable-debug: DEBUG commands for tests
  std::string config_file;                   ///< the file these came from; empty = none

  /// Defaults for a machine: max(1, cores / 2) reactors, a quarter of its memory for values and
  /// default_client_memory() of these reactors.
  [[nodiscard]] static node_config defaults_for(const machine& host);
  /// client-memory of a node with so many reactors: a tenth of the memory, at least what one client
  /// with the largest replies needs in each reactor.
  [[nodiscard]] static std::uint64_t default_client_memory(const machine& host,
                                                           std::uint32_t reactors);

  /// Every setting that cannot be, and every two that do not go together.
  [[nodiscard]] std::vector<setting_complaint> complaints() const;
  /// The first of them as "key: what".
  [[nodiscard]] result<void> validate() const;
};

/// The level named `memory`, `interval`, `durable` or `replicated`.
[[nodiscard]] result<durability> parse_durability(std::string_view text);
[[nodiscard]] std::string_view to_string(durability level) noexcept;

}  // namespace troupe::actors
