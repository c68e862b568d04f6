// Commands a session answers itself: what one of them is given, and PING ECHO QUIT HELLO AUTH
// SELECT RESET.
//
// Place: actors, CAF-free; called by a session on its gateway's thread, through
// run_connection_command (session.hpp), which finds the command here, in client_commands,
// config_commands or server_commands.
// Invariants:
//  1. A command appends one reply, or reserves one place that a service fills later, or does
//  neither
//     where Redis does neither (CLIENT REPLY OFF and SKIP, SHUTDOWN).
//  2. Arguments are checked completely before anything changes.
//  3. Replies and error texts are those of Redis 7.0.
#pragma once

#include <string_view>

#include "actors/resp/command_table.hpp"
#include "actors/resp/reply_writer.hpp"
#include "actors/session.hpp"

namespace troupe::actors {

/// One command of connection scope under way. Everything is borrowed for the call.
struct connection_call {
  session& client;
  const resp::command_spec& spec;
  resp::arguments argv;  ///< with the command's name; satisfies the arity of `spec`
  resp::reply_writer& reply;

  /// Replies an error ("ERR ..."); the session counts it.
  void refuse(std::string_view text) const;
  /// The part of the name behind the container: "get" of "config|get".
  [[nodiscard]] std::string_view subcommand() const {
    return spec.name.substr(spec.name.find('|') + 1);
  }
};

/// The version of Redis whose commands and replies these are; clients branch on it.
inline constexpr std::string_view compatible_redis_version = "7.0.15";

inline constexpr std::string_view bad_client_name =
    "ERR Client names cannot contain spaces, newlines or special characters.";

/// True for text that may be shown in CLIENT LIST: printable ASCII without spaces.
[[nodiscard]] bool is_plain_word(std::string_view text) noexcept;

void run_ping(const connection_call& call);
void run_echo(const connection_call& call);
void run_quit(const connection_call& call);
void run_hello(const connection_call& call);
void run_auth(const connection_call& call);
void run_select(const connection_call& call);
void run_reset(const connection_call& call);

}  // namespace troupe::actors
