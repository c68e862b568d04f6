// Reads the TOML configuration file: flat keys, the same names as the flags.
//
// Place: command_line library. Every complaint begins with `file:line:`, so that an editor can
// jump there.
#pragma once

#include <string>
#include <string_view>

#include "actors/node_config.hpp"
#include "storage/base/result.hpp"

namespace troupe::tools {

/// Applies the assignments in `text` to `config`; `name` stands for the file in messages. After a
/// failure `config` is half changed and must not be used.
[[nodiscard]] result<void> apply_config_text(std::string_view text, const std::string& name,
                                             actors::node_config& config);

/// Reads the file at `path` and applies it.
[[nodiscard]] result<void> apply_config_file(const std::string& path, actors::node_config& config);

}  // namespace troupe::tools
