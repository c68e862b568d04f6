// A gateway actor with a real listening socket, between shards, metrics, a node and another gateway
// played by a test; and clients that connect to it.
//
// Owner and thread: the test. Sockets never block; whatever the stand-ins do not expect fails the
// test.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/command_codec.hpp"
#include "actors/gateway.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/session.hpp"
#include "actors/statistics_codec.hpp"
#include "storage/base/hash_slot.hpp"
#include "tests/actors/mock_actors.hpp"
#include "tests/actors/runtime/stepped_reactor.hpp"

namespace troupe::tests {

/// A client's end of a connection.
class test_client {
 public:
  explicit test_client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const auto* address = static_cast<const sockaddr*>(static_cast<const void*>(&to));
    REQUIRE(::connect(socket_.get(), address, sizeof to) == 0);
    REQUIRE(::fcntl(socket_.get(), F_SETFL, O_NONBLOCK) == 0);
  }

  /// Sends what the kernel takes; returns how much that was.
  std::size_t send_some(std::string_view bytes) {
    return runtime::write_some(socket_, bytes).bytes;
  }
  void send(std::string_view bytes) { REQUIRE(send_some(bytes) == bytes.size()); }
  /// Everything received so far.
  const std::string& received() {
    std::array<char, 4096> piece;
    for (;;) {
      const auto moved = runtime::read_some(socket_, piece);
      if (moved.what == runtime::transfer::state::closed) closed_ = true;
      if (moved.what != runtime::transfer::state::moved) return received_;
      received_.append(piece.data(), moved.bytes);
    }
  }
  /// Whether the gateway closed the connection.
  bool is_closed() {
    received();
    return closed_;
  }
  void end_sending() { REQUIRE(::shutdown(socket_.get(), SHUT_WR) == 0); }
  /// Closes with a reset: the gateway must notice at once.
  void reset() {
    const linger at_once{1, 0};
    REQUIRE(::setsockopt(socket_.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0);
    socket_ = runtime::descriptor();
  }

 private:
  runtime::descriptor socket_;
  std::string received_;
  bool closed_ = false;
};

struct shard_notes {
  struct command {
    std::uint64_t connection;
    std::uint64_t ticket;
    std::string text;  ///< words, one space between
  };
  std::size_t gateways = 0;
  std::vector<std::vector<command>> batches;
  std::vector<std::string> steps;
  std::uint64_t transaction = 0;
  std::vector<lsn> demands;

  [[nodiscard]] std::vector<command> commands() const {
    std::vector<command> all;
    for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
    return all;
  }
};

class noting_shard_actor {
 public:
  static constexpr const char* name = "noting_shard";
  noting_shard_actor(actors::shard_actor::pointer, shard_notes* notes) : notes_(*notes) {}

  actors::shard_actor::behavior_type make_behavior() {
    return {
        unexpected<schemas::FrameWritten>(),
        unexpected<schemas::SegmentOutcome>(),
        unexpected<schemas::RecordRead>(),
        [this](const envelope<schemas::Attach>&, const actors::gateway_actor&) {
          ++notes_.gateways;
        },
        [this](const envelope<schemas::CommandBatch>& message) { note(message); },
        unexpected<schemas::StreamOrders>(),
        [this](const envelope<schemas::TransactionStep>& message) { note(message); },
        [this](const envelope<schemas::CommitDemand>& message) {
          notes_.demands.push_back({envelope<schemas::CommitDemand>::reader(message)->getUpTo()});
        },
        unexpected_request<schemas::StatisticsRequest, schemas::ShardStatistics>(),
        unexpected_request<schemas::SteerShard, schemas::ShardSteered>(),
        unexpected<schemas::Stop>(),
        unexpected_tick(),
    };
  }

 private:
  void note(const envelope<schemas::CommandBatch>& message) {
    auto& batch = notes_.batches.emplace_back();
    const envelope<schemas::CommandBatch>::reader from(message);
    for (const auto command : from->getCommands()) {
      const auto queued = actors::decode(command, nullptr);
      std::string text;
      for (const auto word : queued.words) {
        if (!text.empty()) text += ' ';
        text += word;
      }
      batch.push_back({command.getConnection(), queued.ticket, std::move(text)});
    }
  }
  void note(const envelope<schemas::TransactionStep>& message) {
    const envelope<schemas::TransactionStep>::reader from(message);
    notes_.transaction = from->getTransaction();
    notes_.steps.emplace_back(from->isPause() ? "pause" : from->isRelease() ? "release" : "run");
  }
  shard_notes& notes_;
};

/// A gateway that never answers.
class mute_peer {
 public:
  static constexpr const char* name = "mute_peer";
  explicit mute_peer(actors::gateway_peer::pointer self) : self_(self) {}
  actors::gateway_peer::behavior_type make_behavior() {
    return {[this](const envelope<schemas::GatewayRequest>&) {
      asked_.push_back(self_->make_response_promise<envelope<schemas::GatewayAnswer>>());
      return asked_.back();
    }};
  }

 private:
  actors::gateway_peer::pointer self_;
  std::vector<caf::typed_response_promise<envelope<schemas::GatewayAnswer>>> asked_;
};

/// Metrics that never answer.
class mute_metrics {
 public:
  static constexpr const char* name = "mute_metrics";
  explicit mute_metrics(actors::metrics_actor::pointer self) : self_(self) {}
  actors::metrics_actor::behavior_type make_behavior() {
    return {[](const envelope<schemas::Attach>&, const actors::link_listener_actor&) {
              FAIL_CHECK("unexpected link listener");
            },
            [this](const envelope<schemas::StatisticsRequest>&) {
              asked_.push_back(self_->make_response_promise<envelope<schemas::NodeStatistics>>());
              return asked_.back();
            }};
  }

 private:
  actors::metrics_actor::pointer self_;
  std::vector<caf::typed_response_promise<envelope<schemas::NodeStatistics>>> asked_;
};

class noting_node {
 public:
  static constexpr const char* name = "noting_node";
  noting_node(actors::node_actor::pointer, std::size_t* stops) : stops_(*stops) {}
  actors::node_actor::behavior_type make_behavior() {
    return {unexpected_request<schemas::StatisticsRequest, schemas::NodeStatistics>(),
            unexpected_request<schemas::ActorsRequest, schemas::ActorList>(),
            unexpected_request<schemas::TapRequest, schemas::TapAnswer>(),
            [this](const envelope<schemas::Stop>&) { ++stops_; },
            [](actors::end_watch_atom) { FAIL_CHECK("unexpected end of a tap"); },
            unexpected_tick()};
  }

 private:
  std::size_t& stops_;
};

class gateway_world {
 public:
  static constexpr std::uint32_t shard_count = 2;
  enum class start : std::uint8_t { listening, silent };

  stepped_reactor at;
  actors::node_config config = {};
  actors::client_places places;  ///< shared with other gateways
  actors::node_facts facts;
  std::array<shard_notes, shard_count> shards;
  std::size_t node_stops = 0;
  bool ended = false;  ///< the gateway is gone

  explicit gateway_world(start how = start::listening) {
    actors::gateway_parts parts;
    parts.shard_count = shard_count;
    auto listener = runtime::listen_on("127.0.0.1", 0, runtime::port_sharing::first);
    REQUIRE(listener);
    port_ = runtime::local_port(*listener);
    parts.listener = std::move(*listener);
    for (auto& notes : shards) {
      shards_.push_back(
          runtime::spawn_pinned<noting_shard_actor, actors::shard_actor>(at.reactor, &notes));
    }
    parts.shards = shards_;
    node_ = runtime::spawn_pinned<noting_node, actors::node_actor>(at.reactor, &node_stops);
    parts.node = node_;
    parts.places = &places;
    parts.facts = &facts;
    metrics_ = runtime::spawn_pinned<mute_metrics, actors::metrics_actor>(at.reactor);
    peer_ = runtime::spawn_pinned<mute_peer, actors::gateway_peer>(at.reactor);
    gateway_ = actors::spawn_gateway(at.reactor, directory_, config, std::move(parts));
    caf::actor_cast<caf::actor>(gateway_)->attach_functor([this] { ended = true; });
    attach(actors::gateway_peer(gateway_));
    if (how == start::listening) listen();
  }
  ~gateway_world() {
    at.end(gateway_);
    for (auto& shard : shards_) at.end(shard);
    at.end(peer_);
    at.end(metrics_);
    at.end(node_);
  }

  /// The gateway learns whom INFO asks, and listens from then on.
  void listen() {
    caf::anon_send(gateway_, envelope<schemas::Attach>::builder().finish(), metrics_);
    at.run();
  }
  /// A second gateway, which never answers.
  void add_mute_peer() { attach(peer_); }

  test_client connect() {
    test_client client(port_);
    at.run();
    return client;
  }
  /// What a client has when at least `size` bytes came.
  std::string await(test_client& client, std::size_t size) {
    at.run_until([&] { return client.received().size() >= size; });
    return client.received();
  }
  std::string await(test_client& client, std::string_view expected) {
    return await(client, expected.size());
  }
  /// Runs until a shard got that many commands in all.
  std::vector<shard_notes::command> await_commands(std::uint32_t shard, std::size_t count) {
    at.run_until([&] { return shards[shard].commands().size() >= count; });
    at.run();
    return shards[shard].commands();
  }

  struct answer {
    shard_notes::command to;
    std::string bytes;
    lsn hold{};  ///< of a write
  };
  void reply(std::uint32_t shard, const std::vector<answer>& answers) {
    envelope<schemas::ReplyBatch>::builder message(answers.size() * 128 + 256);
    message->setShard(shard);
    auto list = message->initReplies(static_cast<unsigned>(answers.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      const auto& [to, bytes, hold] = answers[i];
      const auto kind = hold.value == 0 ? resp::hold_kind::read : resp::hold_kind::write;
      actors::encode({{0, to.connection}, to.ticket, bytes, {hold, hold, kind}}, list[i]);
      list[i].setConnection(to.connection);
      list[i].setTicket(to.ticket);
    }
    tell(message.finish());
  }
  void watermark(std::uint32_t shard, lsn durable, const std::string& failure = {}) {
    envelope<schemas::Watermark>::builder message;
    message->setShard(shard);
    message->setDurable(durable.value);
    message->setFailure(schemas::text(failure));
    tell(message.finish());
  }
  /// Answers a pause (`count` 0), a run or a release.
  void answer_step(std::uint32_t shard, std::uint64_t transaction,
                   const std::vector<std::string>& replies) {
    envelope<schemas::TransactionReply>::builder message;
    message->setShard(shard);
    message->setTransaction(transaction);
    auto list = message->initReplies(static_cast<unsigned>(replies.size()));
    for (unsigned i = 0; i < list.size(); ++i) actors::encode({{}, 0, replies[i], {}}, list[i]);
    tell(message.finish());
  }
  void stop(std::chrono::milliseconds grace) {
    envelope<schemas::Stop>::builder message;
    message->setGraceMs(static_cast<std::uint32_t>(grace.count()));
    tell(message.finish());
  }
  actors::gateway_statistics statistics() {
    std::optional<envelope<schemas::GatewayStatistics>> counted;
    at.system.spawn<statistics_asker<actors::gateway_actor, schemas::GatewayStatistics>>(gateway_,
                                                                                         &counted);
    at.run();
    REQUIRE(counted);
    return actors::decode(*envelope<schemas::GatewayStatistics>::reader(*counted));
  }
  /// Runs until so many clients are connected.
  void await_clients(std::uint64_t count) {
    at.run_until([&] { return statistics().clients.connected == count; });
  }

  /// A key of that shard.
  [[nodiscard]] static std::string key_in(std::uint32_t shard) {
    for (int i = 0;; ++i) {
      auto key = fmt::format("k{}", i);
      if (shard_of(std::string_view(key), shard_count).value == shard) return key;
    }
  }

 private:
  void attach(const actors::gateway_peer& peer) {
    caf::anon_send(gateway_, envelope<schemas::Attach>::builder().finish(), peer);
    at.run();
  }
  template <class T>
  void tell(const envelope<T>& message) {
    caf::anon_send(gateway_, message);
    at.run();
  }

  std::uint16_t port_ = 0;
  actors::shard_directory directory_{{nullptr, nullptr}};
  std::vector<actors::shard_actor> shards_;
  actors::node_actor node_;
  actors::metrics_actor metrics_;
  actors::gateway_peer peer_;
  actors::gateway_actor gateway_;
};

}  // namespace troupe::tests
