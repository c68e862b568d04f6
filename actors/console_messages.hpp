// What an operator's console asks and is answered, as plain values.
//
// Place: CAF-free part of actors/, shared by the node's admin actor and the console program. The
// bytes are those of ConsoleRequest and ConsoleAnswer in schemas/admin.capnp (console_codec.hpp).
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "actors/statistics.hpp"

namespace troupe::actors {

/// A question without words.
enum class console_question : std::uint8_t { help, actors, shards, log, peers };

struct read_settings {
  std::vector<std::string> patterns;
};
struct change_setting {
  std::string name;
  std::string value;
};
struct ask_actor {
  std::string actor;
  std::string what;
};
struct tell_actor {
  std::string actor;
  std::string what;
  std::uint32_t seconds = 0;
};
struct tap_actor {
  std::string actor;
};

using console_request =
    std::variant<console_question, read_settings, change_setting, ask_actor, tell_actor, tap_actor>;

/// Why a command was not done.
struct console_failed {
  std::string why;
};
/// What was done.
struct console_done {
  std::string what;
};
struct command_help {
  std::string usage;
  std::string summary;
};
using name_and_value = std::pair<std::string, std::string>;

/// The actors of a node, and the reactors they run on.
struct actor_tree {
  std::vector<actor_figures> actors;
  node_statistics node;
};

/// One message that a tapped actor handled.
struct tapped_line {
  std::uint64_t at_ns = 0;  ///< of the node's monotonic clock
  std::uint64_t took_ns = 0;
  std::string from;  ///< name of an actor of the node, or empty
  std::string type;
};
struct tapped_messages {
  std::vector<tapped_line> lines;
  std::uint64_t missed = 0;  ///< counter: that came while nobody asked
};

using console_answer =
    std::variant<console_failed, console_done, std::vector<command_help>, actor_tree,
                 node_statistics, std::vector<name_and_value>, tapped_messages>;

}  // namespace troupe::actors
