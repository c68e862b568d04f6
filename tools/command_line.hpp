// What the arguments of `troupe` ask for, as a value; nothing is started here.
//
// Place: command_line library, used by main. Exit codes of the whole program: 0 = done,
// 1 = it failed while running, 2 = the command line or the configuration is wrong, 3 = the console
// has no link with the node.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "actors/node_config.hpp"
#include "storage/base/result.hpp"
#include "storage/log/inspect.hpp"

namespace troupe::tools {

inline constexpr int exit_done = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_misused = 2;
inline constexpr int exit_unreachable = 3;

/// `troupe serve`: a validated configuration.
struct serve_request {
  actors::node_config config;
};

/// `troupe inspect PATH...`: files or directories to describe.
struct inspect_request {
  std::vector<std::string> paths;
  log::detail how_much = log::detail::summary;
};

enum class console_format : std::uint8_t { text, json };

/// `troupe console [HOST:PORT] [COMMAND...]`: without a command, a session.
struct console_call {
  actors::address where{"127.0.0.1", 17379};
  std::string secret;  ///< empty = none
  console_format format = console_format::text;
  std::vector<std::string> words;
};

/// `--help` or `--version`: the text to print.
struct print_request {
  std::string text;
};

using request = std::variant<serve_request, inspect_request, console_call, print_request>;

/// Parses the arguments after the program's name. Reads the configuration file and the secrets that
/// they name. A failure is sentences for the user, one a line; then the exit code is exit_misused.
[[nodiscard]] result<request> parse_command_line(std::span<const std::string> arguments,
                                                 const actors::machine& host);

}  // namespace troupe::tools
