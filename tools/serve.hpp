// `troupe serve`: runs a node until it is told to stop.
#pragma once

#include "actors/node_config.hpp"

namespace troupe::tools {

/// Runs the node; returns the exit code of the program.
[[nodiscard]] int serve(const actors::node_config& config);

}  // namespace troupe::tools
