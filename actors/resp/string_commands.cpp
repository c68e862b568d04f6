#include "actors/resp/string_commands.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "actors/resp/deadline_arguments.hpp"
#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/resp/piecewise_changes.hpp"
#include "storage/base/limits.hpp"

namespace troupe::resp {
namespace {

using existence = string_options::existence;
using expiry = string_options::expiry;
using kv::presence;

exec_status reply_stored(shard_command& command, const result<void>& stored) {
  if (stored) {
    command.reply.ok();
  } else {
    reply_failure(command.reply, stored.error());
  }
  return exec_status::done;
}

// Stores and replies OK or why not.
exec_status put_replying_ok(shard_command& command, std::string_view value,
                            std::int64_t deadline_ms) {
  return reply_stored(
      command, command.store.put(command.argv[1], command.first_key_hash, value, deadline_ms));
}

// Stores an argument under the command's key.
auto value_at(shard_command& command, std::size_t index) {
  return [&command, index](std::int64_t deadline_ms) {
    return command.store.put(command.argv[1], command.first_key_hash, command.argv[index],
                             deadline_ms);
  };
}

// Stores with `put`, with the value that was there as reply; `old` is invalid afterwards.
template <class Put>
exec_status put_replying_old(shard_command& command, const kv::found& old, const Put& put,
                             std::int64_t deadline_ms) {
  const std::size_t before = command.reply.size();
  reply_value(command, command.argv[1], command.first_key_hash, old);
  const result<void> stored = put(deadline_ms);
  if (!stored) take_back(command, before, stored.error());
  return exec_status::done;
}

result<void> put_whole(shard_command& command, std::string_view value, std::int64_t deadline_ms) {
  return command.store.put(command.argv[1], command.first_key_hash, value, deadline_ms);
}

result<void> put_whole(shard_command& command, const piece_list& value, std::int64_t deadline_ms) {
  return command.store.put_pieces(command.argv[1], command.first_key_hash, value.pieces(),
                                  deadline_ms);
}

// Stores what became of `old`, and replies its size.
template <class Value>
exec_status put_grown(shard_command& command, const kv::found& old, const Value& value,
                      std::uint64_t size, kv::value_form form = kv::value_form::grown) {
  const auto stored = put_whole(command, value, old.deadline_ms);
  if (!stored) {
    reply_failure(command.reply, stored.error());
    return exec_status::done;
  }
  command.store.set_form(command.argv[1], command.first_key_hash, form);
  command.reply.integer(static_cast<std::int64_t>(size));
  return exec_status::done;
}

// SET behind its value: `put` stores that with a deadline.
template <class Put>
exec_status set_with_options(shard_command& command, const Put& put) {
  const auto options = parse_string_options(command.argv, 3, string_option_set::set);
  if (!options) return refuse(command, error_texts::syntax);
  std::int64_t deadline_ms = 0;
  if (options->deadline == expiry::given) {
    const auto given = positive_deadline(command, options->amount, options->notation);
    if (!given) return exec_status::done;
    deadline_ms = *given;
  }
  const std::string_view key = command.argv[1];
  const kv::found old = options->returns_old_value
                            ? command.store.find(key, command.first_key_hash)
                            : command.store.peek(key, command.first_key_hash);
  if (must_wait(command, old)) return exec_status::cold;
  if (options->returns_old_value) command.store.count_read(old.state);
  if (options->deadline == expiry::keep) deadline_ms = old.deadline_ms;

  const bool exists = old.state != presence::absent;
  const bool refused = (options->condition == existence::must_not_exist && exists) ||
                       (options->condition == existence::must_exist && !exists);
  if (refused) {
    if (options->returns_old_value) {
      reply_value(command, key, command.first_key_hash, old);
    } else {
      command.reply.null();
    }
    return exec_status::done;
  }
  return options->returns_old_value ? put_replying_old(command, old, put, deadline_ms)
                                    : reply_stored(command, put(deadline_ms));
}

exec_status set_expiring(shard_command& command, time_unit unit) {
  const auto deadline = positive_deadline(command, command.argv[2], {unit, time_base::now});
  return deadline ? put_replying_ok(command, command.argv[3], *deadline) : exec_status::done;
}

// GETEX behind the lookup: replies the value and changes its deadline.
exec_status change_deadline_replying_value(shard_command& command, const kv::found& value,
                                           std::int64_t deadline_ms) {
  const std::string_view key = command.argv[1];
  const std::size_t before = command.reply.size();
  reply_value(command, key, command.first_key_hash, value);
  const bool already_over = deadline_ms != 0 && deadline_ms <= command.store.now_ms();
  const auto changed = already_over
                           ? command.store.erase(key, command.first_key_hash)
                           : command.store.set_deadline(key, command.first_key_hash, deadline_ms);
  if (!changed) take_back(command, before, changed.error());
  return exec_status::done;
}

// All pairs or none: the room is checked for all of them before the first is stored. Replies the
// error and returns false if nothing was stored.
bool put_pairs(shard_command& command) {
  const arguments argv = command.argv;
  const std::size_t pairs = argv.size() / 2;
  if (!command.store.has_room(write_bytes_estimate(argv) + pairs * record_overhead_bytes)) {
    command.reply.error(disk_full_error);
    return false;
  }
  const record_batch batch(command);
  for (std::size_t at = 1; at + 1 < argv.size(); at += 2) {
    const auto stored = command.store.put(argv[at], command.store.hash(argv[at]), argv[at + 1], 0);
    if (!stored) {
      reply_failure(command.reply, stored.error());
      return false;
    }
  }
  return true;
}

bool refuse_odd_pairs(shard_command& command) {
  if (command.argv.size() % 2 == 1) return false;
  const command_spec* spec = find(command.argv[0]);
  command.reply.error(error_texts::wrong_arity(spec != nullptr ? spec->name : command.argv[0]));
  return true;
}

}  // namespace

exec_status handle_set(shard_command& command) {
  if (command.argv.size() > 3) return set_with_options(command, value_at(command, 2));
  return put_replying_ok(command, command.argv[2], 0);
}

exec_status set_from_upload(shard_command& command, kv::upload_id from, std::uint64_t size) {
  return set_with_options(command, [&command, from, size](std::int64_t deadline_ms) {
    return command.store.put_uploaded(from, size, command.argv[1], command.first_key_hash,
                                      deadline_ms);
  });
}

exec_status handle_setnx(shard_command& command) {
  const std::string_view key = command.argv[1];
  if (command.store.peek(key, command.first_key_hash).state != presence::absent) {
    command.reply.integer(0);
    return exec_status::done;
  }
  const auto stored = command.store.put(key, command.first_key_hash, command.argv[2], 0);
  if (stored) {
    command.reply.integer(1);
  } else {
    reply_failure(command.reply, stored.error());
  }
  return exec_status::done;
}

exec_status handle_setex(shard_command& command) {
  return set_expiring(command, time_unit::seconds);
}

exec_status handle_psetex(shard_command& command) {
  return set_expiring(command, time_unit::milliseconds);
}

exec_status handle_get(shard_command& command) {
  const std::string_view key = command.argv[1];
  const kv::found value = command.store.find(key, command.first_key_hash);
  if (must_wait(command, value)) return exec_status::cold;
  command.store.count_read(value.state);
  reply_value(command, key, command.first_key_hash, value);
  return exec_status::done;
}

exec_status handle_getex(shard_command& command) {
  const auto options = parse_string_options(command.argv, 2, string_option_set::getex);
  if (!options) return refuse(command, error_texts::syntax);
  const std::string_view key = command.argv[1];
  const kv::found value = command.store.find(key, command.first_key_hash);
  if (must_wait(command, value)) return exec_status::cold;
  command.store.count_read(value.state);
  const bool changes = options->deadline == expiry::given ||
                       (options->deadline == expiry::persist && value.deadline_ms != 0);
  if (value.state == presence::absent || !changes) {
    reply_value(command, key, command.first_key_hash, value);
    return exec_status::done;
  }
  std::int64_t deadline_ms = 0;
  if (options->deadline == expiry::given) {
    const auto given = positive_deadline(command, options->amount, options->notation);
    if (!given) return exec_status::done;
    deadline_ms = *given;
  }
  return change_deadline_replying_value(command, value, deadline_ms);
}

exec_status handle_getdel(shard_command& command) {
  const std::string_view key = command.argv[1];
  const kv::found value = command.store.find(key, command.first_key_hash);
  if (must_wait(command, value)) return exec_status::cold;
  command.store.count_read(value.state);
  const std::size_t before = command.reply.size();
  reply_value(command, key, command.first_key_hash, value);
  if (value.state == presence::absent) return exec_status::done;
  const auto erased = command.store.erase(key, command.first_key_hash);
  if (!erased) take_back(command, before, erased.error());
  return exec_status::done;
}

exec_status handle_getset(shard_command& command) {
  const kv::found old = command.store.find(command.argv[1], command.first_key_hash);
  if (must_wait(command, old)) return exec_status::cold;
  command.store.count_read(old.state);
  return put_replying_old(command, old, value_at(command, 2), 0);
}

exec_status handle_mget(shard_command& command) {
  const arguments keys = command.argv.subspan(1);
  std::vector<kv::found> values;
  values.reserve(keys.size());
  // Every cold value is asked for in one round, so the loop goes on behind the first.
  bool waits = false;
  std::size_t bytes = 0;
  for (const std::string_view key : keys) {
    values.push_back(command.store.find(key, command.store.hash(key)));
    waits |= must_wait(command, values.back());
    bytes += values.back().state == presence::large ? limits::streamed_reply_bytes
                                                    : values.back().value_size;
    if (bytes > limits::reply_bytes_max) return refuse(command, error_texts::reply_too_large);
  }
  if (waits) return exec_status::cold;
  command.reply.array(values.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    command.store.count_read(values[i].state);
    reply_value(command, keys[i], command.store.hash(keys[i]), values[i]);
  }
  return exec_status::done;
}

exec_status handle_mset(shard_command& command) {
  if (!refuse_odd_pairs(command) && put_pairs(command)) command.reply.ok();
  return exec_status::done;
}

exec_status handle_msetnx(shard_command& command) {
  if (refuse_odd_pairs(command)) return exec_status::done;
  bool any_exists = false;
  for (std::size_t at = 1; at < command.argv.size(); at += 2) {
    const std::string_view key = command.argv[at];
    any_exists |= command.store.peek(key, command.store.hash(key)).state != presence::absent;
  }
  if (any_exists) {
    command.reply.integer(0);
    return exec_status::done;
  }
  if (put_pairs(command)) command.reply.integer(1);
  return exec_status::done;
}

exec_status handle_append(shard_command& command) {
  const std::string_view key = command.argv[1];
  const std::string_view suffix = command.argv[2];
  const kv::found old = command.store.find(key, command.first_key_hash);
  if (old.state == presence::cold) return exec_status::cold;
  const std::uint64_t size = old.value_size + suffix.size();
  if (size > limits::value_bytes_max) return refuse(command, error_texts::string_too_long);
  if (old.state == presence::large) {
    const auto whole = appended_to_large(command, suffix);
    return whole ? put_grown(command, old, *whole, size) : exec_status::cold;
  }
  std::string joined;
  joined.reserve(size);
  joined.append(old.value).append(suffix);
  const auto is_new = old.state == presence::absent;
  return put_grown(command, old, joined, size,
                   is_new ? kv::value_form::natural : kv::value_form::grown);
}

exec_status handle_strlen(shard_command& command) {
  const kv::found value = command.store.peek(command.argv[1], command.first_key_hash);
  command.store.count_read(value.state);
  command.reply.integer(static_cast<std::int64_t>(value.value_size));
  return exec_status::done;
}

exec_status handle_getrange(shard_command& command) {
  const auto first = integer_argument(command, 2);
  if (!first) return exec_status::done;
  const auto last = integer_argument(command, 3);
  if (!last) return exec_status::done;
  const std::string_view key = command.argv[1];
  const kv::found value = command.store.find(key, command.first_key_hash);
  if (must_wait(command, value)) return exec_status::cold;
  command.store.count_read(value.state);

  const auto size = static_cast<std::int64_t>(value.value_size);
  const bool both_from_end_reversed = *first < 0 && *last < 0 && *first > *last;
  const std::int64_t begin = std::max<std::int64_t>(*first < 0 ? size + *first : *first, 0);
  const std::int64_t end =
      std::min(std::max<std::int64_t>(*last < 0 ? size + *last : *last, 0), size - 1);
  const kv::byte_range range{static_cast<std::uint64_t>(begin),
                             static_cast<std::uint64_t>(end - begin + 1)};
  if (both_from_end_reversed || begin > end) {
    command.reply.bulk({});
  } else if (value.state == presence::large) {
    reply_large(command, key, command.first_key_hash, range);
  } else {
    command.reply.bulk(value.value.substr(range.offset, range.size));
  }
  return exec_status::done;
}

exec_status handle_setrange(shard_command& command) {
  const auto offset = integer_argument(command, 2);
  if (!offset) return exec_status::done;
  if (*offset < 0) return refuse(command, error_texts::offset_out_of_range);
  const std::string_view key = command.argv[1];
  const std::string_view piece = command.argv[3];
  if (piece.empty()) {
    const kv::found old = command.store.peek(key, command.first_key_hash);
    command.reply.integer(static_cast<std::int64_t>(old.value_size));
    return exec_status::done;
  }
  const auto begin = static_cast<std::uint64_t>(*offset);
  if (begin + piece.size() > limits::value_bytes_max) {
    return refuse(command, error_texts::string_too_long);
  }
  const kv::found old = command.store.find(key, command.first_key_hash);
  if (old.state == presence::cold) return exec_status::cold;
  const std::uint64_t size = std::max(old.value_size, begin + piece.size());
  if (old.state == presence::large) {
    const auto whole = large_overwritten(command, begin, piece);
    return whole ? put_grown(command, old, *whole, size) : exec_status::cold;
  }
  if (begin >= old.value_size + limits::part_bytes_max) {
    return put_grown(command, old, far_overwritten(old.value, begin, piece), size);
  }
  std::string changed(old.value);
  changed.resize(size, '\0');
  changed.replace(begin, piece.size(), piece);
  return put_grown(command, old, changed, size);
}

}  // namespace troupe::resp
