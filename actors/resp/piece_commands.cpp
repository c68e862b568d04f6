#include "actors/resp/piece_commands.hpp"

#include <array>
#include <charconv>

#include "actors/resp/debug_pieces.hpp"
#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/resp/reply_writer.hpp"
#include "actors/resp/scan_commands.hpp"
#include "actors/resp/transfer_commands.hpp"
#include "actors/resp/upload_commands.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::resp {

namespace {

kv::watcher_id watcher_of(const shard_command& command) {
  const auto text = command.argv[1];
  kv::watcher_id who;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), who.value);
  ENSURE(parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size());
  return who;
}

exec_status run_watch_key(shard_command& command) {
  command.store.watch(watcher_of(command), command.argv[2], command.store.hash(command.argv[2]));
  command.reply.ok();
  return exec_status::done;
}

exec_status run_watch_check(shard_command& command) {
  command.reply.integer(command.store.is_dirty(watcher_of(command)) ? 1 : 0);
  return exec_status::done;
}

exec_status run_watch_forget(shard_command& command) {
  command.store.unwatch(watcher_of(command));
  command.reply.ok();
  return exec_status::done;
}

exec_status run_count_existing(shard_command& command) {
  std::int64_t count = 0;
  for (const auto key : command.argv.subspan(1)) {
    const auto seen = command.store.peek(key, command.store.hash(key));
    if (seen.state != kv::presence::absent) ++count;
  }
  command.reply.integer(count);
  return exec_status::done;
}

exec_status run_check_room(shard_command& command) {
  const auto bytes = parse_integer(command.argv[1]);
  ENSURE(bytes.has_value());
  if (command.store.has_room(static_cast<std::size_t>(*bytes))) {
    command.reply.ok();
  } else {
    command.reply.error(disk_full_error);
  }
  return exec_status::done;
}

constexpr command_spec piece(std::string_view name, std::int16_t arity, shard_handler handler) {
  return {.name = name,
          .arity = arity,
          .flags = command_flag::readonly,
          .group = command_group::transactions,
          .category = command_category::none,
          .scope = scope::shard_key,
          .handler = handler};
}

}  // namespace

constexpr command_spec watch_key = piece("~watch-key", 3, run_watch_key);
constexpr command_spec watch_check = piece("~watch-check", 2, run_watch_check);
constexpr command_spec watch_forget = piece("~watch-forget", 2, run_watch_forget);

constexpr command_spec count_existing = [] {
  auto spec = piece("~count-existing", -2, run_count_existing);
  spec.keys = {1, -1, 1};
  return spec;
}();

constexpr command_spec check_room = [] {
  auto spec = piece("~check-room", 2, run_check_room);
  spec.flags = command_flag::write;
  return spec;
}();

constexpr command_spec keys_step = piece("~keys-step", 3, handle_keys_step);

const command_spec* find_piece(std::string_view name) noexcept {
  // What clients send is told by its first letter.
  if (!name.starts_with('~') && !name.starts_with('(')) return nullptr;
  for (const auto* spec :
       {&watch_key, &watch_check, &watch_forget, &count_existing, &fetch_for_transfer,
        &fetch_for_copy, &place_transferred, &store_part, &set_uploaded, &drop_upload,
        &debug_object(), &set_sweeping, &check_room, &keys_step}) {
    if (spec->name == name) return spec;
  }
  return nullptr;
}

}  // namespace troupe::resp
