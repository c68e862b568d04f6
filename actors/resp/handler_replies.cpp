#include "actors/resp/handler_replies.hpp"

#include <string>

#include "actors/resp/number_parsing.hpp"

namespace troupe::resp {

void reply_invalid_expire(shard_command& command) {
  const command_spec* spec = find(command.argv[0]);
  command.reply.error(error_texts::invalid_expire(spec != nullptr ? spec->name : command.argv[0]));
}

void reply_failure(reply_writer& reply, const failure& why) {
  if (why.code == errc::no_space) return reply.error(disk_full_error);
  reply.error("ERR write refused: " + why.message);
}

void reply_large(shard_command& command, std::string_view key, key_hash hash,
                 kv::byte_range range) {
  command.streamed->push_back({command.reply.size(), command.store.parts_of(key, hash, range)});
}

void take_back(shard_command& command, std::size_t start, const failure& why) {
  if (command.streamed != nullptr) command.streamed->clear();
  command.reply.truncate(start);
  reply_failure(command.reply, why);
}

exec_status refuse(shard_command& command, std::string_view text) {
  command.reply.error(text);
  return exec_status::done;
}

std::optional<std::int64_t> integer_argument(shard_command& command, std::size_t index) {
  const auto value = parse_integer(command.argv[index]);
  if (!value) command.reply.error(error_texts::not_integer);
  return value;
}

record_batch::record_batch(shard_command& command)
    : store_(command.batch == batching::own ? &command.store : nullptr) {
  if (store_ != nullptr) store_->begin_batch();
}

record_batch::~record_batch() {
  if (store_ != nullptr) store_->end_batch();
}

}  // namespace troupe::resp
