// What COMMAND and its subcommands answer, and what HELP of any container answers.
//
// Place: actors/resp, pure; called by the session. Everything comes from the command table.
// Invariant: the form of every reply is Redis 7.0's, in both protocol versions.
//
// Notation of command_docs::arguments: arguments separated by one space, each
//   name:type #<key spec index> =<token> @<since> (<nested arguments>) + !
// without spaces between the parts, of which all behind the type are optional: '+' = may be
// repeated, '!' = with its token each time. '[' and ']' around an argument = optional. Example:
//   key:key#0 [expiration:oneof(seconds:integer=EX keepttl:pure-token=KEEPTTL@6.0.0)]
#pragma once

#include "actors/resp/command_table.hpp"
#include "actors/resp/reply_writer.hpp"

namespace troupe::resp {

/// COMMAND: every command.
void reply_all_commands(reply_writer& reply);

/// Executes "COMMAND <subcommand> ...". Precondition: `spec` is the subcommand's spec and `argv`
/// satisfies its arity.
void reply_command_subcommand(const command_spec& spec, arguments argv, reply_writer& reply);

/// "<CONTAINER> HELP": usage and summary of its subcommands.
void reply_help(const command_spec& container, reply_writer& reply);

}  // namespace troupe::resp
