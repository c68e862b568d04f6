// The `troupe` program: parses its arguments and runs the subcommand they name.
#include <cstdio>
#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "tools/command_line.hpp"
#include "tools/console.hpp"
#include "tools/inspect.hpp"
#include "tools/machine.hpp"
#include "tools/serve.hpp"

namespace troupe::tools {

namespace {

struct runner {
  int operator()(const serve_request& wanted) const { return serve(wanted.config); }
  int operator()(const inspect_request& wanted) const { return inspect(wanted); }
  int operator()(const console_call& wanted) const { return console(wanted); }
  int operator()(const print_request& wanted) const {
    const bool printed = std::fputs(wanted.text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return printed ? exit_done : exit_failed;
  }
};

int run(const std::vector<std::string>& arguments) {
  const auto wanted = parse_command_line(arguments, this_machine());
  if (wanted) return std::visit(runner{}, *wanted);
  std::istringstream complaints(wanted.error().message);
  for (std::string line; std::getline(complaints, line);)
    std::fprintf(stderr, "troupe: %s\n", line.c_str());
  std::fputs("Run `troupe --help` for the flags.\n", stderr);
  return exit_misused;
}

}  // namespace

}  // namespace troupe::tools

int main(int count, char** arguments) {
  return troupe::tools::run({arguments + 1, arguments + count});
}
