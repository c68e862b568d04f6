// The node actor over stand-ins that note what they are told and do nothing else.
//
// Owner and thread: the test, which steps everything by hand.
#pragma once

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "actors/runtime/pinned_actor.hpp"
#include "actors/statistics_codec.hpp"
#include "actors/supervisor.hpp"
#include "tests/actors/mock_actors.hpp"
#include "tests/actors/runtime/stepped_reactor.hpp"

namespace troupe::tests {

using namespace std::chrono_literals;

inline constexpr std::uint32_t shards = 3;
inline constexpr std::uint32_t gateways = 2;

/// What happened to the stand-ins, in order.
struct diary {
  std::vector<std::string> events;
  std::string deaf;  ///< who does not stop when told to
};

/// What all stand-ins do: note their beginning and end, and stop when told.
class member {
 public:
  member(diary* notes, std::string who) : notes_(*notes), who_(std::move(who)) { note("begin"); }
  ~member() { note("end"); }
  member(const member&) = delete;
  member& operator=(const member&) = delete;

 protected:
  void note(std::string_view what) { notes_.events.push_back(fmt::format("{} {}", what, who_)); }
  bool stops(const envelope<schemas::Stop>& order) {
    note(fmt::format("stop in {} ms", envelope<schemas::Stop>::reader(order)->getGraceMs()));
    return notes_.deaf != who_;
  }

 private:
  diary& notes_;
  std::string who_;
};

class mock_writer : public member {
 public:
  static constexpr const char* name = "mock_writer";
  mock_writer(actors::data_writer_actor::pointer, diary* notes, std::string who)
      : member(notes, std::move(who)) {}
  actors::data_writer_actor::behavior_type make_behavior() {
    return {unexpected_request<schemas::MakeSegmentFile, schemas::SegmentFile>()};
  }
};

class mock_worker : public member {
 public:
  static constexpr const char* name = "mock_worker";
  mock_worker(actors::log_worker_actor::pointer, diary* notes, std::string who)
      : member(notes, std::move(who)) {}
  actors::log_worker_actor::behavior_type make_behavior() {
    return {unexpected_request<schemas::LogFrame, schemas::FrameWritten>(),
            unexpected_request<schemas::AdoptSegment, schemas::SegmentOutcome>(),
            unexpected_request<schemas::RetireSegments, schemas::SegmentsRetired>(),
            unexpected_request<schemas::SealLog, schemas::LogSealed>()};
  }
};

class mock_flusher : public member {
 public:
  static constexpr const char* name = "mock_flusher";
  mock_flusher(actors::wal_flusher_actor::pointer, diary* notes, std::string who)
      : member(notes, std::move(who)) {}
  actors::wal_flusher_actor::behavior_type make_behavior() {
    return {[](const envelope<schemas::Attach>&, const actors::disk_client&) {
              FAIL_CHECK("unexpected shard");
            },
            unexpected<schemas::LogFrame>(), unexpected<schemas::PrepareSegment>(),
            unexpected<schemas::RetireSegments>()};
  }
};

class mock_reader : public member {
 public:
  static constexpr const char* name = "mock_reader";
  mock_reader(actors::data_reader_actor::pointer, diary* notes, std::string who)
      : member(notes, std::move(who)) {}
  actors::data_reader_actor::behavior_type make_behavior() {
    return {[](const envelope<schemas::Attach>&, const actors::disk_client&) {
              FAIL_CHECK("unexpected shard");
            },
            unexpected<schemas::ReadRecord>()};
  }
};

class mock_shard : public member {
 public:
  static constexpr const char* name = "mock_shard";
  mock_shard(actors::shard_actor::pointer self, diary* notes, std::string who)
      : member(notes, std::move(who)), self_(self) {}
  actors::shard_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::FrameWritten>& message) {
          const envelope<schemas::FrameWritten>::reader from(message);
          CHECK(from->isFailed());
          note(fmt::format("'{}' to", from->getFailed().getMessage().cStr()));
        },
        unexpected<schemas::SegmentOutcome>(),
        unexpected<schemas::RecordRead>(),
        [](const envelope<schemas::Attach>&, const actors::gateway_actor&) {
          FAIL_CHECK("unexpected gateway");
        },
        unexpected<schemas::CommandBatch>(),
        unexpected<schemas::StreamOrders>(),
        unexpected<schemas::TransactionStep>(),
        unexpected<schemas::CommitDemand>(),
        unexpected_request<schemas::StatisticsRequest, schemas::ShardStatistics>(),
        unexpected_request<schemas::SteerShard, schemas::ShardSteered>(),
        [this](const envelope<schemas::Stop>& order) {
          if (stops(order)) self_->quit();
        },
        unexpected_tick(),
    };
  }

 private:
  actors::shard_actor::pointer self_;
};

class mock_gateway : public member {
 public:
  static constexpr const char* name = "mock_gateway";
  mock_gateway(actors::gateway_actor::pointer self, diary* notes, std::string who)
      : member(notes, std::move(who)), self_(self) {}
  actors::gateway_actor::behavior_type make_behavior() {
    return {
        unexpected_request<schemas::GatewayRequest, schemas::GatewayAnswer>(),
        [this](const envelope<schemas::Attach>&, const actors::gateway_peer&) { note("peer to"); },
        [this](const envelope<schemas::Attach>&, const actors::metrics_actor&) {
          note("metrics to");
        },
        unexpected<schemas::ReplyBatch>(),
        unexpected_with<schemas::StreamPart, schemas::RecordRead>(),
        unexpected<schemas::Watermark>(),
        unexpected<schemas::TransactionReply>(),
        unexpected_request<schemas::StatisticsRequest, schemas::GatewayStatistics>(),
        [this](const envelope<schemas::Stop>& order) {
          if (stops(order)) self_->quit();
        },
        unexpected_tick(),
    };
  }

 private:
  actors::gateway_actor::pointer self_;
};

class mock_metrics : public member {
 public:
  static constexpr const char* name = "mock_metrics";
  mock_metrics(actors::metrics_actor::pointer, diary* notes, std::string who)
      : member(notes, std::move(who)) {}
  actors::metrics_actor::behavior_type make_behavior() {
    return {[this](const envelope<schemas::Attach>&, const actors::link_listener_actor&) {
              note("links to");
            },
            [](const envelope<schemas::StatisticsRequest>&) {
              envelope<schemas::NodeStatistics>::builder all;
              all->initShards(1)[0].setKeys(4711);
              return all.finish();
            }};
  }
};

class mock_links : public member {
 public:
  static constexpr const char* name = "mock_links";
  mock_links(actors::link_listener_actor::pointer self, diary* notes, std::string who)
      : member(notes, std::move(who)), self_(self) {}
  actors::link_listener_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::Attach>&, const actors::admin_actor&) { note("admin to"); },
        unexpected<schemas::LinkEnded>(),
        unexpected_request<schemas::StatisticsRequest, schemas::LinkStatistics>(),
        [this](const envelope<schemas::Stop>& order) {
          if (stops(order)) self_->quit();
        },
        unexpected_tick(),
    };
  }

 private:
  actors::link_listener_actor::pointer self_;
};

class mock_admin : public member {
 public:
  static constexpr const char* name = "mock_admin";
  mock_admin(actors::admin_actor::pointer, diary* notes, std::string who)
      : member(notes, std::move(who)) {}
  actors::admin_actor::behavior_type make_behavior() {
    return {unexpected_request<schemas::ConsoleRequest, schemas::ConsoleAnswer>()};
  }
};

/// All stand-ins, by hand to be ended.
struct cast_of_node {
  std::vector<actors::shard_family> families;
  std::vector<actors::gateway_actor> doors;
  actors::metrics_actor metrics;
  actors::link_listener_actor links;
  actors::admin_actor admin;
};

class mock_children final : public actors::node_children {
 public:
  mock_children(caf::actor_system& system, diary& notes, cast_of_node& made)
      : system_(system), notes_(notes), made_(made) {}

  [[nodiscard]] std::uint32_t shard_count() const override { return shards; }
  [[nodiscard]] std::uint32_t gateway_count() const override { return gateways; }
  [[nodiscard]] actors::shard_family make_shard(std::uint32_t index) override {
    actors::shard_family family;
    family.writer = make<mock_writer, actors::data_writer_actor>("data_writer", index);
    family.worker = make<mock_worker, actors::log_worker_actor>("log_worker", index);
    family.flusher = make<mock_flusher, actors::wal_flusher_actor>("wal_flusher", index);
    family.reader = make<mock_reader, actors::data_reader_actor>("data_reader", index);
    family.shard = make<mock_shard, actors::shard_actor>("shard", index);
    made_.families.push_back(family);
    return family;
  }
  [[nodiscard]] actors::gateway_actor make_gateway(std::uint32_t index,
                                                   const std::vector<actors::shard_actor>& all,
                                                   const actors::node_actor& node) override {
    CHECK(all.size() == shards);
    CHECK(node);
    made_.doors.push_back(make<mock_gateway, actors::gateway_actor>("gateway", index));
    return made_.doors.back();
  }
  [[nodiscard]] actors::metrics_actor make_metrics(
      const std::vector<actors::shard_actor>& all_shards,
      const std::vector<actors::gateway_actor>& all_gateways) override {
    CHECK(all_shards.size() == shards);
    CHECK(all_gateways.size() == gateways);
    made_.metrics = make<mock_metrics, actors::metrics_actor>("metrics", 0);
    return made_.metrics;
  }
  [[nodiscard]] actors::link_listener_actor make_link_listener() override {
    made_.links = make<mock_links, actors::link_listener_actor>("link_listener", 0);
    return made_.links;
  }
  [[nodiscard]] actors::admin_actor make_admin(actors::admin_parts whom) override {
    CHECK(whom.node);
    CHECK(whom.metrics);
    CHECK(whom.shards.size() == shards);
    CHECK(whom.gateways.size() == gateways);
    made_.admin = make<mock_admin, actors::admin_actor>("admin", 0);
    return made_.admin;
  }

 private:
  template <class State, class Handle>
  Handle make(std::string_view kind, std::uint32_t index) {
    const auto who = fmt::format("{} {}", kind, index);
    notes_.events.push_back("make " + who);
    return system_.spawn<runtime::hosted<State, Handle>>(&notes_, who);
  }

  caf::actor_system& system_;
  diary& notes_;
  cast_of_node& made_;
};

struct supervised {
  stepped_reactor at;
  diary notes;
  cast_of_node made;
  actors::node_actor node;
  std::optional<caf::error> ended;  ///< how the node actor ended

  supervised() {
    node = actors::spawn_supervisor(at.system,
                                    std::make_unique<mock_children>(at.system, notes, made));
    caf::actor_cast<caf::actor>(node)->attach_functor(
        [this](const caf::error& why) { ended = why; });
    at.run();
  }
  ~supervised() {
    if (!ended) stop();
    at.pass(30s);
    CHECK(ended);
    made = {};
    node = nullptr;
    at.run();
  }

  void stop() {
    caf::anon_send(node, envelope<schemas::Stop>::builder().finish());
    at.run();
  }
  /// Where an event stands; all events must be there.
  [[nodiscard]] std::ptrdiff_t place(const std::string& event) const {
    const auto found = std::ranges::find(notes.events, event);
    INFO("expected: " << event);
    REQUIRE(found != notes.events.end());
    return found - notes.events.begin();
  }
  [[nodiscard]] std::vector<std::string> all(std::string_view what) const {
    std::vector<std::string> who;
    for (const auto& event : notes.events) {
      if (event.starts_with(what)) who.push_back(event.substr(what.size()));
    }
    std::ranges::sort(who);
    return who;
  }
  [[nodiscard]] bool has(const std::string& event) const {
    return std::ranges::find(notes.events, event) != notes.events.end();
  }
  /// Everybody stopped, and in the written order.
  void check_stopped_in_order() const {
    CHECK(ended.has_value());
    CHECK(all("end ") == all("make "));
    for (std::uint32_t g = 0; g < gateways; ++g) {
      for (std::uint32_t s = 0; s < shards; ++s) {
        const auto stop_shard = fmt::format("stop in 10000 ms shard {}", s);
        if (has(stop_shard)) CHECK(place(fmt::format("end gateway {}", g)) < place(stop_shard));
      }
    }
  }
};

}  // namespace troupe::tests
