// Commands of the console: what is understood, what is refused, and that bytes keep their meaning.
#include "actors/console_commands.hpp"

#include <doctest/doctest.h>

#include <random>

#include "actors/console_bytes.hpp"
#include "actors/console_codec.hpp"

namespace troupe::tests {

using actors::console_request;
using actors::parse_console_command;
using schemas::envelope;
using words = std::vector<std::string>;

namespace {

std::string refusal(const words& said) {
  const auto parsed = parse_console_command(said);
  return parsed ? "" : parsed.error().message;
}

/// The request as it comes out at the other end of a link.
console_request sent(const console_request& request) {
  const auto message =
      envelope<schemas::ConsoleRequest>::copy_of(actors::encode_request(77, request));
  CHECK(actors::console_number(message) == 77);
  const auto got = actors::decode(message);
  REQUIRE(got);
  return *got;
}

}  // namespace

TEST_CASE("every command in the table is understood, and its usage names it") {
  for (const auto& one : actors::console_commands()) {
    CAPTURE(one.name);
    CHECK(one.usage.starts_with(one.name));
    CHECK(refusal({std::string(one.name)}).find("unknown") == std::string::npos);
  }
  CHECK(refusal({}) == "name a command: help lists them");
  CHECK(refusal({"dance"}) == "unknown command 'dance': help lists what there is");
  CHECK(refusal({"actors", "now"}) == "usage: actors");
  CHECK(refusal({"tell", "shard/0", "flush", "3"}).starts_with("usage: tell"));
  CHECK(refusal({"tell", "shard/0", "pause", "61"}) == "'61' is not a number of seconds: 1 to 60");
  CHECK(refusal({"tap", "shard/0", "0"}) == "'0' is not a number of seconds: 1 to 60");
  CHECK(refusal({"config", "set", "a"}).starts_with("usage: config"));
}

TEST_CASE("a request means the same at the other end") {
  CHECK(std::get<actors::console_question>(sent(actors::console_question::log)) ==
        actors::console_question::log);
  const auto get = std::get<actors::read_settings>(sent(actors::read_settings{{"a*", "b"}}));
  CHECK(get.patterns == words{"a*", "b"});
  const auto set = std::get<actors::change_setting>(sent(actors::change_setting{"n", "v"}));
  CHECK(set.name + set.value == "nv");
  const auto tell = std::get<actors::tell_actor>(sent(actors::tell_actor{"shard/1", "pause", 9}));
  CHECK(tell.actor + tell.what == "shard/1pause");
  CHECK(tell.seconds == 9);
  CHECK(std::get<actors::ask_actor>(sent(actors::ask_actor{"node", "status"})).actor == "node");
  CHECK(std::get<actors::tap_actor>(sent(actors::tap_actor{"node"})).actor == "node");
}

TEST_CASE("damaged requests and answers are a value or a failure, nothing else") {
  std::mt19937_64 random(5);  // NOLINT: the same bytes every time
  const auto request = actors::encode_request(1, actors::read_settings{{"one", "two", "three"}});
  const auto answer = std::string(actors::encode_failed(1, "why").bytes());
  for (int round = 0; round < 3000; ++round) {
    auto bytes = round % 2 == 0 ? request : answer;
    for (auto flips = 1 + random() % 4; flips > 0; --flips) {
      bytes[random() % bytes.size()] ^= static_cast<char>(1 << (random() % 8));
    }
    const auto message = envelope<schemas::ConsoleRequest>::copy_of(bytes);
    if (actors::console_number(message)) (void)actors::decode(message).has_value();
    (void)actors::decode_answer(bytes).has_value();
  }
  CHECK_FALSE(envelope<schemas::ConsoleRequest>::copy_of("1234567"));
  CHECK_FALSE(actors::console_number({}));
  CHECK_FALSE(actors::decode_answer(""));
}

TEST_CASE("words are completed as far as they are known without a node") {
  CHECK(actors::console_completions(words{}).size() == actors::console_commands().size());
  CHECK(actors::console_completions(words{"tell", "shard/0"}) == words{"flush", "pause", "resume"});
  CHECK(actors::console_completions(words{"dance"}).empty());
}

}  // namespace troupe::tests
