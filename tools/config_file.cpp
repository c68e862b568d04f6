#include "tools/config_file.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <fstream>
#include <iterator>

#include "tools/settings.hpp"
#include "tools/suggestion.hpp"

namespace troupe::tools {

namespace {

constexpr std::size_t config_bytes_max = 1 << 20;

failure complain(const std::string& name, std::uint32_t line, std::string_view what) {
  return {errc::refused, fmt::format("{}:{}: {}", name, line, what)};
}

/// The text that a flag would carry; fails for tables, arrays, dates and fractions.
result<std::string> scalar_text(const toml::node& value) {
  if (const auto* text = value.as_string()) return text->get();
  if (const auto* number = value.as_integer()) return fmt::to_string(number->get());
  if (const auto* truth = value.as_boolean()) return std::string(truth->get() ? "true" : "false");
  return failure{errc::refused, "needs a string, a whole number, true or false"};
}

result<void> apply_one(const toml::key& key, const toml::node& value, const std::string& name,
                       actors::node_config& config) {
  const auto line = static_cast<std::uint32_t>(key.source().begin.line);
  const auto* const known = find_setting(key.str());
  if (known == nullptr)
    return complain(
        name, line,
        fmt::format("unknown key '{}'{}", key.str(), suggestion(key.str(), setting_keys())));
  const auto text = scalar_text(value);
  if (!text) return complain(name, line, fmt::format("{} {}", known->key, text.error().message));
  if (const auto applied = known->apply(config, *text); !applied)
    return complain(name, line, fmt::format("{}: {}", known->key, applied.error().message));
  return {};
}

}  // namespace

result<void> apply_config_text(std::string_view text, const std::string& name,
                               actors::node_config& config) {
  try {
    const auto table = toml::parse(text);
    for (const auto& [key, value] : table) TRY_VOID(apply_one(key, value, name, config));
  } catch (const toml::parse_error& error) {
    return complain(name, static_cast<std::uint32_t>(error.source().begin.line),
                    error.description());
  }
  return {};
}

result<void> apply_config_file(const std::string& path, actors::node_config& config) {
  std::ifstream file(path, std::ios::binary);
  std::string text(config_bytes_max + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad())
    return failure{errc::refused, fmt::format("config: cannot read '{}'", path)};
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > config_bytes_max)
    return failure{errc::refused, fmt::format("config: '{}' is larger than 1 MiB", path)};
  return apply_config_text(text, path, config);
}

}  // namespace troupe::tools
