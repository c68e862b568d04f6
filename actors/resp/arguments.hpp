// A command as it came from the client: its name and arguments, borrowed.
#pragma once

#include <span>
#include <string_view>

namespace troupe::resp {

/// argv of one command, name first. The views point into the connection's read buffer and die with
/// the bytes there (read_buffer::consume or the next receive).
using arguments = std::span<const std::string_view>;

}  // namespace troupe::resp
