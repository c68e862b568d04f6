#include "actors/resp/expiry_commands.hpp"

#include <algorithm>
#include <string>

#include "actors/resp/deadline_arguments.hpp"
#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::resp {
namespace {

using kv::presence;

/// When EXPIRE and its family may change a deadline.
struct expire_condition {
  bool only_if_none = false;     // NX
  bool only_if_some = false;     // XX
  bool only_if_later = false;    // GT
  bool only_if_earlier = false;  // LT

  /// No deadline counts as infinitely late.
  [[nodiscard]] bool allows(std::int64_t wanted_ms, std::int64_t current_ms) const noexcept {
    const bool has_deadline = current_ms != 0;
    if (only_if_none && has_deadline) return false;
    if (only_if_some && !has_deadline) return false;
    if (only_if_later && (!has_deadline || wanted_ms <= current_ms)) return false;
    return !(only_if_earlier && has_deadline && wanted_ms >= current_ms);
  }
};

// Replies the error and returns nothing if the options are unknown or contradict each other.
std::optional<expire_condition> parse_condition(shard_command& command) {
  expire_condition condition;
  for (const std::string_view word : command.argv.subspan(3)) {
    if (equals_ignoring_case(word, "nx")) {
      condition.only_if_none = true;
    } else if (equals_ignoring_case(word, "xx")) {
      condition.only_if_some = true;
    } else if (equals_ignoring_case(word, "gt")) {
      condition.only_if_later = true;
    } else if (equals_ignoring_case(word, "lt")) {
      condition.only_if_earlier = true;
    } else {
      const std::string_view shown = word.substr(0, word.find('\0'));
      command.reply.error("ERR Unsupported option " + std::string(shown));
      return std::nullopt;
    }
  }
  const bool compares = condition.only_if_later || condition.only_if_earlier;
  if (condition.only_if_none && (condition.only_if_some || compares)) {
    command.reply.error("ERR NX and XX, GT or LT options at the same time are not compatible");
    return std::nullopt;
  }
  if (condition.only_if_later && condition.only_if_earlier) {
    command.reply.error("ERR GT and LT options at the same time are not compatible");
    return std::nullopt;
  }
  return condition;
}

exec_status expire(shard_command& command, time_notation notation) {
  const auto condition = parse_condition(command);
  if (!condition) return exec_status::done;
  const auto amount = integer_argument(command, 2);
  if (!amount) return exec_status::done;
  const std::int64_t now_ms = command.store.now_ms();
  const auto deadline = deadline_from(*amount, notation, now_ms);
  if (!deadline) {
    reply_invalid_expire(command);
    return exec_status::done;
  }
  const std::string_view key = command.argv[1];
  const kv::found current = command.store.peek(key, command.first_key_hash);
  if (current.state == presence::absent || !condition->allows(*deadline, current.deadline_ms)) {
    command.reply.integer(0);
    return exec_status::done;
  }
  const auto changed = *deadline <= now_ms
                           ? command.store.erase(key, command.first_key_hash)
                           : command.store.set_deadline(key, command.first_key_hash, *deadline);
  if (changed) {
    command.reply.integer(1);
  } else {
    reply_failure(command.reply, changed.error());
  }
  return exec_status::done;
}

exec_status reply_deadline(shard_command& command, time_notation notation) {
  const kv::found value = command.store.peek(command.argv[1], command.first_key_hash);
  command.store.count_read(value.state);
  if (value.state == presence::absent) {
    command.reply.integer(-2);
  } else if (value.deadline_ms == 0) {
    command.reply.integer(-1);
  } else {
    const std::int64_t origin_ms = notation.base == time_base::now ? command.store.now_ms() : 0;
    const std::int64_t ms = std::max<std::int64_t>(value.deadline_ms - origin_ms, 0);
    // Seconds are rounded; written without adding first, because deadlines reach INT64_MAX.
    const std::int64_t seconds = ms / 1000 + (ms % 1000 >= 500 ? 1 : 0);
    command.reply.integer(notation.unit == time_unit::seconds ? seconds : ms);
  }
  return exec_status::done;
}

}  // namespace

exec_status handle_expire(shard_command& command) {
  return expire(command, {time_unit::seconds, time_base::now});
}

exec_status handle_pexpire(shard_command& command) {
  return expire(command, {time_unit::milliseconds, time_base::now});
}

exec_status handle_expireat(shard_command& command) {
  return expire(command, {time_unit::seconds, time_base::epoch});
}

exec_status handle_pexpireat(shard_command& command) {
  return expire(command, {time_unit::milliseconds, time_base::epoch});
}

exec_status handle_ttl(shard_command& command) {
  return reply_deadline(command, {time_unit::seconds, time_base::now});
}

exec_status handle_pttl(shard_command& command) {
  return reply_deadline(command, {time_unit::milliseconds, time_base::now});
}

exec_status handle_expiretime(shard_command& command) {
  return reply_deadline(command, {time_unit::seconds, time_base::epoch});
}

exec_status handle_pexpiretime(shard_command& command) {
  return reply_deadline(command, {time_unit::milliseconds, time_base::epoch});
}

exec_status handle_persist(shard_command& command) {
  const auto changed = command.store.set_deadline(command.argv[1], command.first_key_hash, 0);
  if (changed) {
    command.reply.integer(*changed ? 1 : 0);
  } else {
    reply_failure(command.reply, changed.error());
  }
  return exec_status::done;
}

}  // namespace troupe::resp
