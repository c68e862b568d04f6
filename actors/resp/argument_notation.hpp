// The compact notation of a command's arguments (see command_docs.hpp), read and shown.
//
// Place: actors/resp, pure; used for COMMAND DOCS and HELP. The notation is part of the program, so
// text that does not follow it is an impossible state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::resp {

/// One argument; views point into the notation.
struct argument_note {
  std::string_view name;
  std::string_view type;  ///< "key", "integer", "pure-token", "oneof", "block", ...
  std::optional<std::int64_t> key_spec_index;
  std::string_view token;
  std::string_view since;
  bool is_optional = false;
  bool is_multiple = false;
  bool repeats_token = false;
  std::vector<argument_note> nested;
};

[[nodiscard]] std::vector<argument_note> parse_argument_notation(std::string_view notation);

/// The arguments as people write them, each with a space before it: " key [EX seconds|KEEPTTL]".
[[nodiscard]] std::string usage_of(const std::vector<argument_note>& notes);

[[nodiscard]] std::string upper_case(std::string_view text);

}  // namespace troupe::resp
