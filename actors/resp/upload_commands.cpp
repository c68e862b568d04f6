#include "actors/resp/upload_commands.hpp"

#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/resp/reply_writer.hpp"
#include "actors/resp/string_commands.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::resp {

namespace {

std::uint64_t number_in(std::string_view text) {
  const auto number = parse_integer(text);
  ENSURE(number && *number >= 0);  // a session wrote it
  return static_cast<std::uint64_t>(*number);
}

exec_status run_store_part(shard_command& command) {
  const auto stored =
      command.store.upload_part({number_in(command.argv[1])}, command.argv[2], command.argv[3]);
  if (stored) {
    command.reply.ok();
  } else {
    reply_failure(command.reply, stored.error());
  }
  return exec_status::done;
}

exec_status run_set_uploaded(shard_command& command) {
  auto as_set = command;
  as_set.argv = command.argv.subspan(3);
  return set_from_upload(as_set, {number_in(command.argv[1])}, number_in(command.argv[2]));
}

exec_status run_drop_upload(shard_command& command) {
  command.store.drop_upload({number_in(command.argv[1])});
  command.reply.ok();
  return exec_status::done;
}

constexpr command_spec piece(std::string_view name, std::int16_t arity, command_flag flags,
                             key_range keys, shard_handler handler) {
  return {.name = name,
          .arity = arity,
          .flags = flags,
          .group = command_group::string,
          .category = command_category::none,
          .scope = scope::shard_key,
          .handler = handler,
          .keys = keys};
}

}  // namespace

constexpr command_spec store_part =
    piece("~store-part", 4, command_flag::write, {}, run_store_part);
constexpr command_spec set_uploaded =
    piece("~set-uploaded", -6, command_flag::write, {4, 4, 1}, run_set_uploaded);
constexpr command_spec drop_upload =
    piece("~drop-upload", 2, command_flag::readonly, {}, run_drop_upload);

}  // namespace troupe::resp
