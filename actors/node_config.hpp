// Everything a node is told before it starts, as one value.
//
// Place: CAF-free part of actors/. Filled by the command line, read by the node actor; immutable
// afterwards. Secrets are here by content, not by path: files are read once, before the start.
// Invariant: a configuration for which validate() succeeded needs no further checks of ranges.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

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

/// Settings of one node. Member comments give the key in the configuration file and the flag.
struct node_config {
  std::string data_dir;                            ///< data-dir; no default
  address client_address{"127.0.0.1", 7379};       ///< client-address
  address http_address{"127.0.0.1", 8379};         ///< http-address
  troupe::durability level = durability::durable;  ///< durability
  std::uint64_t memory_bytes = 256ull << 20;       ///< memory: bound of cached values, all shards
  std::uint32_t reactors = 1;                      ///< reactors: event loop threads
  /// shards; unset = as many as the data directory was created with, reactors for a new one.
  std::optional<std::uint32_t> shards;
  std::string password;                                         ///< password (file); empty = none
  std::string http_token;                                       ///< http-token (file); empty = none
  std::uint64_t segment_bytes = limits::segment_bytes_default;  ///< segment-size
  std::uint32_t commit_timeout_ms = 10'000;  ///< commit-timeout-ms: held replies wait so long
  bool enable_debug = false;                 ///< enable-debug: DEBUG commands for tests

  /// Defaults for a machine: max(1, cores / 2) reactors and a quarter of its memory.
  [[nodiscard]] static node_config defaults_for(const machine& host);

  /// Checks every setting and how they go together. The failure names the key and what to change.
  [[nodiscard]] result<void> validate() const;
};

/// The level named `memory`, `interval`, `durable` or `replicated`.
[[nodiscard]] result<durability> parse_durability(std::string_view text);
[[nodiscard]] std::string_view to_string(durability level) noexcept;

}  // namespace troupe::actors
