// session with one shard on its own reactor: what a client sees, in order, and when.
#include "actors/session.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/actors/one_shard.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

// A gateway with one local shard and one client.
class one_client final : public actors::session_services {
 public:
  actors::node_config config;
  actors::live_settings settings;
  actors::client_statistics counted;
  one_shard shard;
  bool is_local = true;  ///< the shard is on this reactor
  std::size_t demands = 0;

  actors::session& session() {
    if (!session_) {
      session_ = std::make_unique<actors::session>(
          actors::session_identity{1, 0, 5, "127.0.0.1:5", "127.0.0.1:6"}, environment_, *this);
    }
    return *session_;
  }

  /// Sends bytes as they are; returns what the client got by then.
  std::string exchange(std::string_view sent) {
    while (!sent.empty()) {
      const auto room = session().room();
      const auto count = std::min(room.size(), sent.size());
      std::copy_n(sent.begin(), count, room.begin());
      session().received(count);
      sent.remove_prefix(count);
      pump();
    }
    return take();
  }
  /// The same for commands given as lines.
  std::string send(const std::vector<std::string>& lines) {
    std::string all;
    for (const auto& line : lines) all += line + "\r\n";
    return exchange(all);
  }
  /// Makes everything durable and says so.
  std::string commit() {
    shard.commit();
    durable_[0] = shard.announced;
    session().on_watermark({0}, shard.announced);
    pump();
    return take();
  }
  /// Fails the log and says so.
  void fail_log(const std::string& why) {
    shard.core->on_log_failed({errc::io_failed, why});
    durable_[0] = shard.announced;
    log_failures_[0] = why;
    session().on_log_failed({0});
    pump();
  }
  std::string take() {
    std::string all;
    for (auto ready = session().sendable(); !ready.empty(); ready = session().sendable()) {
      all += ready;
      session().sent(ready.size());
    }
    return all;
  }
  /// Passes answers on until nothing moves.
  void pump() {
    for (bool moved = true; moved;) {
      moved = session().process();
      for (const auto& answer : std::exchange(shard.replies, {})) {
        session().on_reply({0}, answer.ticket, answer.bytes, answer.outcome);
        moved = true;
      }
      for (auto& answers : std::exchange(shard.transaction_replies, {})) {
        std::vector<actors::transaction_answer> passed;
        for (auto& one : answers) {
          passed.push_back({one.bytes, one.outcome.hold, one.outcome.last_write});
        }
        session().on_transaction_answer({0}, std::move(passed));
        moved = true;
      }
    }
  }

  actors::shard_core* local_shard(shard_id) override { return is_local ? &*shard.core : nullptr; }
  void send_command(shard_id, std::uint64_t connection, std::uint64_t ticket,
                    const actors::shard_call& call) override {
    auto queued =
        one_shard::command(ticket, {call.argv.begin(), call.argv.end()}, call.client.level);
    queued.spec = call.spec;
    queued.client = call.client;
    shard.core->enqueue({0, connection}, std::move(queued));
  }
  void demand_commit(shard_id, lsn) override { ++demands; }
  void answer_info(actors::session&, std::uint64_t, std::vector<std::string>) override {}
  void answer_role(actors::session&, std::uint64_t) override {}
  void answer_client_list(actors::session&, std::uint64_t, std::vector<std::uint64_t>) override {}
  void answer_client_kill(actors::session&, std::uint64_t, const actors::kill_filter&) override {}
  void answer_configure(actors::session&, std::uint64_t, const std::string&,
                        const std::string&) override {}
  void answer_reset_statistics(actors::session&, std::uint64_t) override {}
  void stop_node() override {}

  void pause(shard_id, std::uint64_t transaction) override { shard.core->pause({0, transaction}); }
  void run(shard_id, std::uint64_t transaction,
           const std::vector<actors::sent_piece>& pieces) override {
    std::vector<actors::queued_command> queued;
    for (const auto& piece : pieces) {
      queued.push_back(
          one_shard::command(0, {piece.words.begin(), piece.words.end()}, piece.level));
      queued.back().spec = piece.spec;
      queued.back().client.protocol = piece.protocol;
    }
    shard.core->run_pieces({0, transaction}, std::move(queued));
  }
  void release(shard_id, std::uint64_t transaction) override {
    shard.core->release({0, transaction});
  }

 private:
  prng random_{1};
  std::vector<lsn> durable_ = {{}};
  std::vector<std::string> log_failures_ = {{}};
  actors::session_environment environment_{
      config,   settings,     counted, shard.time, random_, 1, index::key_hasher{1},
      durable_, log_failures_};
  std::unique_ptr<actors::session> session_;
};

}  // namespace

TEST_CASE("pipelined commands are answered in order, none before what is in front of it") {
  one_client client;
  CHECK(client.send({"PING"}) == "+PONG\r\n");
  CHECK(client.send({"SET key value", "PING", "GET key", "GET other"}).empty());
  CHECK(client.commit() == "+OK\r\n+PONG\r\n$5\r\nvalue\r\n$-1\r\n");
  CHECK(client.send({"GET key"}) == "$5\r\nvalue\r\n");
}

TEST_CASE("a command may arrive byte by byte") {
  one_client client;
  std::string got;
  for (const char byte : std::string("*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n")) {
    got += client.exchange({&byte, 1});
  }
  CHECK(got == "$5\r\nhello\r\n");
}

TEST_CASE("a shard on another reactor answers in order as well") {
  one_client client;
  client.is_local = false;
  CHECK(client.send({"SET n 1", "INCR n", "PING", "INCR n"}).empty());
  CHECK(client.commit() == "+OK\r\n:2\r\n+PONG\r\n:3\r\n");
}

TEST_CASE("replies of level memory go out at once") {
  one_client client;
  client.settings.level = durability::memory;
  CHECK(client.send({"SET key value", "GET key"}) == "+OK\r\n$5\r\nvalue\r\n");
}

TEST_CASE("MULTI runs as one, and its reply waits for the batch") {
  one_client client;
  CHECK(client.send({"MULTI", "SET n 5", "INCR n", "GET n", "PING"}) ==
        "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n");
  CHECK(client.send({"EXEC"}).empty());
  CHECK(client.commit() == "*4\r\n+OK\r\n:6\r\n$1\r\n6\r\n+PONG\r\n");
}

TEST_CASE("mistakes around MULTI are answered as by Redis") {
  one_client client;
  CHECK(client.send({"EXEC"}) == "-ERR EXEC without MULTI\r\n");
  CHECK(client.send({"DISCARD"}) == "-ERR DISCARD without MULTI\r\n");
  CHECK(client.send({"MULTI", "MULTI", "WATCH key", "DISCARD"}) ==
        "+OK\r\n-ERR MULTI calls can not be nested\r\n"
        "-ERR WATCH inside MULTI is not allowed\r\n+OK\r\n");
  CHECK(client.send({"MULTI", "NONSENSE", "EXEC"})
            .ends_with("-EXECABORT Transaction discarded because of previous errors.\r\n"));
}

TEST_CASE("EXEC is refused when a watched key was touched, and only then") {
  one_client client;
  client.settings.level = durability::memory;
  client.send({"SET key 1", "WATCH key"});
  client.shard.run({"SET", "key", "2"}, durability::memory);
  CHECK(client.send({"MULTI", "GET key", "EXEC"}).ends_with("*-1\r\n"));
  client.send({"WATCH key"});
  CHECK(client.send({"MULTI", "GET key", "EXEC"}).ends_with("*1\r\n$1\r\n2\r\n"));
  client.send({"WATCH key", "UNWATCH"});
  client.shard.run({"SET", "key", "3"}, durability::memory);
  CHECK(client.send({"MULTI", "GET key", "EXEC"}).ends_with("*1\r\n$1\r\n3\r\n"));
}

TEST_CASE("an EXEC that a write aborted waits for that write") {
  one_client client;
  client.send({"WATCH key"});
  client.shard.run({"SET", "key", "2"});
  CHECK(client.send({"MULTI", "GET key", "EXEC"}) == "+OK\r\n+QUEUED\r\n");
  CHECK(client.commit() == "*-1\r\n");
}

TEST_CASE("before AUTH nothing runs and little is read; after eight wrong guesses it is over") {
  one_client client;
  client.config.password = "secret";
  CHECK(client.send({"GET key"}) == "-NOAUTH Authentication required.\r\n");
  CHECK(client.send({"AUTH wrong"}).starts_with("-WRONGPASS"));
  CHECK(client.send({"AUTH secret", "GET key"}) == "+OK\r\n$-1\r\n");

  one_client guesser;
  guesser.config.password = "secret";
  for (int i = 0; i < 8; ++i) guesser.send({"AUTH guess"});
  CHECK(guesser.session().finished());

  one_client greedy;
  greedy.config.password = "secret";
  CHECK(greedy.exchange("*11\r\n") == "-ERR Protocol error: unauthenticated multibulk length\r\n");
  CHECK(greedy.session().finished());
}

TEST_CASE("CLIENT REPLY leaves out what it says") {
  one_client client;
  client.settings.level = durability::memory;
  CHECK(client.send({"CLIENT REPLY SKIP", "SET a 1", "GET a"}) == "$1\r\n1\r\n");
  CHECK(client.send({"CLIENT REPLY OFF", "PING", "SET a 2", "GET a"}).empty());
  CHECK(client.send({"CLIENT REPLY ON", "GET a"}) == "+OK\r\n$1\r\n2\r\n");
}

TEST_CASE("WAIT answers at once without followers asked for, WAITAOF when the disk has it") {
  one_client client;
  client.settings.level = durability::memory;
  CHECK(client.send({"WAIT 0 0"}) == ":0\r\n");
  CHECK(client.send({"SET key value", "WAITAOF 1 0 0", "PING"}) == "+OK\r\n");
  CHECK(client.demands == 1);
  CHECK(client.commit() == "*2\r\n:1\r\n:0\r\n+PONG\r\n");
}

TEST_CASE("WAIT for a follower that is not there ends with its time-out") {
  one_client client;
  CHECK(client.send({"WAIT 1 50", "PING"}).empty());
  client.shard.time.advance(50ms);
  client.session().on_tick(client.shard.time.monotonic_us());
  client.pump();
  CHECK(client.take() == ":0\r\n+PONG\r\n");
}

TEST_CASE("a broken request is answered behind the good ones, then the connection closes") {
  one_client client;
  CHECK(client.exchange("PING\r\n*1\r\n:3\r\nPING\r\n") ==
        "+PONG\r\n-ERR Protocol error: expected '$', got ':'\r\n");
  CHECK(client.session().finished());
  CHECK(client.counted.protocol_errors == 1);
}

TEST_CASE("a web browser is shown the door without a word") {
  one_client client;
  CHECK(client.exchange("POST / HTTP/1.1\r\nHost: x\r\n\r\nSET key value\r\n").empty());
  CHECK(client.session().finished());
  CHECK(client.shard.core->store().size() == 0);
}

TEST_CASE("a reply held too long says that the outcome is unknown; a read says to try again") {
  one_client client;
  client.settings.commit_timeout_us = 1'000'000;
  CHECK(client.send({"SET key value", "GET key", "PING"}).empty());
  client.shard.time.advance(2s);
  client.session().on_tick(client.shard.time.monotonic_us());
  const auto got = client.take();
  CHECK(got.starts_with("-TIMEOUT outcome unknown"));
  CHECK(got.ends_with("\r\n-TRYAGAIN key has an undecided write\r\n+PONG\r\n"));
  CHECK(client.counted.commit_timeouts == 2);
  CHECK(client.commit().empty());
}

TEST_CASE("when the log fails, every uncovered command gets an error and the rest goes on") {
  one_client client;
  CHECK(client.send({"SET key value", "GET key", "PING"}).empty());
  client.shard.core->end_round();
  client.fail_log("the disk is broken");
  const auto text =
      "-MISCONF outcome unknown: the log failed before this was durable: "
      "the disk is broken\r\n";
  CHECK(client.take() == fmt::format("{0}{0}+PONG\r\n", text));
  CHECK(client.send({"GET other"}) == "$-1\r\n");
}

TEST_CASE("a log that fails in the middle of a MULTI block leaves nobody waiting") {
  one_client client;
  client.is_local = false;
  client.send({"MULTI", "SET key value"});
  client.shard.core->end_round();
  client.fail_log("the disk is broken");
  const auto got = client.send({"EXEC", "WAITAOF 1 0 0", "PING"});
  CHECK(got.find("MISCONF") != std::string::npos);
  CHECK(got.ends_with("+PONG\r\n"));
}

TEST_CASE("WAITAOF gives up when the log fails") {
  one_client client;
  client.settings.level = durability::memory;
  CHECK(client.send({"SET key value", "WAITAOF 1 0 0", "PING"}) == "+OK\r\n");
  client.fail_log("the disk is broken");
  CHECK(client.take() == "*2\r\n:0\r\n:0\r\n+PONG\r\n");
}

TEST_CASE("a client that ended its side gets the replies to all it sent") {
  one_client client;
  CHECK(client.send({"SET key value", "GET key"}).empty());
  client.session().end_input();
  CHECK_FALSE(client.session().finished());
  CHECK(client.commit() == "+OK\r\n$5\r\nvalue\r\n");
  CHECK(client.session().finished());
}

TEST_CASE("QUIT answers and closes; what follows is not run") {
  one_client client;
  CHECK(client.send({"QUIT", "PING"}) == "+OK\r\n");
  CHECK(client.session().finished());
}

TEST_CASE("an idle client is closed when the node says so") {
  one_client client;
  client.settings.idle_timeout_us = 1'000'000;
  client.send({"PING"});
  client.session().on_tick(client.shard.time.monotonic_us());
  CHECK_FALSE(client.session().finished());
  client.shard.time.advance(2s);
  client.session().on_tick(client.shard.time.monotonic_us());
  CHECK(client.session().finished());
}

}  // namespace troupe::tests
