// Answers of a node as JSON for scripts.
//
// Place: console program; pure functions.
#pragma once

#include <string>
#include <string_view>

#include "actors/console_messages.hpp"

namespace troupe::tools {

/// One line of JSON; {"error": "..."} for a command that failed. What was asked decides how figures
/// of the node are shown: "shards", "log" or "peers".
[[nodiscard]] std::string console_json(const actors::console_answer& answer,
                                       std::string_view command);

}  // namespace troupe::tools
