// Reads the TOML configuration file: flat keys, the same names as the flags.
//
// Place: command_line library. Every complaint is a line that begins with `file:line:`, so that an
// editor can jump there; all of them are made at once, in the order of the file.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "actors/node_config.hpp"
#include "storage/base/result.hpp"

namespace troupe::tools {

/// Where each setting was given, by its key: "node.toml:3: shards", "--shards".
using setting_origins = std::map<std::string, std::string, std::less<>>;

/// Applies the assignments in `text` to `config` and notes their places; `name` stands for the file
/// in messages. After a failure `config` is half changed and must not be used.
[[nodiscard]] result<void> apply_config_text(std::string_view text, const std::string& name,
                                             actors::node_config& config, setting_origins& origins);

/// Reads the file at `path` and applies it.
[[nodiscard]] result<void> apply_config_file(const std::string& path, actors::node_config& config,
                                             setting_origins& origins);

}  // namespace troupe::tools
