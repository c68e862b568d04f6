// The commands a client may send: who handles them, how many arguments they take, where their keys
// are, and what COMMAND says about them.
//
// Place: actors/resp, pure; used by the session (dispatch), the shard (handlers) and the planner.
// Owner: nobody, everything here is constant data; safe from any thread.
// Invariants: (1) names are lower case and at most `command_name_max` bytes; (2) every spec with a
// shard scope has a handler, every other one has none; (3) a handler does all its reads before its
// first write, so a command that met a cold value can be run again; (4) internal specs are never
// found by name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/resp/arguments.hpp"
#include "storage/base/ids.hpp"
#include "storage/kv/store.hpp"

namespace troupe {
class prng;
}

namespace troupe::resp {

class reply_writer;

inline constexpr std::size_t command_name_max = 16;
/// Number of a spec that no client can name.
inline constexpr std::uint16_t unnumbered = UINT16_MAX;

/// Outcome of a handler. `cold`: nothing changed and nothing was replied; `store.missing()` says
/// what to load, then the same command is run again.
enum class exec_status : std::uint8_t { done, cold };

/// Which of the node's shards a handler works in; SCAN cursors name the shard.
struct shard_place {
  shard_id shard;
  std::uint32_t shard_count;
};

/// Whether a handler that appends several records makes them one batch, or is part of one already
/// (inside EXEC): batches do not nest.
enum class batching : std::uint8_t { own, enclosing };

/// A large value that goes into a reply as a bulk string, in front of byte `at` of the others.
struct streamed_value {
  std::size_t at = 0;
  kv::value_parts what;
};

/// What a handler does about large values that it only replies.
enum class large_replies : std::uint8_t {
  deferred,  ///< it is `cold`: the command is run again as `streamed`
  streamed,  ///< they are left in shard_command::streamed and sent part by part
};

/// What a handler works with. Everything is borrowed for the call; all keys of `argv` belong to
/// this shard, and argument count and key sizes were checked (see `check_command`).
struct shard_command {
  kv::store& store;
  arguments argv;
  key_hash first_key_hash;  ///< of the first key; any value when the command has no key
  reply_writer& reply;
  prng& random;
  shard_place place;
  batching batch = batching::own;
  large_replies large = large_replies::deferred;
  /// The streamed values of the reply, ascending; nullptr unless `streamed`.
  std::vector<streamed_value>* streamed = nullptr;
};

using shard_handler = exec_status (*)(shard_command&);

/// Who executes a command.
enum class scope : std::uint8_t {
  connection,   ///< the session itself
  transaction,  ///< the session: MULTI EXEC DISCARD WATCH UNWATCH
  shard_key,    ///< the shard of its one key
  shard_keys,   ///< one handler call if all keys share a shard, else a `multi_shard` plan
  every_shard,  ///< always planned by `multi_shard`, though one shard may be enough
};

/// How a command over several shards is split into pieces.
enum class split_rule : std::uint8_t {
  none,     ///< never split
  sum,      ///< per shard the same command with its keys; integer replies are added
  gather,   ///< per shard the same command with its keys; array replies return in key order
  pairs,    ///< per shard the same command with its key-value pairs; every reply must be OK
  special,  ///< own phases: MSETNX, RENAME, RENAMENX, COPY and the commands of every shard
};

/// COMMAND's flags, as bits. The names are Redis'.
enum class command_flag : std::uint32_t {
  none = 0,
  write = 1u << 0,
  readonly = 1u << 1,
  denyoom = 1u << 2,
  admin = 1u << 3,
  noscript = 1u << 4,
  loading = 1u << 5,
  stale = 1u << 6,
  fast = 1u << 7,
  no_auth = 1u << 8,
  no_multi = 1u << 9,
  skip_slowlog = 1u << 10,
  allow_busy = 1u << 11,
  // Ours; not shown by COMMAND.
  dangerous = 1u << 24,        ///< ACL category @dangerous though not `admin`
  admin_category = 1u << 25,   ///< ACL categories @admin and @dangerous though not `admin`
  may_use_reserve = 1u << 26,  ///< frees space, so it may write into the space kept for that
};
[[nodiscard]] constexpr command_flag operator|(command_flag a, command_flag b) noexcept {
  return static_cast<command_flag>(static_cast<std::uint32_t>(a) | static_cast<std::uint32_t>(b));
}

/// Where keys are among the arguments, as COMMAND reports it: from `first` to `last` (negative:
/// counted from the end, -1 = the last argument) in steps. All 0: no keys.
struct key_range {
  std::int8_t first = 0;
  std::int8_t last = 0;
  std::int8_t step = 0;
};

/// One entry of COMMAND INFO's key specifications. `flags` are Redis' words, space-separated.
struct key_spec {
  std::uint8_t first = 0;
  std::int8_t last = 0;  ///< relative to `first`, or negative from the end
  std::uint8_t step = 0;
  std::string_view flags;
};

enum class command_group : std::uint8_t { generic, string, connection, server, transactions };

/// The ACL category a command has beside those that follow from its flags.
enum class command_category : std::uint8_t { none, string, keyspace, connection, transaction };

/// What COMMAND DOCS says. `arguments` uses the notation of command_docs.hpp.
struct command_docs {
  std::string_view summary = {};
  std::string_view since = {};
  std::string_view complexity = {};
  std::string_view arguments = {};
  std::string_view deprecated_since = {};  ///< empty: not deprecated
  std::string_view replaced_by = {};
};

/// One command or subcommand.
struct command_spec {
  std::string_view name;  ///< lower case; a subcommand is "container|name"
  std::int16_t arity;     ///< exact argument count with the name, or minus the smallest one
  /// Place among all commands and subcommands a client may send, for counting; set by the table.
  std::uint16_t number = unnumbered;
  command_flag flags;
  command_group group;
  command_category category;
  enum scope scope;
  split_rule split = split_rule::none;
  shard_handler handler = nullptr;
  key_range keys = {};
  std::span<const key_spec> key_specs = {};
  std::string_view tips = {};  ///< space-separated
  std::span<const command_spec> subcommands = {};
  command_docs docs = {};

  [[nodiscard]] constexpr bool has(command_flag flag) const noexcept {
    return (static_cast<std::uint32_t>(flags) & static_cast<std::uint32_t>(flag)) != 0;
  }
  [[nodiscard]] constexpr bool is_write() const noexcept { return has(command_flag::write); }
  /// True if a command of `count` arguments satisfies the arity.
  [[nodiscard]] constexpr bool accepts(std::size_t count) const noexcept {
    return arity >= 0 ? count == static_cast<std::size_t>(arity)
                      : count >= static_cast<std::size_t>(-arity);
  }
};

/// The command of that name in any case, or nullptr. Hot path: no allocation, a few nanoseconds.
[[nodiscard]] const command_spec* find(std::string_view name) noexcept;

/// The subcommand `name` (any case, without the container) of `container`, or nullptr.
[[nodiscard]] const command_spec* find_subcommand(const command_spec& container,
                                                  std::string_view name) noexcept;

/// Every command a client may send, sorted by name; stable for the process' life.
[[nodiscard]] std::span<const command_spec* const> all_commands() noexcept;

/// Every command and subcommand a client may send, at the index that is its number.
[[nodiscard]] std::span<const command_spec* const> numbered_commands() noexcept;

/// Indexes of the key arguments of a well-formed command, in order: first, first + step, ... end.
/// `end` is one past the last index that may be a key; empty range when there is none.
struct key_positions {
  std::size_t first = 0;
  std::size_t end = 0;
  std::size_t step = 1;
  [[nodiscard]] constexpr bool empty() const noexcept { return first >= end; }
};
[[nodiscard]] key_positions keys_of(const command_spec& spec, std::size_t argument_count) noexcept;

/// The spec to execute for `argv`, and the error text ("ERR ...", without the leading '-') if it
/// cannot be: unknown command or subcommand, wrong argument count, a key over the size limit.
/// A container's subcommand is resolved: `spec` is then the subcommand's.
struct resolved_command {
  const command_spec* spec = nullptr;  ///< nullptr: unknown
  std::optional<std::string> error;
};
/// Precondition: argv is not empty.
[[nodiscard]] resolved_command check_command(arguments argv);

/// Bytes of values in the reply at most, by a command of `argument_count` arguments; what is
/// streamed counts for nothing. 0 if it replies no values.
[[nodiscard]] std::size_t reply_bytes_estimate(const command_spec& spec,
                                               std::size_t argument_count) noexcept;

/// Bytes a write adds to the log at most, beside what it copies from existing values.
[[nodiscard]] std::size_t write_bytes_estimate(arguments argv) noexcept;

}  // namespace troupe::resp
