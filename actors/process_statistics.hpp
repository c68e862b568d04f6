// What does not come from actors: facts of this process, figures of the operating system.
//
// Place: actors, CAF-free; for INFO and /metrics. Any thread.
#pragma once

#include <cstdint>

#include "actors/node_config.hpp"
#include "actors/node_storage.hpp"
#include "actors/statistics.hpp"

namespace troupe::actors {

/// Where a node really listens: a configured port may be 0, any free one.
struct bound_addresses {
  std::uint16_t client_port = 0;
  std::string peer;
};

/// The facts of a node that was opened and listens there. `seed` makes the run id.
[[nodiscard]] node_facts gather_facts(const node_storage& storage, const node_config& config,
                                      const bound_addresses& bound, std::uint64_t seed);

/// 40 hexadecimal digits that stand for the histories a node writes: others with every opening for
/// writing, the same for everybody who has these histories.
[[nodiscard]] std::string replication_id_of(node_id node, std::span<const history_id> histories);

/// Fills what is about the process: version, facts, uptime, memory, processor time.
void add_process_figures(node_statistics& all, const node_config& config, const node_facts& facts,
                         std::uint64_t uptime_ms);

}  // namespace troupe::actors
