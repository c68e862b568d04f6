#include "tools/serve.hpp"

#include "actors/node.hpp"

namespace troupe::tools {

int serve(const actors::node_config& config) { return actors::run_node(config); }

}  // namespace troupe::tools
