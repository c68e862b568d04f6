// `troupe inspect`: describes the files of a data directory and checks them, changing nothing.
#pragma once

#include "tools/command_line.hpp"

namespace troupe::tools {

/// Prints every named path; returns the exit code of the program, exit_failed when anything is
/// damaged or unreadable.
[[nodiscard]] int inspect(const inspect_request& wanted);

}  // namespace troupe::tools
