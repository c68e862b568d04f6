// The commands of the console: one table from which parsing, help and completion follow.
//
// Place: CAF-free part of actors/, used by the node (help) and by the console program.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/console_messages.hpp"
#include "storage/base/result.hpp"

namespace troupe::actors {

struct console_command {
  std::string_view name;
  std::string_view usage;    ///< with its name
  std::string_view summary;  ///< below 80 columns beside the usage
  std::size_t words_min;     ///< behind the name
  std::size_t words_max;
};

[[nodiscard]] std::span<const console_command> console_commands();

/// The command that begins with these words; `refused` with what is wrong and what would be right.
[[nodiscard]] result<console_request> parse_console_command(std::span<const std::string> words);

/// What may stand behind `before`, whole words; actors are not known here.
[[nodiscard]] std::vector<std::string> console_completions(std::span<const std::string> before);

/// Words behind the name of a command.
inline constexpr std::size_t console_words_max = 64;
/// The longest pause an operator can ask for, and what a pause without a length is.
inline constexpr std::uint32_t pause_seconds_max = 60;
inline constexpr std::uint32_t pause_seconds_default = 10;

}  // namespace troupe::actors
