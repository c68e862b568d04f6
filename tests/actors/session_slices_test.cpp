// Commands of very many keys as a client and its shard see them: bounded work in a round, nothing
// between, the same replies as ever.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <chrono>
#include <string>

#include "actors/resp/sliced_command.hpp"
#include "tests/actors/one_client.hpp"
#include "tests/actors/resp/reply_parts.hpp"

namespace troupe::tests {
namespace {

constexpr std::size_t count = 5000;

/// "<name> key:0 ... key:n", with values for MSET.
std::string many(std::string_view name, std::string_view value = {}) {
  const auto words = 1 + count * (value.empty() ? 1 : 2);
  auto all = fmt::format("*{}\r\n${}\r\n{}\r\n", words, name.size(), name);
  for (std::size_t i = 0; i < count; ++i) {
    const auto key = fmt::format("key:{}", i);
    all += fmt::format("${}\r\n{}\r\n", key.size(), key);
    if (!value.empty()) all += fmt::format("${}\r\n{}\r\n", value.size(), value);
  }
  return all;
}

/// What the client got once everything is durable.
std::string ask(one_client& one, const std::string& sent) {
  auto got = one.exchange(sent);
  return got += one.commit();
}

}  // namespace

TEST_CASE("commands of very many keys reply as ever, and their shard gets them in small messages") {
  for (const bool is_local : {true, false}) {
    one_client one;
    one.settings.level = durability::memory;
    one.is_local = is_local;
    CHECK(ask(one, many("MSET", "v")) == "+OK\r\n");
    CHECK(ask(one, many("EXISTS")) == ":5000\r\n");
    CHECK(ask(one, many("TOUCH")) == ":5000\r\n");
    std::string values = "*5000\r\n";
    for (std::size_t i = 0; i < count; ++i) values += "$1\r\nv\r\n";
    CHECK(ask(one, many("MGET")) == values);
    const auto all = ask(one, "KEYS *\r\n");
    std::string_view rest = all;
    CHECK(take_array(rest).size() == count);
    CHECK(ask(one, "KEYS key:499?\r\n").starts_with("*10\r\n"));
    CHECK(ask(one, many("DEL")) == ":5000\r\n");
    CHECK(ask(one, many("UNLINK")) == ":0\r\n");
    CHECK(ask(one, "KEYS *\r\nDBSIZE\r\n") == "*0\r\n:0\r\n");
    CHECK(one.most_words_at_once <= 2 * resp::window_keys + 64);
    CHECK(one.count_of("mset") == "1 0 0");
    CHECK(one.count_of("keys") == "3 0 0");
  }
}

TEST_CASE("what stands before and behind a sliced command in one buffer keeps its order") {
  one_client one;
  one.settings.level = durability::memory;
  const auto sent = "SET key:1 before\r\n" + many("MSET", "v") + "GET key:1\r\n" + many("DEL") +
                    "GET key:1\r\nPING\r\n";
  CHECK(ask(one, sent) == "+OK\r\n+OK\r\n$1\r\nv\r\n:5000\r\n$-1\r\n+PONG\r\n");
}

TEST_CASE("nobody comes between the slices of a command") {
  one_client one;
  one.settings.level = durability::memory;
  receive(one.session(), many("MSET", "v"), [&] { one.session().process(); });
  std::size_t turns = 0;
  for (; one.session().in_transaction(); one.pump_once()) {
    const auto stored = one.shard.core->store().size();
    if (stored == 0 || stored == count) continue;
    CHECK_FALSE(one.shard.core->accepts_inline({0, 99}));
    ++turns;
  }
  CHECK(turns > 3);
  CHECK(one.shard.core->accepts_inline({0, 99}));
}

TEST_CASE("a sliced write is made as a whole though its client leaves") {
  one_client one;
  one.settings.level = durability::memory;
  receive(one.session(), many("MSET", "v"), [&] { one.session().process(); });
  one.pump_once();
  one.pump_once();
  REQUIRE(one.session().in_transaction());
  one.session().close(actors::session::close_when::now);
  one.pump();
  CHECK_FALSE(one.session().in_transaction());
  CHECK(one.shard.core->store().size() == count);
}

TEST_CASE("a sliced read that waits for an undecided write too long says so, as a read") {
  one_client one;
  CHECK(one.send({"SET key:1 v"}).empty());
  CHECK(one.exchange(many("EXISTS")).empty());
  one.wait(std::chrono::seconds(11));
  const auto got = one.take();
  CHECK(got.starts_with("-TIMEOUT outcome unknown"));
  CHECK(got.ends_with("\r\n-TRYAGAIN key has an undecided write\r\n"));
}

TEST_CASE("a sliced MSET that has no room stores nothing") {
  one_client one;
  one.settings.level = durability::memory;
  while (one.shard.core->store().has_room(10 << 20)) {
    one.shard.run({"SET", "key:0", std::string(900'000, 'x')}, durability::memory);
    one.commit();
  }
  one.shard.core->on_segment_failed({errc::no_space, "full"});
  const std::string value(4 << 10, 'v');
  CHECK(one.exchange(many("MSET", value)).starts_with("-OOM disk full"));
  CHECK(one.shard.core->store().size() == 1);
}

TEST_CASE("a sliced MSET with a key without a value is refused as a whole") {
  one_client one;
  auto odd = many("MSET", "v");
  odd.replace(0, odd.find('\r'), fmt::format("*{}", 2 + 2 * count));
  CHECK(one.exchange(odd + "$4\r\nlast\r\n") ==
        "-ERR wrong number of arguments for 'mset' command\r\n");
}

}  // namespace troupe::tests
