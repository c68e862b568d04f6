#include "actors/command_statistics.hpp"

#include <doctest/doctest.h>

#include <string>

namespace troupe::tests {

using actors::command_statistics;

namespace {

const resp::command_spec& get = *resp::find("get");

/// What was counted of GET.
actors::command_figures figures_of(const command_statistics& commands) {
  actors::client_statistics all;
  commands.report(all);
  REQUIRE(all.per_command.size() == 1);
  CHECK(all.per_command[0].name == "get");
  return all.per_command[0];
}

/// One call that takes so long if it is timed; whether it was.
bool call(command_statistics& commands, std::uint64_t us) {
  if (!commands.called(get)) return false;
  commands.end_timing(commands.begin_timing(get), us);
  return true;
}

}  // namespace

TEST_CASE("a command that is rare is timed each time") {
  command_statistics commands;
  for (std::uint64_t i = 0; i < command_statistics::timed_each; ++i) CHECK(call(commands, 7));
  CHECK(figures_of(commands).calls == command_statistics::timed_each);
  CHECK(figures_of(commands).us == 7 * command_statistics::timed_each);
}

TEST_CASE("a command that is frequent and fast is timed now and then, which stands for all") {
  command_statistics commands;
  std::uint64_t timed = 0;
  for (int i = 0; i < 64'000; ++i) timed += call(commands, 2) ? 1u : 0u;
  CHECK(timed < 1200);
  CHECK(figures_of(commands).calls == 64'000);
  CHECK(figures_of(commands).us <= 128'000);
  CHECK(figures_of(commands).us > 127'000);
}

TEST_CASE("a command that is slow is timed each time") {
  command_statistics commands;
  for (int i = 0; i < 1000; ++i) call(commands, 1);
  std::uint64_t timed = 0;
  for (int i = 0; i < 1000; ++i) timed += call(commands, command_statistics::slow_us) ? 1u : 0u;
  CHECK(timed > 900);
}

TEST_CASE("a call that cannot be timed is not forgotten: the next one stands for it") {
  command_statistics commands;
  CHECK(commands.called(get));
  commands.postpone_timing(get);
  CHECK(figures_of(commands).calls == 1);
  CHECK(commands.called(get));
  commands.end_timing(commands.begin_timing(get), 10);
  CHECK(figures_of(commands).us == 20);
}

TEST_CASE("calls in a block have their share of its time and no other call stands for them") {
  command_statistics commands;
  call(commands, 5);
  for (int i = 0; i < 10; ++i) commands.called_in_block(get.number);
  commands.took_in_block(get.number, 30);
  call(commands, 5);
  CHECK(figures_of(commands).calls == 12);
  CHECK(figures_of(commands).us == 40);
}

}  // namespace troupe::tests
