// Answers of a node as text for people, 80 columns wide.
//
// Place: console program; pure functions.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/console_messages.hpp"

namespace troupe::tools {

enum class colours : std::uint8_t { never, terminal };

/// What was asked decides how figures of the node are shown: "shards", "log" or "peers".
[[nodiscard]] std::string console_text(const actors::console_answer& answer,
                                       std::string_view command, colours wanted);

/// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);
/// Bytes with a unit, at most 8 columns: "1.5 GiB".
[[nodiscard]] std::string short_bytes(std::uint64_t bytes);
/// Microseconds with a unit, at most 8 columns: "12.3 ms".
[[nodiscard]] std::string short_time(std::uint64_t us);

}  // namespace troupe::tools
