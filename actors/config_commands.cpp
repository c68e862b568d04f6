#include "actors/config_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "actors/resp/command_docs.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/resp/glob_match.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::actors {
namespace {

using resp::equals_ignoring_case;
namespace texts = resp::error_texts;

// ---- what can be read --------------------------------------------------------------------------

std::string_view fsync_policy(durability level) {
  switch (level) {
    case durability::memory: return "no";
    case durability::interval: return "everysec";
    case durability::durable:
    case durability::replicated: return "always";
  }
  return {};
}

/// As it was given: Redis shows a share of maxmemory as such.
std::string client_memory(const live_settings& settings) {
  if (settings.client_memory_percent == 0) return std::to_string(settings.client_memory_bytes);
  return fmt::format("{}%", settings.client_memory_percent);
}

enum class change : std::uint8_t { never, while_running };

struct parameter {
  std::string_view name;
  change may_change;
  std::string (*read)(const settings_source&);
};

template <auto Number>
std::string number(const settings_source&) {
  return std::to_string(Number);
}

// Sorted by name. Where Redis has the parameter, name and unit are Redis'.
constexpr parameter parameters[] = {
    {"appendfsync", change::never,
     [](const settings_source& of) { return std::string(fsync_policy(of.settings.level)); }},
    {"appendonly", change::never, [](const settings_source&) { return std::string("yes"); }},
    {"bind", change::never,
     [](const settings_source& of) { return of.config.client_address.host; }},
    {"client-query-buffer-limit", change::never, number<limits::query_buffer_bytes>},
    {"commit-timeout-ms", change::while_running,
     [](const settings_source& of) {
       return std::to_string(of.settings.commit_timeout_us / 1000);
     }},
    {"databases", change::never, number<1>},
    {"dir", change::never, [](const settings_source& of) { return of.config.data_dir; }},
    {"durability", change::while_running,
     [](const settings_source& of) { return std::string(to_string(of.settings.level)); }},
    {"maxclients", change::while_running,
     [](const settings_source& of) { return std::to_string(of.settings.clients_max); }},
    {"maxmemory", change::never,
     [](const settings_source& of) { return std::to_string(of.config.memory_bytes); }},
    // Values leave memory for the disk, but no key is ever lost for lack of memory.
    {"maxmemory-clients", change::while_running,
     [](const settings_source& of) { return client_memory(of.settings); }},
    {"maxmemory-policy", change::never,
     [](const settings_source&) { return std::string("noeviction"); }},
    {"port", change::never, [](const settings_source& of) { return std::string(of.port); }},
    {"proto-max-bulk-len", change::never, number<limits::value_bytes_max>},
    {"reactors", change::never,
     [](const settings_source& of) { return std::to_string(of.config.reactors); }},
    // Redis shows it to whoever may read the configuration; here it stays where it was written.
    {"requirepass", change::never, [](const settings_source&) { return std::string(); }},
    {"save", change::never, [](const settings_source&) { return std::string(); }},
    {"segment-size", change::never,
     [](const settings_source& of) { return std::to_string(of.settings.segment_bytes); }},
    {"shards", change::never,
     [](const settings_source& of) { return std::to_string(of.shard_count); }},
    {"timeout", change::while_running,
     [](const settings_source& of) {
       return std::to_string(of.settings.idle_timeout_us / 1'000'000);
     }},
};

const parameter* find_parameter(std::string_view name) {
  const auto* found = std::ranges::find_if(
      parameters, [&](const parameter& one) { return equals_ignoring_case(name, one.name); });
  return found == std::end(parameters) ? nullptr : found;
}

void run_get(const connection_call& call) {
  const auto& around = call.client.environment();
  // The port this connection reached: the configured one may be 0, any free one.
  const std::string_view local = call.client.identity().local_address;
  const auto found = matching_settings(
      {around.config, around.settings, around.shard_count, local.substr(local.rfind(':') + 1)},
      call.argv.subspan(2));
  call.reply.map(found.size());
  for (const auto& [name, value] : found) {
    call.reply.bulk(name);
    call.reply.bulk(value);
  }
}

// ---- what can be changed -----------------------------------------------------------------------

/// Reads a number of that range into `to`; the error text if it is none.
std::optional<std::string> read_number(std::uint64_t& to, std::string_view text,
                                       std::uint64_t least, std::uint64_t most) {
  const auto value = resp::parse_integer(text);
  if (!value) return "argument couldn't be parsed into an integer";
  if (std::cmp_less(*value, least) || std::cmp_greater(*value, most)) {
    return fmt::format("argument must be between {} and {} inclusive", least, most);
  }
  to = static_cast<std::uint64_t>(*value);
  return std::nullopt;
}

std::optional<std::string> set_level(live_settings& settings, std::string_view value) {
  // `replicated` needs followers, which no node of this version has.
  for (const auto level : {durability::memory, durability::interval, durability::durable}) {
    if (!equals_ignoring_case(value, to_string(level))) continue;
    settings.level = level;
    return std::nullopt;
  }
  return "argument(s) must be one of the following: memory, interval, durable";
}

/// Bytes, with a unit or without, or percents of maxmemory.
std::optional<std::string> set_client_memory(live_settings& settings, std::string_view value) {
  constexpr auto refused = "argument must be a memory or percent value";
  std::uint64_t bytes = 0;
  std::uint32_t percent = 0;
  if (value.ends_with('%')) {
    const auto number = resp::parse_integer(value.substr(0, value.size() - 1));
    if (!number || *number < 0) return refused;
    if (*number > 100) return "percentage argument must be less or equal to 100";
    percent = static_cast<std::uint32_t>(*number);
    bytes = settings.memory_bytes / 100 * percent;
  } else {
    const auto number = resp::parse_memory(value);
    if (!number) return refused;
    bytes = *number;
  }
  if (bytes > limits::client_memory_bytes_max) {
    return fmt::format("argument must be between 0 and {} inclusive",
                       limits::client_memory_bytes_max);
  }
  if (bytes != 0 && bytes < limits::client_memory_bytes_min) {
    return fmt::format("argument must be 0 or at least {}", limits::client_memory_bytes_min);
  }
  settings.client_memory_bytes = bytes;
  settings.client_memory_percent = percent;
  return std::nullopt;
}

std::string set_failed(std::string_view name, std::string_view why) {
  return fmt::format("ERR CONFIG SET failed (possibly related to argument '{}') - {}", name, why);
}

/// Why CONFIG SET may not name its parameters as it does, if so.
std::optional<std::string> check_names(resp::arguments argv) {
  std::vector<const parameter*> seen;
  for (std::size_t at = 2; at < argv.size(); at += 2) {
    if (auto refused = refuse_to_change(argv[at])) return refused;
    const auto* one = find_parameter(argv[at]);
    if (std::ranges::find(seen, one) != seen.end()) {
      return set_failed(argv[at], "duplicate parameter");
    }
    seen.push_back(one);
  }
  return std::nullopt;
}

/// All values are checked before the first one is sent. Then each goes to the gateways on its own;
/// they arrive in the order sent, so the answer to the last one, which alone has a place for a
/// reply, says that all of them hold everywhere.
void run_set(const connection_call& call) {
  const auto argv = call.argv;
  auto& client = call.client;
  if (argv.size() % 2 != 0) return call.refuse(texts::syntax);
  if (const auto wrong = check_names(argv)) return call.refuse(*wrong);
  auto settings = client.environment().settings;
  for (std::size_t at = 2; at < argv.size(); at += 2) {
    const auto name = find_parameter(argv[at])->name;
    if (const auto wrong = apply_setting(settings, name, argv[at + 1])) {
      return call.refuse(set_failed(argv[at], *wrong));
    }
  }
  const auto reply_place = client.reserve();
  for (std::size_t at = 2; at < argv.size(); at += 2) {
    const auto is_last = at + 2 == argv.size();
    const auto place = is_last ? reply_place : client.reserve_unseen();
    client.services().answer_configure(client, place, std::string(find_parameter(argv[at])->name),
                                       std::string(argv[at + 1]));
  }
}

}  // namespace

std::vector<std::pair<std::string, std::string>> matching_settings(const settings_source& from,
                                                                   resp::arguments patterns) {
  std::vector<std::pair<std::string, std::string>> found;
  for (const parameter& one : parameters) {
    for (const auto pattern : patterns) {
      const auto is_plain = pattern.find_first_of("*?[") == std::string_view::npos;
      if (is_plain ? equals_ignoring_case(pattern, one.name)
                   : resp::glob_match(pattern, one.name, resp::letter_case::ignored)) {
        found.emplace_back(is_plain ? pattern : one.name, one.read(from));
        break;
      }
    }
  }
  return found;
}

std::optional<std::string> refuse_to_change(std::string_view name) {
  const auto* one = find_parameter(name);
  if (one == nullptr) {
    return fmt::format("ERR Unknown option or number of arguments for CONFIG SET - '{}'",
                       texts::shown(name));
  }
  if (one->may_change == change::never) return set_failed(name, "can't set immutable config");
  return std::nullopt;
}

std::optional<std::string> apply_setting(live_settings& settings, std::string_view name,
                                         std::string_view value) {
  constexpr std::uint64_t timeout_s_max = std::numeric_limits<std::int32_t>::max();
  std::uint64_t amount = 0;
  if (name == "durability") return set_level(settings, value);
  if (name == "commit-timeout-ms") {
    auto wrong = read_number(amount, value, commit_timeout_ms_min, commit_timeout_ms_max);
    if (!wrong) settings.commit_timeout_us = amount * 1000;
    return wrong;
  }
  if (name == "timeout") {
    auto wrong = read_number(amount, value, 0, timeout_s_max);
    if (!wrong) settings.idle_timeout_us = amount * 1'000'000;
    return wrong;
  }
  if (name == "maxclients") {
    auto wrong = read_number(amount, value, 1, limits::clients_max);
    if (!wrong && amount > settings.clients_capacity) {
      return fmt::format(
          "The operating system is not able to handle the specified number of clients, try with {}",
          settings.clients_capacity);
    }
    if (!wrong) settings.clients_max = static_cast<std::uint32_t>(amount);
    return wrong;
  }
  if (name == "maxmemory-clients") return set_client_memory(settings, value);
  return "can't set immutable config";
}

void run_config(const connection_call& call) {
  const auto subcommand = call.subcommand();
  if (subcommand == "get") return run_get(call);
  if (subcommand == "set") return run_set(call);
  if (subcommand == "resetstat") {
    return call.client.services().answer_reset_statistics(call.client, call.client.reserve());
  }
  resp::reply_help(*resp::find("config"), call.reply);
}

}  // namespace troupe::actors
