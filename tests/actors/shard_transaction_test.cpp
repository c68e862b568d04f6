// shard_transaction against shards played by the test: in which order it asks, and what it makes of
// the answers.
#include "actors/shard_transaction.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/resp/command_table.hpp"
#include "storage/base/hash_slot.hpp"

namespace troupe::tests {
namespace {

using words = std::vector<std::string>;

constexpr std::uint32_t shards = 4;

class noted_transport final : public actors::transaction_transport {
 public:
  std::vector<std::string> asked;
  std::vector<resp::protocol> protocols;  // of every piece

  void pause(shard_id shard, std::uint64_t) override {
    asked.push_back(fmt::format("pause {}", shard.value));
  }
  void run(shard_id shard, std::uint64_t, const std::vector<actors::sent_piece>& pieces) override {
    auto text = fmt::format("run {}:", shard.value);
    for (const auto& piece : pieces) {
      for (const auto word : piece.words) text += fmt::format(" {}", word);
      protocols.push_back(piece.protocol);
    }
    asked.push_back(std::move(text));
  }
  void release(shard_id shard, std::uint64_t) override {
    asked.push_back(fmt::format("release {}", shard.value));
  }
  void drop_stream(shard_id shard, std::uint64_t stream) override {
    asked.push_back(fmt::format("drop {} {}", shard.value, stream));
  }
  std::vector<std::string> take() { return std::exchange(asked, {}); }
};

std::string key_in(std::uint32_t shard) {
  for (int i = 0;; ++i) {
    auto key = fmt::format("k{}", i);
    if (shard_of(hash_slot_of(key), shards).value == shard) return key;
  }
}

using reply = actors::run_here_outcome::reply;

struct one_transaction {
  noted_transport transport;
  prng random{1};
  std::vector<std::string> here;
  std::unique_ptr<actors::shard_transaction> running;

  void start(actors::transaction_order::kind what, const std::vector<words>& commands,
             std::vector<shard_id> watched = {}) {
    actors::kept_commands kept(shards);
    for (const auto& command : commands) {
      const std::vector<std::string_view> argv(command.begin(), command.end());
      kept.add(*resp::check_command(argv).spec, argv);
    }
    actors::transaction_order order(std::move(kept));
    order.id = 9;
    order.what = what;
    order.shard_count = shards;
    order.watcher = 7;
    order.watched_shards = std::move(watched);
    order.run_here = [this](const actors::kept_command& command, std::string& out) {
      here.push_back(command.words.front());
      if (command.spec->name == "info") return actors::run_here_outcome{reply::later};
      out += "+PONG\r\n";
      const auto hello = command.spec->name == "hello";
      return actors::run_here_outcome{reply::given,
                                      hello ? resp::protocol::resp3 : resp::protocol::resp2};
    };
    running = std::make_unique<actors::shard_transaction>(std::move(order), transport, random);
    running->start();
  }
  void answer(std::uint32_t shard, std::vector<actors::transaction_answer> answers = {}) {
    running->on_answer({shard}, std::move(answers));
  }
};

using asked = std::vector<std::string>;
using enum actors::transaction_order::kind;

/// SETs of one key in each shard in turn, `count` in all.
std::vector<words> sets_in_turn(std::size_t count) {
  std::vector<words> all;
  for (std::size_t i = 0; i < count; ++i) {
    all.push_back({"SET", key_in(static_cast<std::uint32_t>(i % shards)), std::to_string(i)});
  }
  return all;
}

}  // namespace

TEST_CASE("shards are paused one after the other in ascending order and all released") {
  one_transaction one;
  const auto a = key_in(3);
  const auto b = key_in(0);
  one.start(exec, {{"SET", a, "1"}, {"SET", b, "2"}});
  CHECK(one.transport.take() == asked{"pause 0"});
  one.answer(0);
  CHECK(one.transport.take() == asked{"pause 3"});
  one.answer(3);
  CHECK(one.transport.take() ==
        asked{fmt::format("run 0: SET {} 2", b), fmt::format("run 3: SET {} 1", a)});
  one.answer(0, {{"+OK\r\n", {}, {20}}});
  CHECK(one.transport.take() == asked{"release 0"});  // nothing needs it any more
  one.answer(3, {{"+OK\r\n", {}, {10}}});
  CHECK(one.transport.take() == asked{"release 3"});
  CHECK_FALSE(one.running->finished());
  one.answer(3, {{"", {11}, {11}}});
  one.answer(0, {{"", {21}, {21}}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply().bytes == "*2\r\n+OK\r\n+OK\r\n");
  REQUIRE(one.running->holds().size() == 2);
  for (const auto& hold : one.running->holds()) {
    CHECK(hold.sequence.value == (hold.shard.value == 0 ? 21 : 11));
  }
}

TEST_CASE("commands for one shard travel together, whatever is between them") {
  one_transaction one;
  const auto key = key_in(2);
  one.start(exec, {{"SET", key, "1"}, {"GET", key}, {"PING"}, {"GET", key}});
  one.answer(2);
  CHECK(one.transport.take() ==
        asked{"pause 2", fmt::format("run 2: SET {0} 1 GET {0} GET {0}", key)});
  one.answer(2, {{"+OK\r\n"}, {"$1\r\n1\r\n"}});  // answers may come in parts
  CHECK(one.here == asked{"PING"});
  one.answer(2, {{"$1\r\n1\r\n"}});
  CHECK(one.transport.take() == asked{"release 2"});
  one.answer(2, {{""}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply().bytes == "*4\r\n+OK\r\n$1\r\n1\r\n+PONG\r\n$1\r\n1\r\n");
}

TEST_CASE("a touched watched key aborts, and everything paused is released") {
  one_transaction one;
  one.start(exec, {{"SET", key_in(1), "1"}}, {{0}, {1}});
  one.answer(0);
  one.answer(1);
  one.transport.take();
  one.answer(0, {{":0\r\n"}});
  CHECK(one.transport.take().empty());
  one.answer(1, {{":1\r\n"}});
  CHECK(one.transport.take() == asked{"release 0", "release 1"});
  one.answer(0, {{""}});
  one.answer(1, {{""}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply().bytes == "*-1\r\n");
}

TEST_CASE("a shard that was only watched is released before the commands run") {
  one_transaction one;
  one.start(exec, {{"SET", key_in(1), "1"}}, {{0}});
  one.answer(0);
  one.answer(1);
  one.transport.take();
  one.answer(0, {{":0\r\n"}});
  CHECK(one.transport.take() == asked{"release 0", fmt::format("run 1: SET {} 1", key_in(1))});
  one.answer(0, {{""}});
  one.answer(1, {{"+OK\r\n"}});
  one.answer(1, {{""}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply().bytes == "*1\r\n+OK\r\n");
}

TEST_CASE("an aborted EXEC waits for the writes that its watch saw") {
  one_transaction one;
  one.start(exec, {}, {{1}});
  one.answer(1);
  one.answer(1, {{":1\r\n", {33}, {}}});
  one.answer(1, {{""}});
  REQUIRE(one.running->finished());
  REQUIRE(one.running->holds().size() == 1);
  CHECK(one.running->holds()[0].sequence == lsn{33});
}

TEST_CASE("a client that leaves while shards are paused has them released") {
  one_transaction one;
  one.start(exec, {{"SET", key_in(0), "1"}, {"SET", key_in(1), "1"}});
  one.running->abandon();
  one.answer(0);
  CHECK(one.transport.take() == asked{"pause 0", "release 0"});
  one.answer(0, {{""}});
  CHECK(one.running->finished());
}

TEST_CASE("a transaction without shards is finished at once") {
  one_transaction one;
  one.start(exec, {{"PING"}, {"PING"}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply().bytes == "*2\r\n+PONG\r\n+PONG\r\n");
  CHECK(one.transport.take().empty());
}

TEST_CASE("a command over several shards is put together from its pieces, whoever answers first") {
  one_transaction one;
  const auto a = key_in(0);
  const auto b = key_in(2);
  one.start(single, {{"DEL", b, a}});
  one.answer(0);
  one.answer(2);
  one.transport.take();
  one.answer(2, {{":1\r\n", {5}, {5}}});
  one.answer(0, {{":1\r\n", {6}, {6}}});
  CHECK(one.transport.take() == asked{"release 0", "release 2"});
  one.answer(0, {{""}});
  one.answer(2, {{""}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply().bytes == ":2\r\n");
  CHECK(one.running->writes().size() == 2);
}

TEST_CASE("what was sent is bounded, and messages are few however often the shard changes") {
  using transaction = actors::shard_transaction;
  constexpr std::size_t count = 10'000;
  one_transaction one;
  one.start(exec, sets_in_turn(count));
  for (std::uint32_t i = 0; i < shards; ++i) one.answer(i);
  std::size_t messages = 0;
  std::size_t done = 0;
  std::vector<std::pair<std::uint32_t, std::size_t>> under_way;  // shard, commands
  const auto look = [&] {
    for (const auto& text : one.transport.take()) {
      if (!text.starts_with("run ")) continue;
      const auto commands = static_cast<std::size_t>(std::ranges::count(text, ' ') - 1) / 3;
      CHECK(commands <= transaction::message_commands);
      under_way.emplace_back(static_cast<std::uint32_t>(text[4] - '0'), commands);
      ++messages;
    }
    std::size_t sum = 0;
    for (const auto& each : under_way) sum += each.second;
    CHECK(sum <= transaction::window_commands);
  };
  for (look(); !under_way.empty(); look()) {
    const auto [shard, commands] = under_way.front();
    under_way.erase(under_way.begin());
    one.answer(shard, std::vector<actors::transaction_answer>(commands, {"+OK\r\n", {}, {5}}));
    done += commands;
  }
  CHECK(done == count);
  CHECK(messages < count / 16);
  for (std::uint32_t i = 0; i < shards; ++i) one.answer(i, {{""}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply().bytes.size() == count * 5 + 8);
  CHECK(one.running->writes().size() == shards);
}

TEST_CASE("large commands travel few at a time, and at least one") {
  one_transaction one;
  const auto key = key_in(1);
  const std::string large(actors::shard_transaction::window_bytes, 'x');
  one.start(exec, {{"SET", key, large}, {"SET", key, large}});
  one.answer(1);
  CHECK(one.transport.take().size() == 2);  // the pause and one SET
  one.answer(1, {{"+OK\r\n"}});
  CHECK(one.transport.take().size() == 1);
}

TEST_CASE("a command over several shards whose pieces are sent at once keeps nobody waiting") {
  one_transaction one;
  const auto a = key_in(0);
  const auto b = key_in(2);
  one.start(exec, {{"SET", b, "1"}, {"MSET", b, "2", a, "2"}, {"GET", b}});
  one.answer(0);
  one.answer(2);
  one.transport.take();
  one.answer(0, {{"+OK\r\n"}});
  one.answer(2, {{"+OK\r\n"}, {"+OK\r\n"}, {"$1\r\n2\r\n"}});
  CHECK(one.transport.take() == asked{"release 0", "release 2"});
  one.answer(0, {{""}});
  one.answer(2, {{""}});
  CHECK(one.running->take_reply().bytes == "*3\r\n+OK\r\n+OK\r\n$1\r\n2\r\n");
}

TEST_CASE("nothing goes ahead of a command that decides by replies") {
  one_transaction one;
  const auto a = key_in(0);
  const auto b = key_in(2);
  one.start(exec, {{"SET", a, "1"}, {"MSETNX", a, "2", b, "2"}, {"GET", a}});
  one.answer(0);
  one.answer(2);
  CHECK(one.transport.take().back().starts_with("run 2: ~count-existing"));
  one.answer(2, {{":0\r\n"}});
  one.answer(0, {{"+OK\r\n"}, {":0\r\n"}});
  CHECK(one.transport.take().size() == 2);
  one.answer(0, {{"+OK\r\n"}});
  CHECK(one.transport.take().empty());
  one.answer(2, {{"+OK\r\n"}});
  CHECK(one.transport.take() == asked{"release 2", fmt::format("run 0: GET {}", a)});
}

TEST_CASE("a command that sees the whole node runs at its place, its reply may come later") {
  one_transaction one;
  const auto key = key_in(2);
  one.start(exec, {{"SET", key, "1"}, {"INFO"}, {"GET", key}});
  one.answer(2);
  CHECK(one.transport.take().back() == fmt::format("run 2: SET {} 1", key));
  CHECK(one.here.empty());
  one.answer(2, {{"+OK\r\n"}});
  CHECK(one.here == asked{"INFO"});
  CHECK(one.transport.take().empty());
  one.running->on_late_reply("$4\r\nnode\r\n");
  CHECK(one.transport.take() == asked{fmt::format("run 2: GET {}", key)});
  one.answer(2, {{"$1\r\n1\r\n"}});
  one.answer(2, {{""}});
  CHECK(one.running->take_reply().bytes == "*3\r\n+OK\r\n$4\r\nnode\r\n$1\r\n1\r\n");
}

TEST_CASE("HELLO changes the replies behind it") {
  one_transaction one;
  const auto key = key_in(2);
  one.start(exec, {{"GET", key}, {"HELLO", "3"}, {"GET", key}});
  one.answer(2);
  CHECK(one.transport.protocols.back() == resp::protocol::resp2);
  one.answer(2, {{"$-1\r\n"}});
  CHECK(one.transport.protocols.back() == resp::protocol::resp3);
}

TEST_CASE("many commands of the connection itself run in turns") {
  constexpr auto per_turn = actors::shard_transaction::here_per_turn;
  one_transaction one;
  one.start(exec, std::vector<words>(per_turn * 2 + 1, words{"PING"}));
  CHECK(one.here.size() == per_turn);
  CHECK(one.running->wants_turn());
  one.running->take_turn();
  CHECK(one.here.size() == per_turn * 2);
  one.running->take_turn();
  CHECK(one.running->finished());
}

TEST_CASE("a client that leaves in the middle of EXEC takes nothing back and gets nothing") {
  one_transaction one;
  auto commands = sets_in_turn(actors::shard_transaction::window_commands);
  commands.push_back({"GET", key_in(0)});
  commands.push_back({"SET", key_in(0), "last"});
  one.start(exec, commands);
  for (std::uint32_t i = 0; i < shards; ++i) one.answer(i);
  one.transport.take();
  one.running->abandon();
  const std::vector<actors::transaction_answer> oks(
      actors::shard_transaction::window_commands / shards, {"+OK\r\n"});
  for (std::uint32_t i = 0; i < shards; ++i) one.answer(i, oks);
  CHECK(one.transport.take() ==
        asked{"release 1", "release 2", "release 3", fmt::format("run 0: SET {} last", key_in(0))});
  one.answer(0, {{"+OK\r\n"}});
  CHECK(one.transport.take() == asked{"release 0"});
  for (std::uint32_t i = 0; i < shards; ++i) one.answer(i, {{""}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply().empty());
}

}  // namespace troupe::tests
