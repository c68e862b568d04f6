// `troupe console`: an operator's commands to a running node, one of them or a session.
#pragma once

#include "tools/command_line.hpp"

namespace troupe::tools {

/// Runs one command, or those that a person or a pipe gives. Returns the exit code: exit_done,
/// exit_failed when the node refused a command (of several: the last one), exit_misused for a wrong
/// command, exit_unreachable when there is no link with the node.
[[nodiscard]] int console(const console_call& wanted);

}  // namespace troupe::tools
