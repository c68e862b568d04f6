// One session and one shard, on the session's reactor or on another: a whole node for one client,
// without sockets and messages.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/session.hpp"
#include "tests/actors/one_shard.hpp"
#include "tests/actors/session_driver.hpp"
#include "tests/actors/shard_answers.hpp"

namespace troupe::tests {

// A gateway with one local shard and one client.
class one_client final : public actors::session_services {
 public:
  actors::node_config config;
  actors::live_settings settings;
  actors::client_statistics counted;
  actors::command_statistics commands;
  one_shard shard{1 << 20, 16};
  bool is_local = true;  ///< the shard is on this reactor
  std::chrono::microseconds pause_takes{0};
  std::size_t demands = 0;
  std::size_t most_words_at_once = 0;  ///< in the pieces of one message to the shard

  actors::session& session() {
    if (!session_) {
      session_ = std::make_unique<actors::session>(
          actors::session_identity{1, 0, 5, "127.0.0.1:5", "127.0.0.1:6"}, environment_, *this);
    }
    return *session_;
  }

  /// Sends bytes as they are; returns what the client got by then.
  std::string exchange(std::string_view sent) {
    receive(session(), sent, [this] { pump(); });
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
  std::string take() { return take_replies(session()); }
  /// The connection is gone.
  void leave() { session_.reset(); }
  /// What was counted of a command: calls, rejected, failed.
  std::string count_of(const std::string& command) const {
    actors::client_statistics all;
    commands.report(all);
    for (const auto& one : all.per_command) {
      if (one.name == command) return fmt::format("{} {} {}", one.calls, one.rejected, one.failed);
    }
    return "none";
  }
  /// The time that is said to have gone into a command.
  std::uint64_t time_of(const std::string& command) const {
    actors::client_statistics all;
    commands.report(all);
    for (const auto& one : all.per_command) {
      if (one.name == command) return one.us;
    }
    return 0;
  }
  std::uint64_t errors_of(const std::string& code) const {
    actors::client_statistics all;
    commands.report(all);
    for (const auto& one : all.errors) {
      if (one.code == code) return one.count;
    }
    return 0;
  }
  /// Time passes, and the node's ticks and deadlines with it.
  void wait(std::chrono::microseconds time) {
    shard.time.advance(time);
    session().on_tick(shard.time.monotonic_us());
    session().on_deadline(shard.time.monotonic_us());
    pump();
  }
  /// Passes answers on until nothing moves.
  void pump() {
    while (pump_once()) {
    }
  }
  /// One round: passes on the answers there are; false if nothing moved.
  bool pump_once() {
    bool moved = session().process();
    moved = pass_answers(shard, session()) || moved;
    for (auto& answers : std::exchange(shard.transaction_replies, {})) {
      std::vector<actors::transaction_answer> passed;
      for (auto& one : answers) {
        passed.push_back({one.bytes, one.outcome.hold, one.outcome.last_write,
                          actors::marks_of(one.streams, {0})});
      }
      session().on_transaction_answer({0}, std::move(passed));
      moved = true;
    }
    return moved;
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
  void credit_stream(shard_id, std::uint64_t stream, std::uint32_t parts) override {
    shard.core->credit_stream(stream, parts);
  }
  void drop_stream(shard_id, std::uint64_t stream) override { shard.core->drop_stream(stream); }
  void answer_info(actors::session&, std::uint64_t, std::vector<std::string>) override {}
  void answer_role(actors::session&, std::uint64_t) override {}
  void answer_client_list(actors::session&, std::uint64_t, std::vector<std::uint64_t>) override {}
  void answer_client_kill(actors::session&, std::uint64_t, const actors::kill_filter&) override {}
  void answer_configure(actors::session&, std::uint64_t, const std::string&,
                        const std::string&) override {}
  void answer_reset_statistics(actors::session&, std::uint64_t) override {}
  void stop_node() override {}

  void pause(shard_id, std::uint64_t transaction) override {
    shard.time.advance(pause_takes);
    shard.core->pause({0, transaction});
  }
  void run(shard_id, std::uint64_t transaction,
           const std::vector<actors::sent_piece>& pieces) override {
    std::vector<actors::queued_command> queued;
    std::size_t word_count = 0;
    for (const auto& piece : pieces) {
      word_count += piece.words.size();
      queued.push_back(
          one_shard::command(0, {piece.words.begin(), piece.words.end()}, piece.level));
      queued.back().spec = piece.spec;
      queued.back().client.protocol = piece.protocol;
      queued.back().client.reads = piece.reads;
    }
    most_words_at_once = std::max(most_words_at_once, word_count);
    shard.core->run_pieces({0, transaction}, std::move(queued));
  }
  void release(shard_id, std::uint64_t transaction) override {
    shard.core->release({0, transaction});
  }

 private:
  prng random_{1};
  std::vector<lsn> durable_ = {{}};
  std::vector<std::string> log_failures_ = {{}};
  actors::session_environment environment_{config,
                                           settings,
                                           counted,
                                           commands,
                                           shard.time,
                                           shard.time,
                                           random_,
                                           1,
                                           index::key_hasher{1},
                                           durable_,
                                           log_failures_};
  std::unique_ptr<actors::session> session_;
};

}  // namespace troupe::tests
