// The text of INFO: Redis' sections and field names, and two sections of our own, `log` and
// `shards`.
//
// Place: CAF-free part of actors/. Pure, any thread.
// Invariant: every field is a fact. A field of Redis whose value is not known here is missing.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "actors/node_config.hpp"
#include "actors/session.hpp"
#include "actors/statistics.hpp"

namespace troupe::actors {

/// INFO with these arguments, in any case: names of sections, `default` (as without any), `all` or
/// `everything`. Unknown names add nothing. Lines end in CR LF; sections are set apart by an empty
/// line and come in one fixed order.
[[nodiscard]] std::string info_text(const node_statistics& node, const node_config& config,
                                    const live_settings& settings,
                                    std::span<const std::string> sections);

/// Records committed since each shard began, all shards together: grows with every write and is
/// what INFO and ROLE call the replication offset.
[[nodiscard]] std::uint64_t replication_offset(const node_statistics& node) noexcept;

}  // namespace troupe::actors
