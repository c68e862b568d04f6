// What the node actor says of its actors: list and tap.
#include <doctest/doctest.h>

#include <algorithm>
#include <caf/event_based_actor.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/supervised_node.hpp"

namespace troupe::tests {

namespace {

/// Asks the node for something and keeps the answer.
template <class Question, class Answer>
class asker final : public caf::event_based_actor {
 public:
  asker(caf::actor_config& config, actors::node_actor whom, envelope<Question> question,
        std::optional<envelope<Answer>>* answer)
      : caf::event_based_actor(config),
        whom_(std::move(whom)),
        question_(std::move(question)),
        answer_(answer) {}

 protected:
  caf::behavior make_behavior() override {
    request(whom_, 60s, question_).then([this](const envelope<Answer>& got) { *answer_ = got; });
    return {};
  }

 private:
  actors::node_actor whom_;
  envelope<Question> question_;
  std::optional<envelope<Answer>>* answer_;
};

std::vector<actors::actor_figures> actors_of(supervised& world) {
  std::optional<envelope<schemas::ActorList>> answer;
  world.at.system.spawn<asker<schemas::ActorsRequest, schemas::ActorList>>(
      world.node, envelope<schemas::ActorsRequest>::builder().finish(), &answer);
  world.at.run();
  REQUIRE(answer);
  return actors::decode(envelope<schemas::ActorList>::reader(*answer)->getActors());
}

const actors::actor_figures& named(const std::vector<actors::actor_figures>& all,
                                   std::string_view name) {
  const auto at = std::ranges::find(all, name, &actors::actor_figures::name);
  REQUIRE(at != all.end());
  return *at;
}

}  // namespace

TEST_CASE("every actor is listed with its place, its messages and its fate") {
  supervised world;
  auto all = actors_of(world);
  CHECK(all.size() == 1 + shards * 5 + gateways + 3);
  CHECK(named(all, "shard/2").place == "reactor 0");
  CHECK(named(all, "gateway/1").place == "reactor 1");
  CHECK(named(all, "data_reader/0").place == "thread");
  CHECK(named(all, "node").place == "scheduler");
  CHECK(named(all, "gateway/0").messages == gateways + 1);
  CHECK(named(all, "gateway/0").mailbox == 0);
  CHECK(named(all, "admin").state == "running");
  world.at.end(world.made.families[1].writer);
  world.at.end(world.made.links);
  all = actors_of(world);
  CHECK(named(all, "data_writer/1").state == "dead");
  CHECK(named(all, "link_listener").state == "running");
  CHECK(named(all, "link_listener").restarts == 1);
}

TEST_CASE("a tapped actor shows its messages until nobody asks any more") {
  supervised world;
  const auto tap = [&](std::string_view whom) {
    envelope<schemas::TapRequest>::builder request;
    request->setActor(schemas::text(std::string(whom)));
    std::optional<envelope<schemas::TapAnswer>> answer;
    world.at.system.spawn<asker<schemas::TapRequest, schemas::TapAnswer>>(
        world.node, request.finish(), &answer);
    world.at.run();
    REQUIRE(answer);
    return *answer;
  };
  const auto ask_metrics = [&] {
    std::optional<envelope<schemas::NodeStatistics>> answer;
    world.at.system.spawn<statistics_asker<actors::metrics_actor, schemas::NodeStatistics>>(
        world.made.metrics, &answer);
    world.at.run();
  };
  ask_metrics();
  CHECK(envelope<schemas::TapAnswer>::reader(tap("metrics"))->getMessages().size() == 0);
  ask_metrics();
  ask_metrics();
  const auto seen = tap("metrics");
  const envelope<schemas::TapAnswer>::reader first(seen);
  REQUIRE(first->getMessages().size() == 2);
  CHECK(schemas::view(first->getMessages()[0].getType()) == "StatisticsRequest");
  world.at.pass(6s);
  ask_metrics();
  CHECK(envelope<schemas::TapAnswer>::reader(tap("metrics"))->getMessages().size() == 0);
  CHECK(envelope<schemas::TapAnswer>::reader(tap("nobody"))->hasFailed());
  world.at.pass(6s);
}

}  // namespace troupe::tests
