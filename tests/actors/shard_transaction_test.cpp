// shard_transaction against shards played by the test: in which order it asks, and what it makes of
// the answers.
#include "actors/shard_transaction.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <memory>
#include <string>
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

  void pause(shard_id shard, std::uint64_t) override {
    asked.push_back(fmt::format("pause {}", shard.value));
  }
  void run(shard_id shard, std::uint64_t, const std::vector<actors::sent_piece>& pieces) override {
    auto text = fmt::format("run {}:", shard.value);
    for (const auto& piece : pieces) {
      for (const auto word : piece.words) text += fmt::format(" {}", word);
    }
    asked.push_back(std::move(text));
  }
  void release(shard_id shard, std::uint64_t) override {
    asked.push_back(fmt::format("release {}", shard.value));
  }
  std::vector<std::string> take() { return std::exchange(asked, {}); }
};

std::string key_in(std::uint32_t shard) {
  for (int i = 0;; ++i) {
    auto key = fmt::format("k{}", i);
    if (shard_of(hash_slot_of(key), shards).value == shard) return key;
  }
}

struct one_transaction {
  noted_transport transport;
  prng random{1};
  std::vector<std::string> here;
  std::unique_ptr<actors::shard_transaction> running;

  void start(actors::transaction_order::kind what, const std::vector<words>& commands,
             std::vector<shard_id> watched = {}) {
    actors::transaction_order order;
    order.id = 9;
    order.what = what;
    for (const auto& command : commands) {
      const std::vector<std::string_view> argv(command.begin(), command.end());
      order.commands.push_back({resp::check_command(argv).spec, command});
    }
    order.shard_count = shards;
    order.watcher = 7;
    order.watched_shards = std::move(watched);
    order.run_here = [this](const actors::kept_command& command, std::string& out) {
      here.push_back(command.words.front());
      out += "+PONG\r\n";
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
  CHECK(one.transport.take() == asked{fmt::format("run 3: SET {} 1", a)});
  one.answer(3, {{"+OK\r\n", {}, {10}}});
  CHECK(one.transport.take() == asked{fmt::format("run 0: SET {} 2", b)});
  one.answer(0, {{"+OK\r\n", {}, {20}}});
  CHECK(one.transport.take() == asked{"release 0", "release 3"});
  CHECK_FALSE(one.running->finished());
  one.answer(3, {{"", {11}, {11}}});
  one.answer(0, {{"", {21}, {21}}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply() == "*2\r\n+OK\r\n+OK\r\n");
  REQUIRE(one.running->holds().size() == 2);
  for (const auto& hold : one.running->holds()) {
    CHECK(hold.sequence.value == (hold.shard.value == 0 ? 21 : 11));
  }
}

TEST_CASE("commands in a row for one shard travel together") {
  one_transaction one;
  const auto key = key_in(2);
  one.start(exec, {{"SET", key, "1"}, {"GET", key}, {"PING"}, {"GET", key}});
  one.answer(2);
  CHECK(one.transport.take() == asked{"pause 2", fmt::format("run 2: SET {0} 1 GET {0}", key)});
  one.answer(2, {{"+OK\r\n"}, {"$1\r\n1\r\n"}});
  CHECK(one.here == asked{"PING"});
  CHECK(one.transport.take() == asked{fmt::format("run 2: GET {}", key)});
  one.answer(2, {{"$1\r\n1\r\n"}});
  one.answer(2, {{""}});
  REQUIRE(one.running->finished());
  CHECK(one.running->take_reply() == "*4\r\n+OK\r\n$1\r\n1\r\n+PONG\r\n$1\r\n1\r\n");
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
  CHECK(one.running->take_reply() == "*-1\r\n");
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
  CHECK(one.running->take_reply() == "*2\r\n+PONG\r\n+PONG\r\n");
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
  CHECK(one.running->take_reply() == ":2\r\n");
  CHECK(one.running->writes().size() == 2);
}

}  // namespace troupe::tests
