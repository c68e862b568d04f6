#include "actors/resp/transfer_commands.hpp"

#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::resp {
namespace {

exec_status handle_fetch(shard_command& command) {
  const kv::found value = command.store.find(command.argv[1], command.first_key_hash);
  if (value.state == kv::presence::cold) return exec_status::cold;
  if (value.state == kv::presence::absent) {
    command.reply.null();
    return exec_status::done;
  }
  command.reply.array(2);
  command.reply.bulk(value.value);
  command.reply.integer(value.deadline_ms);
  return exec_status::done;
}

exec_status handle_place(shard_command& command) {
  const auto deadline_ms = parse_integer(command.argv[3]);
  ENSURE(deadline_ms.has_value());
  const auto stored =
      command.store.put(command.argv[1], command.first_key_hash, command.argv[2], *deadline_ms);
  if (stored) {
    command.reply.ok();
  } else {
    reply_failure(command.reply, stored.error());
  }
  return exec_status::done;
}

constexpr command_spec transfer_piece(std::string_view name, std::int16_t arity, command_flag flags,
                                      shard_handler handler) {
  command_spec spec{.name = name,
                    .arity = arity,
                    .flags = flags,
                    .group = command_group::generic,
                    .category = command_category::none,
                    .scope = scope::shard_key};
  spec.handler = handler;
  spec.keys = {1, 1, 1};
  return spec;
}

}  // namespace

constexpr command_spec fetch_for_transfer =
    transfer_piece("(fetch)", 2, command_flag::readonly, handle_fetch);

constexpr command_spec place_transferred =
    transfer_piece("(place)", 4, command_flag::write | command_flag::denyoom, handle_place);

}  // namespace troupe::resp
