// One session without socket, shards or other gateways, for tests of the commands it answers
// itself.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <initializer_list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "actors/session.hpp"
#include "storage/base/prng.hpp"
#include "tests/actors/session_driver.hpp"
#include "tests/sim/clock.hpp"

namespace troupe::tests {

/// Notes what the session asks for; answers nothing by itself.
class noted_services final : public actors::session_services {
 public:
  struct configured {
    std::uint64_t ticket;
    std::string name, value;
  };
  std::vector<std::pair<std::uint64_t, std::vector<std::string>>> infos;
  std::vector<std::uint64_t> roles, lists, resets;
  std::vector<std::pair<std::uint64_t, actors::kill_filter>> kills;
  std::vector<std::uint64_t> listed_ids;  // of the last list asked for
  std::vector<configured> settings;
  std::size_t stops = 0;

  /// How many requests were noted.
  [[nodiscard]] std::size_t note_count() const {
    return infos.size() + roles.size() + lists.size() + kills.size() + settings.size() +
           resets.size() + stops;
  }

  actors::shard_core* local_shard(shard_id) override { return nullptr; }
  void send_command(shard_id, std::uint64_t, std::uint64_t, const actors::shard_call&) override {}
  void demand_commit(shard_id, lsn) override {}
  void credit_stream(shard_id, std::uint64_t, std::uint32_t) override {}
  void drop_stream(shard_id, std::uint64_t) override {}
  void answer_info(actors::session&, std::uint64_t ticket,
                   std::vector<std::string> sections) override {
    infos.emplace_back(ticket, std::move(sections));
  }
  void answer_role(actors::session&, std::uint64_t ticket) override { roles.push_back(ticket); }
  void answer_client_list(actors::session&, std::uint64_t ticket,
                          std::vector<std::uint64_t> ids) override {
    listed_ids = std::move(ids);
    lists.push_back(ticket);
  }
  void answer_client_kill(actors::session&, std::uint64_t ticket,
                          const actors::kill_filter& filter) override {
    kills.emplace_back(ticket, filter);
  }
  void answer_configure(actors::session&, std::uint64_t ticket, const std::string& name,
                        const std::string& value) override {
    settings.push_back({ticket, name, value});
  }
  void answer_reset_statistics(actors::session&, std::uint64_t ticket) override {
    resets.push_back(ticket);
  }
  void stop_node() override { ++stops; }

  void pause(shard_id, std::uint64_t) override {}
  void run(shard_id, std::uint64_t, const std::vector<actors::sent_piece>&) override {}
  void release(shard_id, std::uint64_t) override {}
};

/// A session and everything around it. Settings may be changed until the first use of session().
class connection_fixture {
 public:
  static constexpr std::uint64_t id = 7;

  actors::node_config config = {};
  actors::live_settings settings = {};
  actors::client_statistics counted = {};
  actors::command_statistics commands;
  sim::clock time;
  noted_services services;

  actors::session& session() {
    if (!session_) {
      session_ = std::make_unique<actors::session>(
          actors::session_identity{id, 0, 9, "127.0.0.1:50000", "127.0.0.1:7379"}, environment_,
          services);
    }
    return *session_;
  }

  /// The session for an owner that ends before the fixture, which is of no more use for it.
  std::unique_ptr<actors::session> give_away() {
    session();
    return std::move(session_);
  }

  /// Sends one command; returns what may be sent to the client then.
  std::string ask(std::initializer_list<std::string_view> words) {
    std::string sent = fmt::format("*{}\r\n", words.size());
    for (const auto word : words) sent += fmt::format("${}\r\n{}\r\n", word.size(), word);
    return exchange(sent);
  }

  /// Time passes, with ticks and deadlines.
  void wait(std::chrono::microseconds duration) {
    time.advance(duration);
    session().on_tick(time.monotonic_us());
    session().on_deadline(time.monotonic_us());
  }

  /// Sends bytes as they are.
  std::string exchange(std::string_view sent) {
    receive(session(), sent, [this] {
      while (session().process()) {
      }
    });
    return take();
  }

  /// What may be sent to the client.
  std::string take() { return take_replies(session()); }
  /// What was counted, as it is reported.
  actors::client_statistics figures() const {
    auto all = counted;
    commands.report(all);
    return all;
  }

 private:
  prng random_{1};
  std::vector<lsn> durable_ = {{}, {}};
  std::vector<std::string> log_failures_ = {{}, {}};
  actors::session_environment environment_{
      config,   settings,     counted, commands, time, time, random_, 2, index::key_hasher{1},
      durable_, log_failures_};
  std::unique_ptr<actors::session> session_;
};

/// "-ERR <text>" as it goes out.
inline std::string error(std::string_view text) { return fmt::format("-ERR {}\r\n", text); }

}  // namespace troupe::tests
