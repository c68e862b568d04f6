// The metrics actor over shards and gateways played by the test: it answers with what they count,
// and without those who do not answer in time.
#include "actors/metrics.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <optional>
#include <vector>

#include "actors/runtime/pinned_actor.hpp"
#include "actors/statistics_codec.hpp"
#include "tests/actors/mock_actors.hpp"
#include "tests/actors/runtime/stepped_reactor.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;

enum class manner : std::uint8_t { answers, is_mute };

/// A shard that is only asked what it counts.
class counted_shard {
 public:
  static constexpr const char* name = "counted_shard";
  counted_shard(actors::shard_actor::pointer self, std::uint32_t index, manner how)
      : self_(self), index_(index), how_(how) {}

  actors::shard_actor::behavior_type make_behavior() {
    return {
        unexpected<schemas::FrameWritten>(),
        unexpected<schemas::SegmentOutcome>(),
        unexpected<schemas::RecordRead>(),
        [](const envelope<schemas::Attach>&, const actors::gateway_actor&) {
          FAIL_CHECK("unexpected gateway");
        },
        unexpected<schemas::CommandBatch>(),
        unexpected<schemas::StreamOrders>(),
        unexpected<schemas::TransactionStep>(),
        unexpected<schemas::CommitDemand>(),
        [this](const envelope<schemas::StatisticsRequest>&) { return count(); },
        unexpected_request<schemas::SteerShard, schemas::ShardSteered>(),
        unexpected<schemas::Stop>(),
        unexpected_tick(),
    };
  }

 private:
  using promise = caf::typed_response_promise<envelope<schemas::ShardStatistics>>;

  promise count() {
    auto answer = self_->make_response_promise<envelope<schemas::ShardStatistics>>();
    if (how_ == manner::is_mute) {
      kept_.push_back(answer);
      return answer;
    }
    envelope<schemas::ShardStatistics>::builder counted(1024);
    counted->setShard(index_);
    counted->setKeys(100 + index_);
    answer.deliver(counted.finish());
    return answer;
  }

  actors::shard_actor::pointer self_;
  std::uint32_t index_;
  manner how_;
  std::vector<promise> kept_;
};

class counted_gateway {
 public:
  static constexpr const char* name = "counted_gateway";
  explicit counted_gateway(actors::gateway_actor::pointer) {}

  actors::gateway_actor::behavior_type make_behavior() {
    return {
        unexpected_request<schemas::GatewayRequest, schemas::GatewayAnswer>(),
        [](const envelope<schemas::Attach>&, const actors::gateway_peer&) {
          FAIL_CHECK("unexpected peer");
        },
        [](const envelope<schemas::Attach>&, const actors::metrics_actor&) {
          FAIL_CHECK("unexpected metrics");
        },
        unexpected<schemas::ReplyBatch>(),
        unexpected_with<schemas::StreamPart, schemas::RecordRead>(),
        unexpected<schemas::Watermark>(),
        unexpected<schemas::TransactionReply>(),
        [](const envelope<schemas::StatisticsRequest>&) {
          envelope<schemas::GatewayStatistics>::builder counted;
          counted->setConnected(7);
          return counted.finish();
        },
        unexpected<schemas::Stop>(),
        unexpected_tick(),
    };
  }
};

struct counted_node {
  stepped_reactor at;
  std::vector<actors::shard_actor> shards;
  std::vector<actors::gateway_actor> gateways;
  actors::metrics_actor metrics;

  explicit counted_node(manner of_second_shard = manner::answers) {
    for (std::uint32_t i = 0; i < 3; ++i) {
      const auto how = i == 1 ? of_second_shard : manner::answers;
      shards.push_back(
          runtime::spawn_pinned<counted_shard, actors::shard_actor>(at.reactor, i, how));
    }
    gateways.push_back(runtime::spawn_pinned<counted_gateway, actors::gateway_actor>(at.reactor));
    metrics = actors::spawn_metrics(at.system, shards, gateways);
    at.run();
  }
  ~counted_node() {
    at.end(metrics);
    for (auto& shard : shards) {
      if (shard) at.end(shard);
    }
    for (auto& gateway : gateways) at.end(gateway);
  }

  /// Asks; the answer comes while the test runs on.
  void ask(std::optional<envelope<schemas::NodeStatistics>>& answer) {
    at.system.spawn<statistics_asker<actors::metrics_actor, schemas::NodeStatistics>>(metrics,
                                                                                      &answer);
    at.run();
  }
};

/// Numbers of the shards in an answer.
std::vector<std::uint32_t> shards_in(
    const std::optional<envelope<schemas::NodeStatistics>>& answer) {
  REQUIRE(answer);
  std::vector<std::uint32_t> found;
  const envelope<schemas::NodeStatistics>::reader all(*answer);
  for (const auto shard : all->getShards()) {
    CHECK(shard.getKeys() == 100 + shard.getShard());
    found.push_back(shard.getShard());
  }
  REQUIRE(all->getGateways().size() == 1);
  CHECK(all->getGateways()[0].getConnected() == 7);
  return found;
}

}  // namespace

TEST_CASE("metrics answer with what every shard and gateway counts") {
  counted_node node;
  std::optional<envelope<schemas::NodeStatistics>> answer;
  node.ask(answer);
  CHECK(shards_in(answer) == std::vector<std::uint32_t>{0, 1, 2});
}

TEST_CASE("metrics answer without a shard that does not answer within a second") {
  counted_node node(manner::is_mute);
  std::optional<envelope<schemas::NodeStatistics>> answer;
  node.ask(answer);
  node.at.pass(900ms);
  CHECK_FALSE(answer);
  node.at.pass(200ms);
  CHECK(shards_in(answer) == std::vector<std::uint32_t>{0, 2});
}

TEST_CASE("metrics answer at once without a shard that died") {
  counted_node node;
  node.at.end(node.shards[1]);
  std::optional<envelope<schemas::NodeStatistics>> answer;
  node.ask(answer);
  CHECK(shards_in(answer) == std::vector<std::uint32_t>{0, 2});
}

TEST_CASE("figures are read in the order of shards and reactors, whoever answered first") {
  envelope<schemas::NodeStatistics>::builder all(4096);
  auto shards = all->initShards(3);
  auto gateways = all->initGateways(3);
  for (const auto i : {0u, 1u, 2u}) {
    shards[i].setShard((i + 2) % 3);
    gateways[i].setReactor((i + 1) % 3);
  }
  const auto message = all.finish();
  const auto read = actors::decode(*envelope<schemas::NodeStatistics>::reader(message));
  for (std::uint32_t i = 0; i < 3; ++i) {
    CHECK(read.shards[i].shard.value == i);
    CHECK(read.reactors[i].reactor == i);
  }
}

TEST_CASE("several askers get answers of their own") {
  counted_node node(manner::is_mute);
  std::optional<envelope<schemas::NodeStatistics>> first;
  std::optional<envelope<schemas::NodeStatistics>> second;
  node.ask(first);
  node.at.pass(500ms);
  node.ask(second);
  node.at.pass(600ms);
  CHECK(first);
  CHECK_FALSE(second);
  node.at.pass(500ms);
  CHECK(shards_in(second).size() == 2);
}

}  // namespace troupe::tests
