// Error replies in the words of Redis 7.0, for reply_writer::error (code first, no '-').
//
// Place: actors/resp; every text that more than one file answers with, and all of the protocol's.
// Clients compare these strings: do not improve them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "actors/resp/arguments.hpp"
#include "storage/base/ids.hpp"

namespace troupe::resp::error_texts {

// The protocol itself; the connection is closed behind each of them.
inline constexpr std::string_view too_big_inline = "ERR Protocol error: too big inline request";
inline constexpr std::string_view too_big_mbulk_count =
    "ERR Protocol error: too big mbulk count string";
inline constexpr std::string_view invalid_multibulk_length =
    "ERR Protocol error: invalid multibulk length";
inline constexpr std::string_view unauthenticated_multibulk_length =
    "ERR Protocol error: unauthenticated multibulk length";
inline constexpr std::string_view too_big_bulk_count =
    "ERR Protocol error: too big bulk count string";
inline constexpr std::string_view invalid_bulk_length = "ERR Protocol error: invalid bulk length";
inline constexpr std::string_view unauthenticated_bulk_length =
    "ERR Protocol error: unauthenticated bulk length";
inline constexpr std::string_view unbalanced_quotes =
    "ERR Protocol error: unbalanced quotes in request";

// Arguments and values.
inline constexpr std::string_view syntax = "ERR syntax error";
inline constexpr std::string_view not_integer = "ERR value is not an integer or out of range";
inline constexpr std::string_view not_float = "ERR value is not a valid float";
inline constexpr std::string_view no_such_key = "ERR no such key";
inline constexpr std::string_view invalid_cursor = "ERR invalid cursor";
inline constexpr std::string_view offset_out_of_range = "ERR offset is out of range";
inline constexpr std::string_view overflow = "ERR increment or decrement would overflow";
inline constexpr std::string_view not_finite = "ERR increment would produce NaN or Infinity";
inline constexpr std::string_view string_too_long =
    "ERR string exceeds maximum allowed size (proto-max-bulk-len)";
inline constexpr std::string_view reply_too_large =
    "ERR the reply is too large: ask for fewer keys at once";
inline constexpr std::string_view exec_reply_too_large =
    "ERR the replies of EXEC are too large: this command was run";
inline constexpr std::string_view same_object = "ERR source and destination objects are the same";
inline constexpr std::string_view db_out_of_range = "ERR DB index is out of range";

// Connection and transaction state.
inline constexpr std::string_view no_auth = "NOAUTH Authentication required.";
inline constexpr std::string_view wrong_password =
    "WRONGPASS invalid username-password pair or user is disabled.";
inline constexpr std::string_view no_password_configured =
    "ERR AUTH <password> called without any password configured for the default user. "
    "Are you sure your configuration is correct?";
inline constexpr std::string_view no_protocol = "NOPROTO unsupported protocol version";
inline constexpr std::string_view protocol_not_integer =
    "ERR Protocol version is not an integer or out of range";
inline constexpr std::string_view nested_multi = "ERR MULTI calls can not be nested";
inline constexpr std::string_view exec_without_multi = "ERR EXEC without MULTI";
inline constexpr std::string_view discard_without_multi = "ERR DISCARD without MULTI";
inline constexpr std::string_view watch_inside_multi = "ERR WATCH inside MULTI is not allowed";
inline constexpr std::string_view exec_aborted =
    "EXECABORT Transaction discarded because of previous errors.";
/// Goes on with the error, without its code if that is ERR.
inline constexpr std::string_view exec_aborted_because =
    "EXECABORT Transaction discarded because of: ";
inline constexpr std::string_view not_in_multi = "ERR Command not allowed inside a transaction";
inline constexpr std::string_view debug_not_allowed =
    "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
    "can "
    "run it from a local connection, otherwise you need to set this option in the configuration "
    "file, and then restart the server.";
inline constexpr std::string_view max_clients = "ERR max number of clients reached";

// Held replies.
inline constexpr std::string_view undecided_write = "TRYAGAIN key has an undecided write";

/// What an error repeats of a client's word: what is in front of its first zero byte, as in Redis.
[[nodiscard]] std::string_view shown(std::string_view word) noexcept;
/// "ERR Protocol error: expected '$', got 'x'".
[[nodiscard]] std::string expected_bulk(char got);
/// "ERR wrong number of arguments for 'get' command"; `name` in lower case, "config|get" for a
/// subcommand.
[[nodiscard]] std::string wrong_arity(std::string_view name);
/// "ERR unknown command 'foo', with args beginning with: 'a' 'b' ". Precondition: not empty.
[[nodiscard]] std::string unknown_command(arguments argv);
/// "ERR unknown subcommand 'foo'. Try CONFIG HELP."; `command` is shown in upper case.
[[nodiscard]] std::string unknown_subcommand(std::string_view command, std::string_view subcommand);
/// "ERR invalid expire time in 'set' command".
[[nodiscard]] std::string invalid_expire(std::string_view name);
/// "ERR a stored value cannot be read: ...".
[[nodiscard]] std::string unreadable_value(std::string_view why);
/// "TIMEOUT outcome unknown: ...": a write was not known to be durable in time; names its record.
[[nodiscard]] std::string outcome_unknown(shard_id shard, lsn sequence);

}  // namespace troupe::resp::error_texts
