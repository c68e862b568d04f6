#include "tools/config_file.hpp"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <fstream>
#include <utility>

#include "tools/settings.hpp"
#include "tools/suggestion.hpp"

namespace troupe::tools {

namespace {

constexpr std::size_t config_bytes_max = 1 << 20;

std::string at_line(const std::string& name, std::uint32_t line, std::string_view what) {
  return fmt::format("{}:{}: {}", name, line, what);
}

std::string_view name_of(toml::node_type type) {
  switch (type) {
    case toml::node_type::string: return "a string";
    case toml::node_type::integer: return "a whole number";
    case toml::node_type::floating_point: return "a fraction";
    case toml::node_type::boolean: return "true or false";
    case toml::node_type::array: return "an array";
    case toml::node_type::table: return "a table";
    default: return "a date or time";
  }
}

std::string_view name_of(value_kind kind) {
  switch (kind) {
    case value_kind::text: return "a string";
    case value_kind::number: return "a whole number";
    case value_kind::size: return "a whole number or a string such as \"512MiB\"";
    case value_kind::truth: return "true or false";
  }
  return "another kind of value";
}

/// The text that a flag would carry; fails for a value of another kind.
result<std::string> text_of(const toml::node& value, value_kind wanted) {
  const bool may_be_string = wanted == value_kind::text || wanted == value_kind::size;
  const bool may_be_integer = wanted == value_kind::number || wanted == value_kind::size;
  if (const auto* text = value.as_string(); text != nullptr && may_be_string) return text->get();
  if (const auto* number = value.as_integer(); number != nullptr && may_be_integer)
    return fmt::to_string(number->get());
  if (const auto* truth = value.as_boolean(); truth != nullptr && wanted == value_kind::truth)
    return std::string(truth->get() ? "true" : "false");
  return failure{errc::refused,
                 fmt::format("needs {}, not {}", name_of(wanted), name_of(value.type()))};
}

result<void> apply_one(const setting& known, const toml::node& value, actors::node_config& config) {
  TRY(const auto text, text_of(value, known.kind));
  return known.apply(config, text);
}

/// What is wrong with one assignment; empty if nothing is.
std::string complaint_about(const toml::key& key, const toml::node& value,
                            actors::node_config& config) {
  const auto* const known = find_setting(key.str());
  if (known == nullptr)
    return fmt::format("unknown key '{}'{}", key.str(), suggestion(key.str(), setting_keys()));
  const auto applied = apply_one(*known, value, config);
  return applied ? "" : fmt::format("{}: {}", known->key, applied.error().message);
}

}  // namespace

result<void> apply_config_text(std::string_view text, const std::string& name,
                               actors::node_config& config, setting_origins& origins) {
  std::multimap<std::uint32_t, std::string> complaints;  // by line: a table is sorted by key
  try {
    const auto table = toml::parse(text);
    for (const auto& [key, value] : table) {
      const auto line = static_cast<std::uint32_t>(key.source().begin.line);
      const auto wrong = complaint_about(key, value, config);
      if (!wrong.empty()) complaints.emplace(line, at_line(name, line, wrong));
      origins[std::string(key.str())] = at_line(name, line, key.str());
    }
  } catch (const toml::parse_error& error) {
    const auto line = static_cast<std::uint32_t>(error.source().begin.line);
    return failure{errc::refused, at_line(name, line, error.description())};
  }
  if (complaints.empty()) return {};
  std::string all;
  for (const auto& [line, complaint] : complaints) all += (all.empty() ? "" : "\n") + complaint;
  return failure{errc::refused, std::move(all)};
}

result<void> apply_config_file(const std::string& path, actors::node_config& config,
                               setting_origins& origins) {
  std::ifstream file(path, std::ios::binary);
  std::string text(config_bytes_max + 1, '\0');
  if (file) file.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (!file.is_open() || file.bad())
    return failure{errc::refused, fmt::format("config: cannot read '{}'", path)};
  text.resize(static_cast<std::size_t>(file.gcount()));
  if (text.size() > config_bytes_max)
    return failure{errc::refused, fmt::format("config: '{}' is larger than 1 MiB", path)};
  return apply_config_text(text, path, config, origins);
}

}  // namespace troupe::tools
