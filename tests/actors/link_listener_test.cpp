// The link listener and its links with real sockets and simulated time, among stand-ins: who is let
// in, who is refused and counted under which name, and what ends with what.
#include "actors/link_listener.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/console_bytes.hpp"
#include "actors/console_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/statistics_codec.hpp"
#include "replication/link/peer_link.hpp"
#include "tests/actors/gateway_world.hpp"
#include "tests/actors/mock_actors.hpp"
#include "tests/actors/runtime/stepped_reactor.hpp"
#include "tests/replication/link/handshake_fixture.hpp"

namespace troupe::tests {
namespace {

using namespace std::chrono_literals;
using link::refusal;

/// Answers `help` with one command, everything else never.
class short_admin {
 public:
  static constexpr const char* name = "short_admin";
  explicit short_admin(actors::admin_actor::pointer self) : self_(self) {}
  actors::admin_actor::behavior_type make_behavior() {
    return {[this](const envelope<schemas::ConsoleRequest>& request) {
      auto promise = self_->make_response_promise<envelope<schemas::ConsoleAnswer>>();
      const envelope<schemas::ConsoleRequest>::reader wanted(request);
      if (!wanted->isHelp()) {
        ignored_.push_back(promise);
        return promise;
      }
      envelope<schemas::ConsoleAnswer>::builder answer;
      answer->setNumber(wanted->getNumber());
      answer->initCommands(1)[0].setUsage("help");
      promise.deliver(answer.finish());
      return promise;
    }};
  }

 private:
  actors::admin_actor::pointer self_;
  std::vector<caf::typed_response_promise<envelope<schemas::ConsoleAnswer>>> ignored_;
};

/// The other end of a connection: a socket and the core of a link.
class dialler {
 public:
  dialler(std::uint16_t port, const link::handshake_setup& setup, std::uint64_t now_us)
      : client_(port), core_(setup, now_us) {}

  /// Moves bytes both ways; answers that came are kept.
  void turn(std::uint64_t now_us) {
    const auto& all = client_.received();
    while (taken_ < all.size() && !core_.room().empty()) {
      const auto room = core_.room();
      const auto size = std::min(room.size(), all.size() - taken_);
      std::memcpy(room.data(), all.data() + taken_, size);
      taken_ += size;
      core_.received(size, now_us);
      while (const auto frame = core_.next()) answers.emplace_back(frame->body);
    }
    if (client_.is_closed()) core_.end_input();
    core_.on_time(now_us);
    while (!core_.sendable().empty()) {
      const auto sent = client_.send_some(core_.sendable());
      if (sent == 0) break;
      core_.sent(sent, now_us);
    }
  }
  void ask(std::uint64_t number, const actors::console_request& request) {
    auto body = std::make_shared<const std::string>(actors::encode_request(number, request));
    const std::string_view bytes = *body;
    CHECK(core_.push({link::frame_type::console, link::no_shard, {std::move(body), bytes}}) ==
          link::pushed::taken);
  }
  [[nodiscard]] bool is_open() const { return core_.is_open(); }
  [[nodiscard]] refusal end() const {
    REQUIRE(core_.closed());
    return core_.closed()->why;
  }
  [[nodiscard]] test_client& client() { return client_; }

  std::vector<std::string> answers;

 private:
  test_client client_;
  link::peer_link core_;
  std::size_t taken_ = 0;
};

struct listening {
  stepped_reactor at;
  std::string secret{test_secret};
  runtime::descriptor socket;
  actors::link_listener_actor listener;
  actors::admin_actor admin;
  std::vector<std::unique_ptr<dialler>> diallers;

  listening() {
    auto made = runtime::listen_on("127.0.0.1", 0, runtime::port_sharing::alone);
    REQUIRE(made);
    socket = std::move(*made);
    admin = at.system.spawn<runtime::hosted<short_admin, actors::admin_actor>>();
    const auto own = listener_setup();
    listener = actors::spawn_link_listener(at.reactor, {&socket, own.cluster, own.node, &secret});
    caf::anon_send(listener, envelope<schemas::Attach>::builder().finish(), admin);
    at.run();
  }
  ~listening() {
    diallers.clear();
    at.run();
    at.end(listener);
    at.end(admin);
  }

  [[nodiscard]] std::uint16_t port() const { return runtime::local_port(socket); }
  dialler& dial(const link::handshake_setup& setup) {
    diallers.push_back(std::make_unique<dialler>(port(), setup, at.time.monotonic_us()));
    settle();
    return *diallers.back();
  }
  static link::handshake_setup member(std::uint8_t node) {
    auto setup = dialler_setup();
    setup.node = id_of<node_id>(node);
    setup.once = nonce_of(node);
    return setup;
  }
  /// Until nothing moves any more.
  void settle() {
    for (int round = 0; round < 6; ++round) {
      at.run();
      for (auto& each : diallers) each->turn(at.time.monotonic_us());
    }
    at.run();
  }
  void pass(std::chrono::milliseconds wanted) {
    for (auto left = wanted; left.count() > 0; left -= 100ms) {
      at.pass(100ms);
      settle();
    }
  }
  [[nodiscard]] actors::link_statistics counted() {
    std::optional<envelope<schemas::LinkStatistics>> answer;
    at.system.spawn<statistics_asker<actors::link_listener_actor, schemas::LinkStatistics>>(
        listener, &answer);
    at.run();
    REQUIRE(answer);
    return actors::decode(*envelope<schemas::LinkStatistics>::reader(*answer));
  }
  [[nodiscard]] std::uint64_t refused(refusal why) {
    const auto all = counted();
    const auto at_reason =
        std::ranges::find(all.refused, link::to_string(why), &actors::refusal_figures::reason);
    REQUIRE(at_reason != all.refused.end());
    return at_reason->count;
  }
};

}  // namespace

TEST_CASE("members and consoles that know the secret get a link, and are counted") {
  listening node;
  CHECK(node.dial(listening::member(1)).is_open());
  CHECK(node.dial(console_setup()).is_open());
  const auto all = node.counted();
  CHECK(all.members == 1);
  CHECK(all.operators == 1);
  CHECK(all.unproved == 0);
  CHECK(all.proved == 2);
  REQUIRE(all.links.size() == 2);
  CHECK(all.links[0].name == "peer_link/1");
  CHECK(all.links[1].state.starts_with("operator 127.0.0.1:"));
}

TEST_CASE("a stranger is refused by name and costs no link") {
  listening node;
  auto setup = listening::member(1);
  setup.secret = "another secret of the tests";
  const auto& stranger = node.dial(setup);
  CHECK(stranger.end() == refusal::bad_proof);
  test_client scanner(node.port());
  scanner.send("GET / HTTP/1.1\r\n\r\n");
  node.settle();
  CHECK(scanner.is_closed());
  CHECK(node.refused(refusal::bad_frame) == 1);
  CHECK(node.counted().unproved == 0);
  CHECK(node.counted().proved == 0);
}

TEST_CASE("who does not prove itself in time is refused, whatever trickles in") {
  listening node;
  test_client silent(node.port());
  node.pass(4900ms);
  CHECK_FALSE(silent.is_closed());
  CHECK(node.counted().unproved == 1);
  node.pass(200ms);
  CHECK(silent.is_closed());
  CHECK(node.refused(refusal::too_slow) == 1);
  CHECK(node.counted().unproved == 0);
}

TEST_CASE("a link lives by heartbeats and ends in silence") {
  listening node;
  auto& peer = node.dial(listening::member(1));
  node.pass(30s);
  CHECK(peer.is_open());
  // From now on it is not turned: nothing is sent any more.
  for (int tick = 0; tick < 52; ++tick) node.at.pass(100ms);
  CHECK(node.refused(refusal::silent) == 1);
  CHECK(node.counted().members == 0);
}

TEST_CASE("a newer link of a node replaces the older, others stay") {
  listening node;
  const auto& older = node.dial(listening::member(1));
  const auto& other = node.dial(listening::member(2));
  const auto& newer = node.dial(listening::member(1));
  CHECK(older.end() == refusal::replaced);
  CHECK(other.is_open());
  CHECK(newer.is_open());
  CHECK(node.counted().members == 2);
  CHECK(node.refused(refusal::replaced) == 1);
}

TEST_CASE("of two that prove themselves for the last place one is told to come later") {
  listening node;
  for (std::uint32_t i = 0; i + 1 < limits::links_max; ++i) node.dial(console_setup());
  for (int i = 0; i < 2; ++i) {
    node.diallers.push_back(
        std::make_unique<dialler>(node.port(), console_setup(), node.at.time.monotonic_us()));
  }
  node.settle();
  node.settle();
  const auto open =
      std::ranges::count_if(node.diallers, [](const auto& each) { return each->is_open(); });
  CHECK(open == limits::links_max);
  CHECK(node.counted().operators == limits::links_max);
  CHECK(node.counted().unproved == 0);
  CHECK(node.refused(refusal::busy) == 1);
}

TEST_CASE("a console's commands are answered, at the latest by the link") {
  listening node;
  auto& console = node.dial(console_setup());
  console.ask(1, actors::console_question::help);
  node.settle();
  node.settle();
  REQUIRE(console.answers.size() == 1);
  auto answer = actors::decode_answer(console.answers[0]);
  REQUIRE(answer);
  CHECK(answer->first == 1);
  CHECK(std::get<std::vector<actors::command_help>>(answer->second).size() == 1);
  console.ask(2, actors::console_question::log);
  node.pass(9s);
  CHECK(console.answers.size() == 1);
  node.pass(2s);
  REQUIRE(console.answers.size() == 2);
  answer = actors::decode_answer(console.answers[1]);
  CHECK(answer->first == 2);
  CHECK(std::get<actors::console_failed>(answer->second).why == "the node did not answer in time");
}

TEST_CASE("a console with too many commands under way is told so, and the link stays") {
  listening node;
  auto& console = node.dial(console_setup());
  for (std::uint64_t i = 0; i < limits::console_requests_max + 3; ++i) {
    console.ask(i, actors::console_question::log);
  }
  node.settle();
  node.settle();
  REQUIRE(console.answers.size() == 3);
  const auto answer = actors::decode_answer(console.answers[0]);
  CHECK(answer->first == limits::console_requests_max);
  CHECK(console.is_open());
}

TEST_CASE("when the listener dies its links end, and nothing is left watched") {
  listening node;
  const auto& peer = node.dial(listening::member(1));
  REQUIRE(peer.is_open());
  node.at.end(node.listener);
  node.settle();
  CHECK(peer.end() == refusal::ended);
  const auto own = listener_setup();
  node.listener = actors::spawn_link_listener(node.at.reactor,
                                              {&node.socket, own.cluster, own.node, &node.secret});
  node.at.run();
  CHECK(node.dial(listening::member(1)).is_open());
}

TEST_CASE("a listener that is told to stop tells every peer") {
  listening node;
  const auto& peer = node.dial(listening::member(1));
  test_client unproved(node.port());
  node.settle();
  caf::anon_send(node.listener, envelope<schemas::Stop>::builder().finish());
  node.settle();
  CHECK(peer.end() == refusal::stopping);
  CHECK(unproved.is_closed());
  CHECK_FALSE(unproved.received().empty());
}

}  // namespace troupe::tests
