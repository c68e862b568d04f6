// What this machine offers: asked once by `main`, for the defaults of a node.
#pragma once

#include "actors/node_config.hpp"

namespace troupe::tools {

/// Cores this process may use and the memory it may take, bounds of a container (cgroup v2)
/// included.
[[nodiscard]] actors::machine this_machine();

}  // namespace troupe::tools
