// Expiry as commands state it: relative or absolute, seconds or milliseconds, with Redis' overflow
// checks; and the options that SET and GETEX share.
//
// Place: actors/resp, pure, used by the handlers only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

enum class time_unit : std::uint8_t { seconds, milliseconds };
enum class time_base : std::uint8_t { now, epoch };

/// How a command words a point in time.
struct time_notation {
  time_unit unit = time_unit::seconds;
  time_base base = time_base::now;
};

/// The point in time that `amount` names, in milliseconds since the epoch, which may be in the
/// past; nothing on overflow.
[[nodiscard]] std::optional<std::int64_t> deadline_from(std::int64_t amount, time_notation notation,
                                                        std::int64_t now_ms) noexcept;

/// Options of SET and GETEX as given.
struct string_options {
  enum class existence : std::uint8_t { any, must_not_exist, must_exist };
  enum class expiry : std::uint8_t { none, given, keep, persist };

  existence condition = existence::any;
  expiry deadline = expiry::none;
  bool returns_old_value = false;
  std::string_view amount{};  ///< of `given`
  time_notation notation{};   ///< of `given`
};

/// Which command's options are read: SET knows NX XX GET KEEPTTL, GETEX knows PERSIST.
enum class string_option_set : std::uint8_t { set, getex };

/// Options from argument `first` on; nothing if they are unknown or contradict each other.
[[nodiscard]] std::optional<string_options> parse_string_options(arguments argv, std::size_t first,
                                                                 string_option_set known) noexcept;

/// The deadline of SET, SETEX, PSETEX and GETEX: must be a positive amount. Replies the error and
/// returns nothing if it is not.
std::optional<std::int64_t> positive_deadline(shard_command& command, std::string_view amount,
                                              time_notation notation);

}  // namespace troupe::resp
