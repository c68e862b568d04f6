#include "tools/console.hpp"

#include <readline/history.h>
#include <readline/readline.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "actors/console_commands.hpp"
#include "tools/console_session.hpp"

namespace troupe::tools {

namespace {

constexpr int history_lines_max = 1000;

/// What readline's callbacks work on: they get no argument of ours. Set while a shell runs.
console_session* current = nullptr;

int keep_link_alive() {
  current->keep_alive();
  return 0;
}

std::vector<std::string> completions_of_line() {
  const std::string_view before(rl_line_buffer, static_cast<std::size_t>(rl_point));
  auto words = split_words(before);
  if (!words) return {};
  // The word being completed is not one of those before it.
  if (!before.empty() && before.back() != ' ' && !words->empty()) words->pop_back();
  const auto wants_actor =
      words->size() == 1 &&
      (words->front() == "ask" || words->front() == "tell" || words->front() == "tap");
  return wants_actor ? current->actor_names() : actors::console_completions(*words);
}

/// One candidate after the other, as readline wants them: made by malloc, null at the end.
char* next_candidate(const char* begun, int state) {
  static std::vector<std::string> left;  // readline asks for one list after the other
  if (state == 0) left = completions_of_line();
  const std::string_view start(begun);
  while (!left.empty()) {
    const auto candidate = left.front();
    left.erase(left.begin());
    if (candidate.starts_with(start)) return ::strdup(candidate.c_str());
  }
  return nullptr;
}

char** complete(const char* begun, int, int) {
  rl_attempted_completion_over = 1;  // never names of files
  return rl_completion_matches(begun, next_candidate);
}

std::string history_file() {
  const auto* const home = std::getenv("HOME");
  return home == nullptr ? std::string() : std::string(home) + "/.troupe_history";
}

/// One line; false at the end of input.
bool read_line(const std::string& prompt, std::string& line) {
  if (::isatty(STDIN_FILENO) == 0) return static_cast<bool>(std::getline(std::cin, line));
  const std::unique_ptr<char, decltype(&std::free)> read(::readline(prompt.c_str()), &std::free);
  if (!read) return false;
  line = read.get();
  // Completion leaves a blank behind a word.
  line.erase(line.find_last_not_of(" \t") + 1);
  if (!line.empty()) add_history(line.c_str());
  return true;
}

class line_editor {
 public:
  explicit line_editor(console_session& session) {
    current = &session;
    rl_readline_name = "troupe";
    rl_attempted_completion_function = complete;
    rl_completer_word_break_characters = " \t";
    rl_event_hook = keep_link_alive;
    stifle_history(history_lines_max);
    if (!file_.empty()) read_history(file_.c_str());
  }
  ~line_editor() {
    if (!file_.empty()) write_history(file_.c_str());
    rl_event_hook = nullptr;
    current = nullptr;
  }
  line_editor(const line_editor&) = delete;
  line_editor& operator=(const line_editor&) = delete;

 private:
  const std::string file_ = history_file();
};

int run_shell(console_session& session, const std::string& node) {
  if (const auto code = session.connect(); code != exit_done) return code;
  const auto is_person = ::isatty(STDIN_FILENO) != 0;
  std::unique_ptr<line_editor> editor;
  if (is_person) editor = std::make_unique<line_editor>(session);
  const auto prompt = "troupe " + node + "> ";
  auto code = exit_done;
  for (std::string line; read_line(prompt, line);) {
    const auto words = split_words(line);
    if (!words) {
      std::cerr << "troupe: " << words.error().message << "\n";
      code = exit_misused;
      continue;
    }
    if (words->empty()) continue;
    if (words->front() == "exit" || words->front() == "quit") break;
    code = session.run(*words);
    std::cout.flush();
  }
  return code;
}

}  // namespace

int console(const console_call& wanted) {
  console_session session(wanted);
  if (!wanted.words.empty()) return session.run(wanted.words);
  return run_shell(session, to_string(wanted.where));
}

}  // namespace troupe::tools
