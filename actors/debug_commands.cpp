#include "actors/debug_commands.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>

#include "actors/resp/debug_pieces.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::actors {
namespace {

using resp::equals_ignoring_case;
namespace texts = resp::error_texts;

constexpr long double sleep_s_max = 60;
constexpr std::size_t logged_bytes_max = 1024;

void run_help(const connection_call& call);

void run_object(const connection_call& call) {
  const auto& spec = resp::debug_object();
  const std::string_view words[] = {spec.name, call.argv[2]};
  call.client.run_in_shards(spec, words);
}

void run_sleep(const connection_call& call) {
  const auto seconds = resp::parse_long_double(call.argv[2]);
  if (!seconds) return call.refuse(texts::not_float);
  if (*seconds < 0 || *seconds > sleep_s_max) {
    return call.refuse("ERR value is out of range, must be between 0 and 60");
  }
  session::wait_order order;
  order.what = session::wait_order::kind::sleep;
  order.timeout_us = static_cast<std::uint64_t>(*seconds * 1'000'000);
  call.client.wait(order, call.reply);
}

void run_set_active_expire(const connection_call& call) {
  const auto number = resp::parse_integer(call.argv[2]);
  if (!number) return call.refuse(texts::not_integer);
  call.client.set_sweeping(*number == 0 ? kv::sweeping::off : kv::sweeping::on);
  call.reply.ok();
}

void run_log(const connection_call& call) {
  std::string line(call.argv[2].substr(0, logged_bytes_max));
  std::ranges::replace_if(
      line, [](char c) { return c >= 0 && c < ' '; }, '?');
  spdlog::warn("DEBUG LOG of client {}: {}", call.client.identity().id, line);
  call.reply.ok();
}

struct subcommand {
  std::string_view name;
  std::size_t word_count;
  void (*run)(const connection_call&);
  std::string_view usage;
  std::string_view help;  // lines
};

constexpr subcommand subcommands[] = {
    {"log", 3, run_log, "LOG <message>", "Write <message> to the server log."},
    {"object", 3, run_object, "OBJECT <key>",
     "Show how the value of <key> is encoded and where it stands: in memory or only in\n"
     "the log, segment and offset of its record, its LSN and bytes in the log. Nothing\n"
     "is read for that: what only the bytes would tell is 'unread'."},
    {"set-active-expire", 3, run_set_active_expire, "SET-ACTIVE-EXPIRE <0|1>",
     "Setting it to 0 leaves expired keys in memory and log, on all shards, until it is\n"
     "set to 1 again or the node restarts. They are invisible all the same."},
    {"sleep", 3, run_sleep, "SLEEP <seconds>",
     "Let this connection wait, 60 seconds at most; the server and all other clients go\n"
     "on. Decimals allowed, in steps of a tenth. Not in MULTI."},
    {"help", 2, run_help, "HELP", "Prints this help."},
};

void run_help(const connection_call& call) {
  std::size_t lines = 1;
  for (const auto& each : subcommands) {
    lines += 2 + static_cast<std::size_t>(std::ranges::count(each.help, '\n'));
  }
  call.reply.array(lines);
  call.reply.simple("DEBUG <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const auto& each : subcommands) {
    call.reply.simple(each.usage);
    for (auto rest = each.help; !rest.empty();) {
      const auto line = rest.substr(0, rest.find('\n'));
      call.reply.simple(fmt::format("    {}", line));
      rest.remove_prefix(std::min(line.size() + 1, rest.size()));
    }
  }
}

const subcommand* find_subcommand(resp::arguments argv) {
  const auto* found = std::ranges::find_if(subcommands, [&](const subcommand& each) {
    return argv.size() == each.word_count && equals_ignoring_case(argv[1], each.name);
  });
  return found == std::end(subcommands) ? nullptr : found;
}

}  // namespace

void run_debug(const connection_call& call) {
  if (!call.client.environment().config.enable_debug) {
    return call.refuse(texts::debug_not_allowed);
  }
  if (const auto* found = find_subcommand(call.argv)) return found->run(call);
  call.refuse(
      fmt::format("ERR unknown subcommand or wrong number of arguments for '{}'. Try DEBUG HELP.",
                  texts::shown(call.argv[1].substr(0, 128))));
}

std::optional<std::string_view> key_of_debug_object(resp::arguments argv) {
  const auto* found = find_subcommand(argv);
  if (found == nullptr || found->run != run_object) return std::nullopt;
  return argv[2];
}

std::optional<std::string_view> debug_refused_in_multi(const node_config& config,
                                                       resp::arguments argv) {
  if (!config.enable_debug) return texts::debug_not_allowed;
  const auto* found = find_subcommand(argv);
  if (found != nullptr && found->run == run_sleep) return texts::not_in_multi;
  return std::nullopt;
}

}  // namespace troupe::actors
