#include "actors/resp/scan_commands.hpp"

#include <algorithm>
#include <string>

#include "actors/resp/glob_match.hpp"
#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/resp/scan_cursor.hpp"
#include "actors/resp/sliced_command.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::resp {
namespace {

constexpr std::int64_t scan_count_default = 10;
// Keys that one SCAN looks at, whatever its COUNT, so that it stays around 200 us: a reply may have
// fewer keys than COUNT says, and the cursor goes on behind them.
constexpr std::int64_t scan_count_max = 4096;

// Encoded bulk strings whose number is known only at the end.
class key_list {
 public:
  explicit key_list(protocol version) : writer_(bytes_, version) {}
  key_list(const key_list&) = delete;
  key_list& operator=(const key_list&) = delete;

  void add(std::string_view key) {
    writer_.bulk(key);
    ++count_;
  }
  void write_to(reply_writer& reply) const {
    reply.array(count_);
    reply.encoded(bytes_);
  }

 private:
  std::string bytes_;
  reply_writer writer_;
  std::size_t count_ = 0;
};

struct scan_options {
  std::int64_t count = scan_count_default;
  std::string_view pattern = "*";
  bool names_type = false;
  bool wants_strings = true;  // the only type there is
};

// Replies the error and returns nothing if the options are wrong.
std::optional<scan_options> parse_scan_options(shard_command& command) {
  scan_options options;
  const arguments argv = command.argv;
  for (std::size_t at = 2; at < argv.size(); at += 2) {
    const bool has_value = at + 1 < argv.size();
    if (has_value && equals_ignoring_case(argv[at], "count")) {
      const auto count = integer_argument(command, at + 1);
      if (!count) return std::nullopt;
      if (*count < 1) {
        command.reply.error(error_texts::syntax);
        return std::nullopt;
      }
      options.count = *count;
    } else if (has_value && equals_ignoring_case(argv[at], "match")) {
      options.pattern = argv[at + 1];
    } else if (has_value && equals_ignoring_case(argv[at], "type")) {
      options.names_type = true;
      options.wants_strings = equals_ignoring_case(argv[at + 1], "string");
    } else {
      command.reply.error(error_texts::syntax);
      return std::nullopt;
    }
  }
  return options;
}

// Adds those of the next keys that match; returns the cursor behind them, 0 = there are no more.
std::uint64_t add_matches(const shard_command& command, std::string_view pattern,
                          std::uint64_t cursor, key_list& keys) {
  const bool matches_all = pattern == "*";
  return command.store.scan(cursor, keys_per_step, [&](std::string_view key) {
    if (matches_all || glob_match(pattern, key)) keys.add(key);
  });
}

}  // namespace

exec_status handle_scan(shard_command& command) {
  const auto number = parse_cursor(command.argv[1]);
  if (!number) return refuse(command, error_texts::invalid_cursor);
  const auto options = parse_scan_options(command);
  if (!options) return exec_status::done;

  command.store.observe_all();
  key_list keys(command.reply.version());
  std::uint64_t following = 0;
  if (const auto cursor = decode_cursor(*number, command.place.shard_count)) {
    const bool matches_all = options->pattern == "*";
    const auto count = static_cast<std::size_t>(std::min(options->count, scan_count_max));
    const std::uint64_t next_local =
        command.store.scan(cursor->local, count, [&](std::string_view key) {
          if (!matches_all && !glob_match(options->pattern, key)) return;
          // To ask for a type is to look each key up.
          if (options->names_type) command.store.count_read(kv::presence::present);
          if (options->wants_strings) keys.add(key);
        });
    following = following_cursor(cursor->shard, next_local, command.place.shard_count);
  }
  command.reply.array(2);
  command.reply.bulk(std::to_string(following));
  keys.write_to(command.reply);
  return exec_status::done;
}

exec_status handle_keys(shard_command& command) {
  command.store.observe_all();
  key_list keys(command.reply.version());
  std::uint64_t cursor = 0;
  do {
    cursor = add_matches(command, command.argv[1], cursor, keys);
  } while (cursor != 0);
  keys.write_to(command.reply);
  return exec_status::done;
}

exec_status handle_keys_step(shard_command& command) {
  const auto cursor = parse_cursor(command.argv[1]);
  ENSURE(cursor.has_value());
  command.store.observe_all();
  key_list keys(command.reply.version());
  const std::uint64_t following = add_matches(command, command.argv[2], *cursor, keys);
  command.reply.array(2);
  command.reply.bulk(std::to_string(following));
  keys.write_to(command.reply);
  return exec_status::done;
}

exec_status handle_randomkey(shard_command& command) {
  command.store.observe_all();
  if (const auto key = command.store.random_key(command.random)) {
    command.reply.bulk(*key);
  } else {
    command.reply.null();
  }
  return exec_status::done;
}

exec_status handle_dbsize(shard_command& command) {
  command.store.observe_all();
  command.reply.integer(static_cast<std::int64_t>(command.store.size()));
  return exec_status::done;
}

exec_status handle_flush_all(shard_command& command) {
  const arguments argv = command.argv;
  // The store flushes without delay either way, so the mode is checked and has no effect.
  const bool known_mode =
      argv.size() == 1 || (argv.size() == 2 && (equals_ignoring_case(argv[1], "sync") ||
                                                equals_ignoring_case(argv[1], "async")));
  if (!known_mode) return refuse(command, error_texts::syntax);
  const auto flushed = command.store.flush_all();
  if (flushed) {
    command.reply.ok();
  } else {
    reply_failure(command.reply, flushed.error());
  }
  return exec_status::done;
}

}  // namespace troupe::resp
