// What the operating system knows about this process, for INFO and /metrics.
#pragma once

#include <cstdint>

#include "actors/node_config.hpp"
#include "actors/statistics.hpp"

namespace troupe::actors {

/// Fills the process-wide fields of `all`: version, uptime, resident memory, configured memory.
void add_process_figures(node_statistics& all, const node_config& config, std::uint64_t uptime_ms);

}  // namespace troupe::actors
