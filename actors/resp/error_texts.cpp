#include "actors/resp/error_texts.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace troupe::resp::error_texts {
namespace {

/// How much of a client's own words an error repeats.
constexpr std::size_t echo_max = 128;

std::string changed_case(std::string_view text, int (*change)(int)) {
  std::string changed(text);
  std::transform(changed.begin(), changed.end(), changed.begin(), [change](char c) {
    return static_cast<char>(change(static_cast<unsigned char>(c)));
  });
  return changed;
}

constexpr int ascii_upper(int c) { return c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c; }

}  // namespace

std::string_view shown(std::string_view word) noexcept { return word.substr(0, word.find('\0')); }

std::string expected_bulk(char got) {
  return fmt::format("ERR Protocol error: expected '$', got '{}'", got);
}

std::string wrong_arity(std::string_view name) {
  return fmt::format("ERR wrong number of arguments for '{}' command", name);
}

std::string unknown_command(arguments argv) {
  std::string words;
  for (std::size_t i = 1; i < argv.size() && words.size() < echo_max; ++i) {
    words += fmt::format("'{}' ", shown(argv[i].substr(0, echo_max - words.size())));
  }
  return fmt::format("ERR unknown command '{}', with args beginning with: {}",
                     shown(argv[0].substr(0, echo_max)), words);
}

std::string unknown_subcommand(std::string_view command, std::string_view subcommand) {
  return fmt::format("ERR unknown subcommand '{}'. Try {} HELP.",
                     shown(subcommand.substr(0, echo_max)), changed_case(command, ascii_upper));
}

std::string invalid_expire(std::string_view name) {
  return fmt::format("ERR invalid expire time in '{}' command", name);
}

std::string unreadable_value(std::string_view why) {
  return fmt::format("ERR a stored value cannot be read: {}", why);
}

std::string outcome_unknown(shard_id shard, lsn sequence) {
  return fmt::format(
      "TIMEOUT outcome unknown: the write was not durable in time and may still become so "
      "(shard {} LSN {})",
      shard.value, sequence.value);
}

}  // namespace troupe::resp::error_texts
