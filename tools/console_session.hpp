// console_session: commands of an operator, run one after the other over a link that is dialled
// when it is needed.
//
// Place: console program; used by the one-shot form and by the shell.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tools/command_line.hpp"
#include "tools/console_connection.hpp"
#include "tools/console_text.hpp"

namespace troupe::tools {

class console_session {
 public:
  explicit console_session(const console_call& wanted);

  /// Dials, unless the link is open; exit_done or exit_unreachable, after saying why.
  [[nodiscard]] int connect();
  /// Runs one command and prints its answer; the exit code it stands for.
  [[nodiscard]] int run(std::span<const std::string> words);
  /// To be called a few times a second while nothing is run.
  void keep_alive();
  /// Names of the node's actors, for completion; empty if it cannot be asked.
  [[nodiscard]] std::vector<std::string> actor_names();

 private:
  [[nodiscard]] int run_tap(const actors::tap_actor& wanted, std::uint32_t seconds);
  [[nodiscard]] int print(const actors::console_answer& answer, std::string_view command) const;
  [[nodiscard]] int complain(const failure& why, int code) const;

  const console_call& wanted_;
  const colours colours_;
  std::unique_ptr<console_connection> link_;
};

/// The words of a line; quotes keep blanks. `refused` if one is not closed.
[[nodiscard]] result<std::vector<std::string>> split_words(std::string_view line);

}  // namespace troupe::tools
