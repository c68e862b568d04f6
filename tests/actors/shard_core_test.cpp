// shard_core on a log in memory: what runs when, what waits, and what each reply says it waits for.
#include "actors/shard_core.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/actors/one_shard.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

constexpr actors::lane_key anna{0, 1};
constexpr actors::lane_key bert{0, 2};

}  // namespace

TEST_CASE("a durable write waits for its record, a read of it for the same, a later one for none") {
  one_shard shard;
  const auto set = shard.run({"SET", "key", "value"});
  CHECK(set.reply == "+OK\r\n");
  CHECK(set.outcome.kind == resp::hold_kind::write);
  CHECK(set.outcome.hold == set.outcome.last_write);
  CHECK(set.outcome.hold.value > 0);
  const auto get = shard.run({"GET", "key"});
  CHECK(get.outcome.kind == resp::hold_kind::read);
  CHECK(get.outcome.hold == set.outcome.hold);
  CHECK(shard.run({"SET", "key", "x", "NX"}).outcome.hold == set.outcome.hold);
  shard.commit();
  CHECK(shard.announced >= set.outcome.hold);
  CHECK(shard.run({"GET", "key"}).outcome.hold == lsn{});
}

TEST_CASE("a miss through an undecided delete waits for the delete") {
  one_shard shard;
  shard.run({"SET", "key", "value"});
  shard.commit();
  const auto del = shard.run({"DEL", "key"});
  CHECK(shard.run({"GET", "key"}).outcome.hold == del.outcome.last_write);
}

TEST_CASE("what depends on which keys there are is held by every undecided write") {
  const std::vector<words> askers = {
      {"SCAN", "0"}, {"KEYS", "*"}, {"DBSIZE"}, {"RANDOMKEY"}, {"SCAN", "0", "MATCH", "other*"}};
  one_shard shard;
  shard.run({"SET", "early", "value"});
  shard.commit();
  for (const auto& write : {words{"SET", "key", "value"}, {"DEL", "key"}, {"FLUSHALL"}}) {
    const auto written = shard.run(write).outcome.last_write;
    REQUIRE(written.value > 0);
    for (const auto& asker : askers) {
      INFO(write.front() << ", " << asker.front());
      const auto asked = shard.run(asker);
      CHECK(asked.done);
      CHECK(asked.outcome.hold == written);
    }
    shard.commit();
    for (const auto& asker : askers) CHECK(shard.run(asker).outcome.hold == lsn{});
  }
  shard.run({"SET", "key", "value"}, durability::memory);
  for (const auto& asker : askers) CHECK(shard.run(asker).outcome.hold == lsn{});
}

TEST_CASE("writes of lower levels wait for nothing and hold nobody") {
  one_shard shard;
  for (const auto level : {durability::memory, durability::interval}) {
    CHECK(shard.run({"SET", "key", "value"}, level).outcome.hold == lsn{});
    CHECK(shard.run({"GET", "key"}).outcome.hold == lsn{});
  }
}

TEST_CASE("a durable FLUSHALL of a shard emptied by an undecided one is durable, too") {
  one_shard shard;
  shard.run({"SET", "key", "value"});
  shard.commit();
  CHECK(shard.run({"FLUSHALL"}, durability::memory).outcome.hold == lsn{});
  CHECK(shard.run({"FLUSHALL"}, durability::durable).outcome.hold.value > 0);
}

TEST_CASE("one frame is in flight; what comes meanwhile goes with the next") {
  one_shard shard;
  shard.run({"SET", "a", "1"});
  shard.core->end_round();
  REQUIRE(shard.frames.size() == 1);
  shard.run({"SET", "b", "1"});
  shard.run({"SET", "c", "1"});
  shard.core->end_round();
  CHECK(shard.frames.size() == 1);
  shard.write_frame();
  shard.core->end_round();
  REQUIRE(shard.frames.size() == 1);
  CHECK(shard.frames.front().record_count == 2);
}

TEST_CASE("records of level memory are sent when they are old enough") {
  one_shard shard;
  shard.commit();
  shard.run({"SET", "a", "1"}, durability::memory);
  shard.core->end_round();
  CHECK(shard.frames.empty());
  REQUIRE(shard.core->next_deadline_us());
  shard.time.advance(std::chrono::milliseconds(limits::memory_frame_age_ms));
  shard.core->end_round();
  CHECK(shard.frames.size() == 1);
}

TEST_CASE(
    "a cold value is read, its command runs again, and others overtake but not its own lane") {
  one_shard shard(0);
  shard.run({"SET", "key", "value"});
  shard.commit();
  while (shard.core->store().evict_some(100)) {
  }
  CHECK_FALSE(shard.run({"APPEND", "key", "!"}).done);
  shard.enqueue(anna, 1, {"APPEND", "key", "!"});
  shard.enqueue(anna, 2, {"SET", "other", "x"});
  CHECK_FALSE(shard.core->accepts_inline(anna));
  CHECK(shard.core->accepts_inline(bert));
  shard.enqueue(bert, 3, {"SET", "third", "x"});
  REQUIRE(shard.replies.size() == 1);
  CHECK(shard.replies[0].ticket == 3);
  REQUIRE(shard.reads.size() == 1);
  shard.answer_read();
  REQUIRE(shard.replies.size() == 3);
  CHECK(shard.replies[1].ticket == 1);
  CHECK(shard.replies[1].bytes == ":6\r\n");
  CHECK(shard.replies[2].ticket == 2);
  CHECK(shard.core->accepts_inline(anna));
}

TEST_CASE("a command whose values go cold in turns is answered all the same") {
  one_shard shard(0);
  shard.run({"SET", "a", "first"});
  shard.commit();
  while (shard.core->store().evict_some(100)) {
  }
  shard.run({"SET", "b", "second"});
  shard.enqueue(anna, 1, {"MGET", "a", "b"});  // b is in memory, for it is undecided
  shard.commit();
  while (shard.core->store().evict_some(100)) {
  }
  for (int i = 0; i < 10 && !shard.reads.empty(); ++i) shard.answer_read();
  REQUIRE(shard.replies.size() == 1);
  CHECK(shard.replies[0].bytes == "*2\r\n$5\r\nfirst\r\n$6\r\nsecond\r\n");
}

TEST_CASE("reads behind a cold command are started ahead") {
  one_shard shard(0);
  for (const auto* key : {"a", "b", "c"}) shard.run({"SET", key, "value"});
  shard.commit();
  while (shard.core->store().evict_some(100)) {
  }
  shard.enqueue(anna, 1, {"GET", "a"});
  shard.enqueue(anna, 2, {"GET", "b"});
  shard.enqueue(anna, 3, {"GET", "c"});
  shard.answer_read();
  CHECK(shard.reads.size() == 2);
  while (!shard.reads.empty()) shard.answer_read();
  CHECK(shard.replies.size() == 3);
}

TEST_CASE(
    "a value that cannot be read is tried twice, then the command fails and the lane goes on") {
  one_shard shard(0);
  shard.run({"SET", "key", "value"});
  shard.commit();
  while (shard.core->store().evict_some(100)) {
  }
  shard.enqueue(anna, 1, {"GET", "key"});
  shard.enqueue(anna, 2, {"EXISTS", "key"});
  shard.fail_read();
  CHECK(shard.replies.empty());
  shard.fail_read();
  REQUIRE(shard.replies.size() == 2);
  CHECK(shard.replies[0].bytes == "-ERR a stored value cannot be read: the disk is broken\r\n");
  CHECK(shard.replies[1].bytes == ":1\r\n");
  CHECK(shard.core->statistics().unreadable_records == 1);
  shard.core->reset_statistics();
  CHECK(shard.core->statistics().unreadable_records == 1);  // damage does not go away
}

TEST_CASE("a paused shard runs only its transaction; the rest follows in order") {
  one_shard shard;
  shard.commit();
  shard.core->pause(anna);
  REQUIRE(shard.transaction_replies.size() == 1);
  CHECK(shard.transaction_replies[0].empty());
  CHECK_FALSE(shard.core->accepts_inline(bert));
  shard.enqueue(bert, 1, {"INCR", "n"});
  shard.enqueue(bert, 2, {"INCR", "n"});
  shard.core->pause(bert);
  CHECK(shard.replies.empty());
  shard.run_pieces(anna, {{"SET", "n", "10"}, {"GET", "n"}});
  REQUIRE(shard.transaction_replies.size() == 2);
  CHECK(shard.transaction_replies[1].size() == 2);
  CHECK(shard.transaction_replies[1][1].bytes == "$2\r\n10\r\n");
  shard.core->end_round();
  CHECK(shard.frames.empty());  // a batch is not cut while it is open
  shard.core->release(bert);    // takes its pause back
  shard.core->release(anna);
  REQUIRE(shard.transaction_replies.size() == 3);
  const auto batch = shard.transaction_replies[2].front().outcome;
  CHECK(batch.hold == batch.last_write);
  REQUIRE(shard.replies.size() == 2);
  CHECK(shard.replies[0].bytes == ":11\r\n");
  CHECK(shard.replies[1].bytes == ":12\r\n");
  CHECK(shard.replies[0].outcome.hold > batch.hold);
}

TEST_CASE("a transaction that wrote nothing depends on nothing") {
  one_shard shard;
  shard.commit();
  shard.core->pause(anna);
  shard.run_pieces(anna, {{"GET", "n"}});
  shard.core->release(anna);
  const auto outcome = shard.transaction_replies.back().front().outcome;
  CHECK(outcome.hold == lsn{});
  CHECK(outcome.last_write == lsn{});
}

TEST_CASE("a shard with too many records before the disk lets commands wait") {
  one_shard shard(1 << 20, 16);
  const std::string large(900'000, 'x');
  int runs = 0;
  for (; runs < 40 && shard.core->accepts_inline(anna); ++runs) {
    REQUIRE(shard.run({"SET", "key", large}).done);
  }
  CHECK(runs < 40);
  shard.enqueue(anna, 1, {"SET", "key", "x"});
  CHECK(shard.replies.empty());
  shard.commit();
  CHECK(shard.replies.size() == 1);
  CHECK(shard.core->accepts_inline(anna));
}

TEST_CASE("a poisoned shard takes no write, says what is lost and shows the rest") {
  one_shard shard;
  shard.run({"SET", "old", "value"});
  shard.commit();
  const auto durable = shard.announced;
  shard.run({"SET", "new", "value"});
  shard.core->end_round();
  shard.core->on_log_failed({errc::io_failed, "the disk is broken"});
  REQUIRE(shard.failed);
  CHECK(shard.announced == durable);
  CHECK(shard.run({"SET", "x", "y"}).reply ==
        "-MISCONF shard 0 is read-only because its log failed: the disk is broken\r\n");
  CHECK(shard.run({"GET", "new"}).reply.starts_with("-MISCONF the key's last write is lost"));
  CHECK(shard.run({"GET", "old"}).reply == "$5\r\nvalue\r\n");
  CHECK(shard.core->statistics().unreadable_records == 0);  // lost is not damaged
  CHECK(shard.core->settled());
  shard.core->end_round();
  CHECK(shard.frames.size() == 1);  // the one that failed; no other was sent
}

TEST_CASE("expired keys are swept by the timer") {
  one_shard shard;
  shard.run({"SET", "key", "value", "PX", "10"});
  shard.commit();
  shard.time.advance(20ms);
  CHECK(shard.run({"GET", "key"}).reply == "$-1\r\n");
  for (int i = 0; i < 10; ++i) shard.core->tick();
  CHECK(shard.core->statistics().expired_keys == 1);
  CHECK(shard.core->store().size() == 0);
}

TEST_CASE("segments are asked for one at a time, after a failure not before a second") {
  one_shard shard;
  const std::string large(900'000, 'x');
  for (int i = 0; i < 16 && shard.segments_wanted == 0; ++i) {
    shard.run({"SET", "key", large});
    shard.commit();
  }
  REQUIRE(shard.segments_wanted == 1);
  shard.core->tick();
  CHECK(shard.segments_wanted == 1);
  shard.core->on_segment_failed({errc::no_space, "full"});
  shard.core->tick();
  CHECK(shard.segments_wanted == 1);
  shard.time.advance(1s);
  shard.core->tick();
  CHECK(shard.segments_wanted == 2);
}

TEST_CASE("a transaction's large replies come in parts, and more pieces may be sent meanwhile") {
  one_shard shard(64 << 20);
  const std::string large(900'000, 'x');
  shard.run({"SET", "large", large});
  const actors::lane_key transaction{0, 5};
  shard.core->pause(transaction);
  shard.transaction_replies.clear();
  std::vector<actors::queued_command> pieces;
  for (int i = 0; i < 5; ++i) pieces.push_back(one_shard::command(0, {"GET", "large"}));
  shard.core->run_pieces(transaction, std::move(pieces));
  std::vector<std::size_t> parts;
  for (const auto& each : shard.transaction_replies) parts.push_back(each.size());
  CHECK(parts == std::vector<std::size_t>{2, 2, 1});
  std::vector<actors::queued_command> more;
  more.push_back(one_shard::command(0, {"EXISTS", "large"}));
  shard.core->run_pieces(transaction, std::move(more));
  CHECK(shard.transaction_replies.size() == 4);
  shard.core->release(transaction);
}

}  // namespace troupe::tests
