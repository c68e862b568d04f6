#include "actors/resp/key_commands.hpp"

#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/resp/transfer_commands.hpp"
#include "storage/base/hash_slot.hpp"

namespace troupe::resp {
namespace {

using kv::presence;

// Redis keeps strings up to this size beside their header and calls that embstr.
constexpr std::size_t embedded_string_bytes_max = 44;

// Upper bound of what names the parts of a large value in the log.
constexpr std::size_t large_head_bytes_max = 32 * 1024;

enum class replacing : std::uint8_t { allowed, refused };

// Redis keeps one object for all values that are numbers below this.
constexpr std::int64_t shared_integers = 10'000;
constexpr std::int64_t shared_refcount = std::numeric_limits<std::int32_t>::max();

// Stores what `source` found at argv[1]; of a large value nothing but its head is written.
result<void> put_found(shard_command& command, const kv::found& source, std::string_view target,
                       key_hash hash) {
  if (source.state != presence::large) {
    return command.store.put(target, hash, source.value, source.deadline_ms);
  }
  std::vector<kv::value_piece> pieces;
  for (const auto& part : command.store.parts_of(command.argv[1], command.first_key_hash).parts) {
    pieces.push_back({.part = part});
  }
  return command.store.put_pieces(target, hash, pieces, source.deadline_ms);
}

// Puts the value that `source` found at argv[1] at argv[2]. Replies the error and returns false if
// the store refused.
bool put_as_second_key(shard_command& command, const kv::found& source, kv::value_form form) {
  const std::string_view target = command.argv[2];
  const key_hash hash = command.store.hash(target);
  const auto stored = put_found(command, source, target, hash);
  if (stored) {
    command.store.set_form(target, hash, form);
  } else {
    reply_failure(command.reply, stored.error());
  }
  return stored.has_value();
}

// RENAME and RENAMENX behind their checks. Replies the error and returns false if the store
// refused; the room is checked first so that neither half happens alone.
bool move_to_second_key(shard_command& command, const kv::found& source) {
  const std::string_view from = command.argv[1];
  const std::size_t head = source.state == presence::large ? large_head_bytes_max : 0;
  const std::size_t bytes = from.size() + command.argv[2].size() + source.value.size() + head;
  if (!command.store.has_room(bytes + 2 * record_overhead_bytes)) {
    command.reply.error(disk_full_error);
    return false;
  }
  const record_batch batch(command);
  if (!put_as_second_key(command, source, source.form)) return false;
  const auto erased = command.store.erase(from, command.first_key_hash);
  if (!erased) reply_failure(command.reply, erased.error());
  return erased.has_value();
}

struct copy_options {
  replacing replace = replacing::refused;
};

// Replies the error and returns nothing if the options are wrong. There is one database only.
std::optional<copy_options> parse_copy_options(shard_command& command) {
  copy_options options;
  for (std::size_t at = 3; at < command.argv.size(); ++at) {
    const std::string_view word = command.argv[at];
    if (equals_ignoring_case(word, "replace")) {
      options.replace = replacing::allowed;
    } else if (equals_ignoring_case(word, "db") && at + 1 < command.argv.size()) {
      const auto database = integer_argument(command, ++at);
      if (!database) return std::nullopt;
      if (*database != 0) {
        command.reply.error(error_texts::db_out_of_range);
        return std::nullopt;
      }
    } else {
      command.reply.error(error_texts::syntax);
      return std::nullopt;
    }
  }
  return options;
}

// The key of an OBJECT subcommand, which is a read for the statistics; MEMORY USAGE is none.
kv::found read_inspected(shard_command& command) {
  const kv::found value = command.store.peek(command.argv[2], command.first_key_hash);
  command.store.count_read(value.state);
  return value;
}

exec_status reply_integer_if_present(shard_command& command, std::int64_t value) {
  if (read_inspected(command).state == presence::absent) {
    command.reply.null();
  } else {
    command.reply.integer(value);
  }
  return exec_status::done;
}

}  // namespace

exec_status handle_del(shard_command& command) {
  std::int64_t erased_count = 0;
  for (const std::string_view key : command.argv.subspan(1)) {
    const auto erased = command.store.erase(key, command.store.hash(key));
    if (!erased) {
      reply_failure(command.reply, erased.error());
      return exec_status::done;
    }
    if (*erased) ++erased_count;
  }
  command.reply.integer(erased_count);
  return exec_status::done;
}

exec_status handle_exists(shard_command& command) {
  const auto keys = command.argv.subspan(1);
  const auto count = std::count_if(keys.begin(), keys.end(), [&](std::string_view key) {
    const presence state = command.store.peek(key, command.store.hash(key)).state;
    command.store.count_read(state);
    return state != presence::absent;
  });
  command.reply.integer(count);
  return exec_status::done;
}

exec_status handle_type(shard_command& command) {
  const kv::found value = command.store.peek(command.argv[1], command.first_key_hash);
  command.store.count_read(value.state);
  command.reply.simple(value.state == presence::absent ? "none" : "string");
  return exec_status::done;
}

exec_status handle_rename(shard_command& command) {
  const kv::found source = command.store.find(command.argv[1], command.first_key_hash);
  if (source.state == presence::cold) return exec_status::cold;
  if (source.state == presence::absent) return refuse(command, error_texts::no_such_key);
  const bool is_same_key = command.argv[1] == command.argv[2];
  if (is_same_key || move_to_second_key(command, source)) command.reply.ok();
  return exec_status::done;
}

exec_status handle_renamenx(shard_command& command) {
  const std::string_view target = command.argv[2];
  const kv::found taken = command.store.peek(target, command.store.hash(target));
  const kv::found source = command.store.find(command.argv[1], command.first_key_hash);
  if (source.state == presence::absent) return refuse(command, error_texts::no_such_key);
  if (taken.state != presence::absent) {
    command.reply.integer(0);
    return exec_status::done;
  }
  if (source.state == presence::cold) return exec_status::cold;
  if (move_to_second_key(command, source)) command.reply.integer(1);
  return exec_status::done;
}

exec_status handle_copy(shard_command& command) {
  const auto options = parse_copy_options(command);
  if (!options) return exec_status::done;
  const std::string_view target = command.argv[2];
  if (command.argv[1] == target) return refuse(command, error_texts::same_object);
  const kv::found taken = command.store.peek(target, command.store.hash(target));
  const kv::found source = command.store.find(command.argv[1], command.first_key_hash);
  const bool refused = taken.state != presence::absent && options->replace == replacing::refused;
  if (source.state == presence::absent || refused) {
    command.store.count_read(source.state);
    command.reply.integer(0);
    return exec_status::done;
  }
  if (source.state == presence::cold) return exec_status::cold;
  command.store.count_read(source.state);
  if (put_as_second_key(command, source, form_of_copy(source.form))) command.reply.integer(1);
  return exec_status::done;
}

encoding_outcome encoding_of(shard_command& command, std::string_view key) {
  const kv::found size_only = command.store.peek(key, command.first_key_hash);
  // Only a short value can be a number, so a large one needs no bytes.
  if (size_only.value_size > embedded_string_bytes_max || size_only.form == kv::value_form::grown) {
    return {size_only.state, "raw"};
  }
  const kv::found value = command.store.find(key, command.first_key_hash);
  if (value.state != presence::present) return {value.state, {}};
  const auto is_number = value.form != kv::value_form::computed && parse_integer(value.value);
  return {value.state, is_number ? "int" : "embstr"};
}

exec_status handle_object_encoding(shard_command& command) {
  const auto [state, encoding] = encoding_of(command, command.argv[2]);
  if (state == presence::cold) return exec_status::cold;
  command.store.count_read(state);
  if (state == presence::absent) {
    command.reply.null();
  } else {
    command.reply.bulk(encoding);
  }
  return exec_status::done;
}

exec_status handle_object_freq(shard_command& command) {
  if (read_inspected(command).state == presence::absent) {
    command.reply.null();
    return exec_status::done;
  }
  return refuse(command,
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please "
                "note that when switching between policies at runtime LRU and LFU data will take "
                "some time to adjust.");
}

exec_status handle_object_idletime(shard_command& command) {
  if (read_inspected(command).state == presence::absent) {
    command.reply.null();
    return exec_status::done;
  }
  return refuse(command,
                "ERR Idle time not tracked: memory keeps that a value was used, not when. Please "
                "note that no key is ever evicted, a value that leaves memory stays on disk.");
}

exec_status handle_object_refcount(shard_command& command) {
  const kv::found size_only = command.store.peek(command.argv[2], command.first_key_hash);
  // Only four digits and less can be shared.
  if (size_only.value_size > 4 || size_only.form != kv::value_form::natural) {
    return reply_integer_if_present(command, 1);
  }
  const kv::found value = command.store.find(command.argv[2], command.first_key_hash);
  if (value.state == presence::cold) return exec_status::cold;
  const auto number = parse_integer(value.value);
  const auto is_shared = number && *number >= 0 && *number < shared_integers;
  return reply_integer_if_present(command, is_shared ? shared_refcount : 1);
}

exec_status handle_memory_usage(shard_command& command) {
  for (std::size_t at = 3; at < command.argv.size(); at += 2) {
    if (!equals_ignoring_case(command.argv[at], "samples") || at + 1 == command.argv.size()) {
      return refuse(command, error_texts::syntax);
    }
    const auto samples = integer_argument(command, at + 1);
    if (!samples) return exec_status::done;
    if (*samples < 0) return refuse(command, error_texts::syntax);
  }
  const std::string_view key = command.argv[2];
  if (command.store.peek(key, command.first_key_hash).state == presence::absent) {
    command.reply.null();
    return exec_status::done;
  }
  command.reply.integer(
      static_cast<std::int64_t>(command.store.memory_of(key, command.first_key_hash)));
  return exec_status::done;
}

}  // namespace troupe::resp
