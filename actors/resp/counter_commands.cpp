#include "actors/resp/counter_commands.hpp"

#include <cmath>

#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::resp {
namespace {

exec_status add(shard_command& command, std::int64_t increment) {
  const std::string_view key = command.argv[1];
  const kv::found old = command.store.find(key, command.first_key_hash);
  if (old.state == kv::presence::cold) return exec_status::cold;
  if (old.state == kv::presence::large) return refuse(command, error_texts::not_integer);
  std::int64_t value = 0;
  if (old.state == kv::presence::present) {
    const auto number = parse_integer(old.value);
    if (!number) return refuse(command, error_texts::not_integer);
    value = *number;
  }
  if (__builtin_add_overflow(value, increment, &value)) {
    return refuse(command, error_texts::overflow);
  }
  const integer_text text(value);
  const auto stored = command.store.put(key, command.first_key_hash, text.view(), old.deadline_ms);
  if (!stored) {
    reply_failure(command.reply, stored.error());
  } else {
    command.reply.integer(value);
  }
  return exec_status::done;
}

}  // namespace

exec_status handle_incr(shard_command& command) { return add(command, 1); }

exec_status handle_decr(shard_command& command) { return add(command, -1); }

exec_status handle_incrby(shard_command& command) {
  const auto increment = integer_argument(command, 2);
  return increment ? add(command, *increment) : exec_status::done;
}

exec_status handle_decrby(shard_command& command) {
  const auto decrement = integer_argument(command, 2);
  if (!decrement) return exec_status::done;
  if (*decrement == INT64_MIN) return refuse(command, "ERR decrement would overflow");
  return add(command, -*decrement);
}

exec_status handle_incrbyfloat(shard_command& command) {
  const std::string_view key = command.argv[1];
  const kv::found old = command.store.find(key, command.first_key_hash);
  if (old.state == kv::presence::cold) return exec_status::cold;
  if (old.state == kv::presence::large) return refuse(command, error_texts::not_float);
  long double value = 0;
  if (old.state == kv::presence::present) {
    const auto number = parse_long_double(old.value);
    if (!number) return refuse(command, error_texts::not_float);
    value = *number;
  }
  const auto increment = parse_long_double(command.argv[2]);
  if (!increment) return refuse(command, error_texts::not_float);
  value += *increment;
  if (!std::isfinite(value)) {
    return refuse(command, error_texts::not_finite);
  }
  const std::string text = format_long_double(value);
  const auto stored = command.store.put(key, command.first_key_hash, text, old.deadline_ms);
  if (!stored) {
    reply_failure(command.reply, stored.error());
  } else {
    command.store.set_form(key, command.first_key_hash, kv::value_form::computed);
    command.reply.bulk(text);
  }
  return exec_status::done;
}

}  // namespace troupe::resp
