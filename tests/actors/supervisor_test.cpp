// The node actor over stand-ins that note what they are told: who is made when, who is told to stop
// when, and what becomes of the node when one of them dies (node.hpp).
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "tests/actors/supervised_node.hpp"

namespace troupe::tests {

TEST_CASE("shards are made before gateways and those before metrics; gateways meet all of them") {
  supervised world;
  std::vector<std::string> expected;
  for (std::uint32_t i = 0; i < shards; ++i) {
    for (const auto* kind : {"data_writer", "log_worker", "wal_flusher", "data_reader", "shard"}) {
      expected.push_back(fmt::format("make {} {}", kind, i));
    }
  }
  for (std::uint32_t i = 0; i < gateways; ++i)
    expected.push_back(fmt::format("make gateway {}", i));
  expected.emplace_back("make metrics 0");
  expected.emplace_back("make link_listener 0");
  expected.emplace_back("make admin 0");
  std::vector<std::string> made;
  std::ranges::copy_if(world.notes.events, std::back_inserter(made),
                       [](const auto& event) { return event.starts_with("make "); });
  CHECK(made == expected);
  CHECK(world.all("peer to ").size() == gateways * gateways);
  for (std::uint32_t i = 0; i < gateways; ++i) {
    // Clients are let in when metrics are known, so peers must be known by then.
    const auto last = std::ranges::find(world.notes.events.rbegin(), world.notes.events.rend(),
                                        fmt::format("peer to gateway {}", i));
    const auto last_peer = world.notes.events.rend() - last - 1;
    CHECK(last_peer < world.place(fmt::format("metrics to gateway {}", i)));
  }
}

TEST_CASE("the node stops gateways, then shards, then those who serve the disk, and all of them") {
  supervised world;
  world.stop();
  REQUIRE(world.ended);
  CHECK(*world.ended == caf::error{});
  world.check_stopped_in_order();
  for (std::uint32_t s = 0; s < shards; ++s) {
    const auto end_of_shard = world.place(fmt::format("end shard {}", s));
    CHECK(world.place(fmt::format("stop in 10000 ms shard {}", s)) < end_of_shard);
    for (std::uint32_t other = 0; other < shards; ++other) {
      const auto end_of_flusher = world.place(fmt::format("end wal_flusher {}", other));
      CHECK(end_of_shard < end_of_flusher);
      for (const auto* kind : {"data_writer", "log_worker", "data_reader"}) {
        CHECK(end_of_flusher < world.place(fmt::format("end {} {}", kind, other)));
      }
    }
  }
  for (std::uint32_t g = 0; g < gateways; ++g) {
    CHECK(world.has(fmt::format("stop in 5000 ms gateway {}", g)));
  }
}

TEST_CASE("who does not stop within its grace is killed, and the stop goes on") {
  supervised world;
  world.notes.deaf = "gateway 1";
  world.stop();
  world.at.pass(5s);
  CHECK_FALSE(world.has("end gateway 1"));
  CHECK(world.all("stop in 10000 ms ").empty());
  world.at.pass(1500ms);
  CHECK(world.has("end gateway 1"));
  world.check_stopped_in_order();
}

TEST_CASE("a shard that does not stop is killed after its longer grace") {
  supervised world;
  world.notes.deaf = "shard 2";
  world.stop();
  world.at.pass(10s);
  CHECK_FALSE(world.ended);
  CHECK_FALSE(world.has("end wal_flusher 2"));
  world.at.pass(1500ms);
  world.check_stopped_in_order();
}

TEST_CASE("the node stops with a failure when a gateway, a shard, a reader or metrics dies") {
  supervised world;
  SUBCASE("gateway") { world.at.end(world.made.doors[1]); }
  SUBCASE("shard") { world.at.end(world.made.families[0].shard); }
  SUBCASE("data reader") { world.at.end(world.made.families[2].reader); }
  SUBCASE("metrics") { world.at.end(world.made.metrics); }
  REQUIRE(world.ended);
  CHECK(*world.ended == caf::exit_reason::unhandled_exception);
  world.check_stopped_in_order();
}

TEST_CASE("a shard whose flusher died is told that its log failed, and the node goes on") {
  supervised world;
  world.at.end(world.made.families[1].flusher);
  world.at.pass(20s);
  CHECK_FALSE(world.ended);
  CHECK(world.all("'the WAL flusher died' to ") == std::vector<std::string>{"shard 1"});
  CHECK(world.all("stop in ").empty());
  world.stop();
  REQUIRE(world.ended);
  CHECK(*world.ended == caf::error{});
  world.check_stopped_in_order();
}

TEST_CASE("the node goes on without a data writer or a log worker") {
  supervised world;
  SUBCASE("data writer") { world.at.end(world.made.families[1].writer); }
  SUBCASE("log worker") { world.at.end(world.made.families[1].worker); }
  world.at.pass(20s);
  CHECK_FALSE(world.ended);
  CHECK(world.all("stop in ").empty());
  world.stop();
  world.check_stopped_in_order();
}

TEST_CASE("a link listener that dies is made anew, and metrics are told") {
  supervised world;
  world.at.end(world.made.links);
  world.at.run();
  CHECK_FALSE(world.ended);
  CHECK(world.all("make link_listener").size() == 2);
  CHECK(world.all("links to ").size() == 2);
  world.stop();
  REQUIRE(world.ended);
  CHECK(*world.ended == caf::error{});
  CHECK(world.has("stop in 5000 ms link_listener 0"));
  world.check_stopped_in_order();
}

TEST_CASE("an admin that dies is made anew, and the link listener is told") {
  supervised world;
  CHECK(world.all("admin to ").size() == 1);
  world.at.end(world.made.admin);
  world.at.run();
  CHECK_FALSE(world.ended);
  CHECK(world.all("make admin").size() == 2);
  CHECK(world.all("admin to ").size() == 2);
  world.stop();
  world.check_stopped_in_order();
}

TEST_CASE("a link listener that cannot live is left dead at last") {
  supervised world;
  for (auto death = 0; death < 150 && world.made.links; ++death) {
    auto doomed = std::exchange(world.made.links, {});
    world.at.end(doomed);
  }
  CHECK_FALSE(world.ended);
  CHECK(world.all("make link_listener").size() == 101);
  world.stop();
  world.check_stopped_in_order();
}

TEST_CASE("who dies while the node stops does not hold it up") {
  supervised world;
  world.notes.deaf = "gateway 0";
  world.stop();
  world.at.end(world.made.families[0].shard);
  world.at.end(world.made.families[0].flusher);
  CHECK_FALSE(world.ended);
  world.at.end(world.made.doors[0]);
  REQUIRE(world.ended);
  CHECK(*world.ended == caf::error{});
  world.check_stopped_in_order();
}

TEST_CASE("a shard that stops with something unwritten makes the end of the node a failure") {
  supervised world;
  world.notes.deaf = "shard 1";
  world.stop();
  CHECK_FALSE(world.ended);
  caf::anon_send_exit(world.made.families[1].shard, actors::not_all_written);
  world.at.run();
  REQUIRE(world.ended);
  CHECK(*world.ended == caf::exit_reason::unhandled_exception);
  world.check_stopped_in_order();
}

TEST_CASE("told to stop twice, the node stops once") {
  supervised world;
  world.notes.deaf = "gateway 0";
  world.stop();
  world.stop();
  CHECK(world.all("stop in 5000 ms ").size() == gateways + 1);  // and the link listener
}

TEST_CASE("the node answers with what metrics counted") {
  supervised world;
  std::optional<envelope<schemas::NodeStatistics>> answer;
  world.at.system.spawn<statistics_asker<actors::node_actor, schemas::NodeStatistics>>(world.node,
                                                                                       &answer);
  world.at.run();
  REQUIRE(answer);
  const auto all = actors::decode(*envelope<schemas::NodeStatistics>::reader(*answer));
  REQUIRE(all.shards.size() == 1);
  CHECK(all.shards[0].keys == 4711);
}

}  // namespace troupe::tests
