// The settings of `troupe serve`: one table from which flags, configuration keys, help and
// suggestions follow.
//
// Place: command_line library. A setting arrives as text, whether from a flag or from a file, and
// is applied to a node_config in one way.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/node_config.hpp"
#include "storage/base/result.hpp"

namespace troupe::tools {

/// What a value is in a configuration file.
enum class value_kind : std::uint8_t {
  text,    ///< a string
  number,  ///< a whole number
  size,    ///< a whole number of bytes, or a string with a unit
  truth,   ///< true or false
};

/// One setting. As a flag it is `--<key> <placeholder>`; without a placeholder it is a switch.
struct setting {
  std::string_view key;
  std::string_view placeholder;
  std::string_view help;
  value_kind kind;
  /// Parses `text` into the configuration; secrets are read from the file that `text` names.
  result<void> (*apply)(actors::node_config&, const std::string& text);
};

[[nodiscard]] std::span<const setting> settings();

/// The one line that a file holds, without its end; `refused` if it holds something else.
[[nodiscard]] result<std::string> read_secret(const std::string& path);

/// The setting called `key`, or null.
[[nodiscard]] const setting* find_setting(std::string_view key);

/// All keys, for suggestions.
[[nodiscard]] std::vector<std::string_view> setting_keys();

}  // namespace troupe::tools
