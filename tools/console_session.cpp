#include "tools/console_session.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>
#include <utility>

#include "actors/console_commands.hpp"
#include "tools/console_json.hpp"

namespace troupe::tools {

namespace {

constexpr std::uint32_t tap_seconds_default = 10;
constexpr auto tap_interval = std::chrono::milliseconds(200);

colours colours_of_terminal() {
  const auto* const terminal = std::getenv("TERM");
  const auto is_dumb = terminal == nullptr || std::string_view(terminal) == "dumb";
  if (::isatty(STDOUT_FILENO) == 0 || is_dumb || std::getenv("NO_COLOR") != nullptr) {
    return colours::never;
  }
  return colours::terminal;
}

}  // namespace

console_session::console_session(const console_call& wanted)
    : wanted_(wanted), colours_(colours_of_terminal()) {}

int console_session::complain(const failure& why, int code) const {
  std::fflush(stdout);
  if (wanted_.format == console_format::json) {
    const auto text = console_json(actors::console_failed{why.message}, {});
    std::fputs(text.c_str(), stdout);
  } else {
    std::fprintf(stderr, "troupe: %s\n", why.message.c_str());
  }
  return code;
}

int console_session::connect() {
  if (link_ && link_->is_open()) return exit_done;
  auto dialled = console_connection::dial(wanted_.where, wanted_.secret);
  if (!dialled) return complain(dialled.error(), exit_unreachable);
  link_ = std::move(*dialled);
  return exit_done;
}

void console_session::keep_alive() {
  if (link_) link_->keep_alive();
}

int console_session::run(std::span<const std::string> words) {
  const auto wanted = actors::parse_console_command(words);
  if (!wanted) return complain(wanted.error(), exit_misused);
  if (const auto code = connect(); code != exit_done) return code;
  if (const auto* tap = std::get_if<actors::tap_actor>(&*wanted)) {
    const auto seconds = words.size() == 3 ? std::stoul(words[2]) : tap_seconds_default;
    return run_tap(*tap, static_cast<std::uint32_t>(seconds));
  }
  const auto answer = link_->ask(*wanted);
  if (!answer) return complain(answer.error(), exit_unreachable);
  return print(*answer, words.front());
}

/// Asks again and again; what the actor handled meanwhile comes with each answer.
int console_session::run_tap(const actors::tap_actor& wanted, std::uint32_t seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  std::uint64_t missed = 0;
  do {
    const auto answer = link_->ask(wanted);
    if (!answer) return complain(answer.error(), exit_unreachable);
    if (const auto code = print(*answer, "tap"); code != exit_done) return code;
    if (const auto* all = std::get_if<actors::tapped_messages>(&*answer)) missed = all->missed;
    std::fflush(stdout);
    std::this_thread::sleep_for(tap_interval);
  } while (std::chrono::steady_clock::now() < until);
  if (missed > 0 && wanted_.format == console_format::text) {
    std::printf("%s messages of it were too many to be shown, since it was first tapped\n",
                grouped(missed).c_str());
  }
  return exit_done;
}

int console_session::print(const actors::console_answer& answer, std::string_view command) const {
  const auto* failed = std::get_if<actors::console_failed>(&answer);
  if (failed != nullptr) return complain({errc::refused, failed->why}, exit_failed);
  const auto text = wanted_.format == console_format::json
                        ? console_json(answer, command)
                        : console_text(answer, command, colours_);
  return std::fputs(text.c_str(), stdout) >= 0 ? exit_done : exit_failed;
}

std::vector<std::string> console_session::actor_names() {
  std::vector<std::string> names;
  if (!link_ || !link_->is_open()) return names;
  const auto answer = link_->ask(actors::console_question::actors);
  if (!answer) return names;
  if (const auto* tree = std::get_if<actors::actor_tree>(&*answer)) {
    for (const auto& one : tree->actors) names.push_back(one.name);
  }
  return names;
}

result<std::vector<std::string>> split_words(std::string_view line) {
  std::vector<std::string> words;
  char quote = '\0';
  bool in_word = false;
  for (const auto each : line) {
    if (quote != '\0') {
      if (each == quote) {
        quote = '\0';
      } else {
        words.back() += each;
      }
      continue;
    }
    const auto is_blank = each == ' ' || each == '\t';
    if (!is_blank && !std::exchange(in_word, true)) words.emplace_back();
    if (is_blank) {
      in_word = false;
    } else if (each == '"' || each == '\'') {
      quote = each;
    } else {
      words.back() += each;
    }
  }
  if (quote != '\0') return failure{errc::refused, "a quote is not closed"};
  return words;
}

}  // namespace troupe::tools
