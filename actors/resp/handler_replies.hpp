// What several command families have in common: refused writes, integer arguments and batches of
// records.
//
// Place: actors/resp, pure, used by the handlers only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "actors/resp/command_table.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/resp/reply_writer.hpp"
#include "storage/base/error.hpp"

namespace troupe::resp {

/// What a write gets when the log has no room for it.
inline constexpr std::string_view disk_full_error =
    "OOM disk full: the log has no room for this write, only deletes are accepted until space is "
    "freed";

/// "ERR invalid expire time in '<command>' command".
void reply_invalid_expire(shard_command& command);

/// The error a client gets when the store refused a write.
void reply_failure(reply_writer& reply, const failure& why);

/// Replies an error and returns done: `return refuse(command, error_text::syntax);`
exec_status refuse(shard_command& command, std::string_view text);

/// An integer argument; replies Redis' error if it is none.
std::optional<std::int64_t> integer_argument(shard_command& command, std::size_t index);

/// True if a value that find() found cannot be replied in this run: the command is `cold`.
[[nodiscard]] inline bool must_wait(const shard_command& command, const kv::found& value) noexcept {
  return value.state == kv::presence::cold ||
         (value.state == kv::presence::large && command.large == large_replies::deferred);
}

/// Streams these bytes of a value that find() called `large`.
void reply_large(shard_command& command, std::string_view key, key_hash hash,
                 kv::byte_range range = {});

/// Replies what find() found, or that there is nothing. To be called before the key is changed.
/// Precondition: !must_wait().
inline void reply_value(shard_command& command, std::string_view key, key_hash hash,
                        const kv::found& value) {
  if (value.state == kv::presence::present) [[likely]] {
    command.reply.bulk(value.value);
  } else if (value.state == kv::presence::large) {
    reply_large(command, key, hash);
  } else {
    command.reply.null();
  }
}

/// Takes back the reply from `start` on, what is streamed with it, and replies the store's error.
void take_back(shard_command& command, std::size_t start, const failure& why);

/// Upper bound of the log bytes of one put beside its key and value.
inline constexpr std::size_t record_overhead_bytes = 64;

/// One batch of records for its lifetime, unless the command is part of a batch already.
class record_batch {
 public:
  explicit record_batch(shard_command& command);
  ~record_batch();
  record_batch(const record_batch&) = delete;
  record_batch& operator=(const record_batch&) = delete;

 private:
  kv::store* store_;  ///< nullptr: an enclosing batch
};

}  // namespace troupe::resp
