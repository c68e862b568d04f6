#include "actors/resp/transfer_commands.hpp"

#include <vector>

#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::resp {
namespace {

enum class purpose : std::uint8_t { move, copy };

// Replies the bytes of a large value, which the other shard has to store anew. False: some of its
// parts are cold, nothing was replied.
bool reply_parts(shard_command& command, std::uint64_t size) {
  std::vector<std::string_view> parts;
  const auto whole = command.store.parts_of(command.argv[1], command.first_key_hash);
  for (const auto& part : whole.parts) {
    if (const auto bytes = command.store.find_part(part)) parts.push_back(*bytes);
  }
  if (parts.size() < whole.parts.size()) return false;
  command.reply.begin_bulk(size);
  for (const auto bytes : parts) command.reply.append_bulk(bytes);
  command.reply.end_bulk();
  return true;
}

exec_status fetch(shard_command& command, purpose what) {
  const kv::found value = command.store.find(command.argv[1], command.first_key_hash);
  if (value.state == kv::presence::cold) return exec_status::cold;
  if (value.state == kv::presence::absent) {
    if (what == purpose::copy) command.store.count_read(value.state);
    command.reply.null();
    return exec_status::done;
  }
  const auto form = what == purpose::copy ? form_of_copy(value.form) : value.form;
  const std::size_t before = command.reply.size();
  command.reply.array(3);
  if (value.state != kv::presence::large) {
    command.reply.bulk(value.value);
  } else if (!reply_parts(command, value.value_size)) {
    command.reply.truncate(before);
    return exec_status::cold;
  }
  if (what == purpose::copy) command.store.count_read(value.state);
  command.reply.integer(value.deadline_ms);
  command.reply.integer(static_cast<std::int64_t>(form));
  return exec_status::done;
}

exec_status handle_fetch(shard_command& command) { return fetch(command, purpose::move); }

exec_status handle_fetch_for_copy(shard_command& command) { return fetch(command, purpose::copy); }

exec_status handle_place(shard_command& command) {
  const auto deadline_ms = parse_integer(command.argv[3]);
  const auto form = parse_integer(command.argv[4]);
  ENSURE(deadline_ms.has_value() && form.has_value());
  const auto stored =
      command.store.put(command.argv[1], command.first_key_hash, command.argv[2], *deadline_ms);
  if (stored) {
    command.store.set_form(command.argv[1], command.first_key_hash,
                           static_cast<kv::value_form>(*form));
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

constexpr command_spec fetch_for_copy =
    transfer_piece("(fetch-for-copy)", 2, command_flag::readonly, handle_fetch_for_copy);

constexpr command_spec place_transferred =
    transfer_piece("(place)", 5, command_flag::write | command_flag::denyoom, handle_place);

}  // namespace troupe::resp
