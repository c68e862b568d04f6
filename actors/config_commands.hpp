// CONFIG GET, SET, RESETSTAT and HELP, and the meaning of the settings that CONFIG SET changes.
//
// Place: actors, CAF-free; see connection_commands.hpp. apply_setting is also what every gateway
// runs when a change reaches it, so that the check and the change cannot differ.
// Invariants:
//  1. CONFIG GET tells what is so; a parameter of Redis that would have to lie is missing.
//  2. No secret is ever shown.
//  3. CONFIG SET changes all of its parameters or none.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/connection_commands.hpp"

namespace troupe::actors {

/// Bounds of commit-timeout-ms, the same as those of the configuration file.
inline constexpr std::uint64_t commit_timeout_ms_min = 10;
inline constexpr std::uint64_t commit_timeout_ms_max = 3'600'000;

/// Changes the setting of that name (lower case): durability, commit-timeout-ms, timeout,
/// maxclients or maxmemory-clients. After an error, which is returned in Redis' words, nothing has
/// changed.
[[nodiscard]] std::optional<std::string> apply_setting(live_settings& settings,
                                                       std::string_view name,
                                                       std::string_view value);

/// What CONFIG GET is answered from.
struct settings_source {
  const node_config& config;
  const live_settings& settings;
  std::uint32_t shard_count;
  std::string_view port;  ///< of the client address
};

/// Every setting that matches one of the patterns, with its value; a plain name is repeated the way
/// it was asked for, as Redis does.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> matching_settings(
    const settings_source& from, resp::arguments patterns);

/// Why a setting of that name cannot be changed while the node runs, in Redis' words.
[[nodiscard]] std::optional<std::string> refuse_to_change(std::string_view name);

void run_config(const connection_call& call);

}  // namespace troupe::actors
