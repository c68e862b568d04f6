#include "actors/resp/debug_pieces.hpp"

#include <fmt/format.h>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/handler_replies.hpp"
#include "actors/resp/key_commands.hpp"
#include "actors/resp/reply_writer.hpp"

namespace troupe::resp {

namespace {

exec_status run_debug_object(shard_command& command) {
  const auto key = command.argv[1];
  const auto its = command.store.standing_of(key, command.first_key_hash);
  if (!its) return refuse(command, error_texts::no_such_key);
  // To read a value for this would bring it into memory: then the answer would not be true.
  const auto [state, known] = encoding_of(command, key);
  const auto encoding = state == kv::presence::cold ? "unread" : known;
  command.reply.simple(fmt::format(
      "Value at:{} refcount:1 encoding:{} serializedlength:{} segment:{} offset:{} lsn:{}",
      its->in_memory ? "memory" : "log", encoding, its->log_bytes, its->where.segment,
      its->where.offset, its->value_lsn.value));
  return exec_status::done;
}

exec_status run_set_sweeping(shard_command& command) {
  command.store.set_sweeping(command.argv[1] == "0" ? kv::sweeping::off : kv::sweeping::on);
  command.reply.ok();
  return exec_status::done;
}

}  // namespace

const command_spec& debug_object() {
  static const command_spec spec{.name = "~debug-object",
                                 .arity = 2,
                                 .number = find("debug")->number,
                                 .flags = command_flag::readonly,
                                 .group = command_group::server,
                                 .category = command_category::none,
                                 .scope = scope::shard_key,
                                 .handler = run_debug_object,
                                 .keys = {1, 1, 1}};
  return spec;
}

constexpr command_spec set_sweeping = {.name = "~set-sweeping",
                                       .arity = 2,
                                       .flags = command_flag::none,
                                       .group = command_group::server,
                                       .category = command_category::none,
                                       .scope = scope::shard_key,
                                       .handler = run_set_sweeping};

}  // namespace troupe::resp
