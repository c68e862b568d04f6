#include "actors/metrics.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "actors/runtime/pinned_actor.hpp"

namespace troupe::actors {

namespace {

constexpr auto answer_deadline = std::chrono::seconds(1);

class metrics_state {
 public:
  static constexpr const char* name = "metrics";

  metrics_state(metrics_actor::pointer self, std::vector<shard_actor> shards,
                std::vector<gateway_actor> gateways)
      : self_(self), shards_(std::move(shards)), gateways_(std::move(gateways)) {}

  metrics_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::Attach>&, const link_listener_actor& links) {
          links_ = {links};
        },
        [this](const envelope<schemas::StatisticsRequest>& request) { return gather(request); }};
  }

 private:
  using promise = caf::typed_response_promise<envelope<schemas::NodeStatistics>>;

  /// One question under way; shared by the handlers of the answers.
  struct gathering {
    promise asker;
    std::vector<envelope<schemas::ShardStatistics>> shards;
    std::vector<envelope<schemas::GatewayStatistics>> gateways;
    std::vector<envelope<schemas::LinkStatistics>> links;
    std::size_t missing = 0;

    void one_less() {
      if (--missing > 0) return;
      envelope<schemas::NodeStatistics>::builder all(4096 + 1500 * shards.size() +
                                                     8192 * gateways.size());
      auto shard_list = all->initShards(static_cast<unsigned>(shards.size()));
      for (unsigned i = 0; i < shard_list.size(); ++i) {
        const envelope<schemas::ShardStatistics>::reader each(shards[i]);
        shard_list.setWithCaveats(i, *each);
      }
      auto gateway_list = all->initGateways(static_cast<unsigned>(gateways.size()));
      for (unsigned i = 0; i < gateway_list.size(); ++i) {
        const envelope<schemas::GatewayStatistics>::reader each(gateways[i]);
        gateway_list.setWithCaveats(i, *each);
      }
      for (const auto& answer : links) {
        const envelope<schemas::LinkStatistics>::reader each(answer);
        all->setLinks(*each);
      }
      asker.deliver(all.finish());
    }
  };

  promise gather(const envelope<schemas::StatisticsRequest>& request) {
    auto all = std::make_shared<gathering>();
    all->asker = self_->make_response_promise<envelope<schemas::NodeStatistics>>();
    all->missing = shards_.size() + gateways_.size() + links_.size();
    ask(shards_, request, all, &gathering::shards);
    ask(gateways_, request, all, &gathering::gateways);
    ask(links_, request, all, &gathering::links);
    return all->asker;
  }

  template <class Handle, class Answer>
  void ask(const std::vector<Handle>& whom, const envelope<schemas::StatisticsRequest>& request,
           const std::shared_ptr<gathering>& all,
           std::vector<envelope<Answer>> gathering::*answers) {
    for (const auto& each : whom) {
      self_->request(each, answer_deadline, request)
          .then(
              [all, answers](const envelope<Answer>& answer) {
                ((*all).*answers).push_back(answer);
                all->one_less();
              },
              [all](const caf::error&) { all->one_less(); });
    }
  }

  metrics_actor::pointer self_;
  std::vector<shard_actor> shards_;
  std::vector<gateway_actor> gateways_;
  std::vector<link_listener_actor> links_;  // at most one
};

}  // namespace

metrics_actor spawn_metrics(caf::actor_system& system, std::vector<shard_actor> shards,
                            std::vector<gateway_actor> gateways) {
  return system.spawn<runtime::hosted<metrics_state, metrics_actor>>(std::move(shards),
                                                                     std::move(gateways));
}

}  // namespace troupe::actors
