#include "actors/console_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace troupe::actors {

namespace {

constexpr std::array all{
    console_command{"help", "help", "the commands there are", 0, 0},
    console_command{"actors", "actors", "every actor: where it runs, what it did", 0, 0},
    console_command{"shards", "shards", "keys, memory and state of every shard", 0, 0},
    console_command{"log", "log", "segments, epochs, bytes and LSNs of every shard's log", 0, 0},
    console_command{"peers", "peers", "links with nodes and consoles, and who was refused", 0, 0},
    console_command{"config", "config get PATTERN... | config set NAME VALUE",
                    "settings, as CONFIG of clients", 2, console_words_max},
    console_command{"ask", "ask ACTOR status", "what one actor counts", 2, 2},
    console_command{"tell", "tell shard/N flush | pause [SECONDS] | resume",
                    "commit now; stop and go on running commands", 2, 3},
    console_command{"tap", "tap ACTOR [SECONDS]", "messages of one actor, as it handles them", 1,
                    2},
};

failure wrong(const console_command& one) {
  return {errc::refused, fmt::format("usage: {}", one.usage)};
}

result<std::uint32_t> parse_seconds(const std::string& text) {
  std::uint32_t seconds = 0;
  const auto* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, seconds);
  if (error != std::errc{} || stopped != end || seconds == 0 || seconds > pause_seconds_max) {
    return failure{errc::refused, fmt::format("'{}' is not a number of seconds: 1 to {}", text,
                                              pause_seconds_max)};
  }
  return seconds;
}

result<console_request> parse_config(const console_command& one,
                                     std::span<const std::string> words) {
  if (words[0] == "get") {
    return console_request(read_settings{{words.begin() + 1, words.end()}});
  }
  if (words[0] == "set" && words.size() == 3) {
    return console_request(change_setting{words[1], words[2]});
  }
  return wrong(one);
}

result<console_request> parse_tell(const console_command& one, std::span<const std::string> words) {
  tell_actor order{words[0], words[1], 0};
  if (words.size() == 3 && order.what != "pause") return wrong(one);
  if (order.what == "pause") order.seconds = pause_seconds_default;
  if (words.size() == 3) {
    TRY(order.seconds, parse_seconds(words[2]));
  }
  return console_request(std::move(order));
}

}  // namespace

std::span<const console_command> console_commands() { return all; }

result<console_request> parse_console_command(std::span<const std::string> words) {
  if (words.empty()) return failure{errc::refused, "name a command: help lists them"};
  const auto at = std::ranges::find(all, words[0], &console_command::name);
  if (at == all.end()) {
    return failure{errc::refused,
                   fmt::format("unknown command '{}': help lists what there is", words[0])};
  }
  const auto rest = words.subspan(1);
  if (rest.size() < at->words_min || rest.size() > at->words_max) return wrong(*at);
  if (at->name == "help") return console_request(console_question::help);
  if (at->name == "actors") return console_request(console_question::actors);
  if (at->name == "shards") return console_request(console_question::shards);
  if (at->name == "log") return console_request(console_question::log);
  if (at->name == "peers") return console_request(console_question::peers);
  if (at->name == "config") return parse_config(*at, rest);
  if (at->name == "ask") return console_request(ask_actor{rest[0], rest[1]});
  if (at->name == "tell") return parse_tell(*at, rest);
  if (rest.size() == 2) {
    if (const auto seconds = parse_seconds(rest[1]); !seconds) return seconds.error();
  }
  return console_request(tap_actor{rest[0]});
}

std::vector<std::string> console_completions(std::span<const std::string> before) {
  std::vector<std::string> next;
  if (before.empty()) {
    for (const auto& one : all) next.emplace_back(one.name);
  } else if (before[0] == "config" && before.size() == 1) {
    next = {"get", "set"};
  } else if (before[0] == "ask" && before.size() == 2) {
    next = {"status"};
  } else if (before[0] == "tell" && before.size() == 2) {
    next = {"flush", "pause", "resume"};
  }
  return next;
}

}  // namespace troupe::actors
