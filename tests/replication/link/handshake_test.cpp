#include "replication/link/handshake.hpp"

#include <doctest/doctest.h>

#include "tests/replication/link/handshake_fixture.hpp"

namespace troupe::tests {
namespace {

using namespace link;

/// How a handshake between two ended, on both sides.
struct outcome {
  std::optional<closure> dialler, listener;
  std::optional<link_peer> dialler_sees, listener_sees;

  [[nodiscard]] bool is_open() const { return dialler_sees && listener_sees; }
};

outcome shake(const handshake_setup& dials, const handshake_setup& listens) {
  handshake dialler(dials);
  handshake listener(listens);
  outcome ends;
  auto for_listener = dialler.begin();
  auto for_dialler = listener.begin();
  ends.dialler = for_listener.refused;
  ends.listener = for_dialler.refused;
  while (!ends.dialler && !ends.listener) {
    if (!for_listener.send) break;
    for_dialler = listener.on_frame(for_listener.send->type, for_listener.send->body);
    ends.listener = for_dialler.refused;
    if (!for_dialler.send) break;
    for_listener = dialler.on_frame(for_dialler.send->type, for_dialler.send->body);
    ends.dialler = for_listener.refused;
  }
  if (dialler.is_open()) ends.dialler_sees = dialler.peer();
  if (listener.is_open()) ends.listener_sees = listener.peer();
  return ends;
}

/// Checks that exactly one side refused, for this reason, and that none opened.
void check_refused(const outcome& ends, link_side by, refusal why) {
  const auto& end = by == link_side::dialler ? ends.dialler : ends.listener;
  const auto& other = by == link_side::dialler ? ends.listener : ends.dialler;
  REQUIRE(end);
  CHECK_FALSE(other);
  CHECK(to_string(end->why) == to_string(why));
  CHECK_FALSE(end->detail.empty());
  CHECK_FALSE(ends.dialler_sees);
  CHECK_FALSE(ends.listener_sees);
}

/// The first message of a listener to a dialler that says `said`.
handshake_step answer_to(handshake& listener, const hello& said) {
  static_cast<void>(listener.begin());
  return listener.on_frame(frame_type::hello, encode_hello(said));
}

}  // namespace

TEST_CASE("two members of a cluster prove themselves to each other") {
  const auto ends = shake(dialler_setup(), listener_setup());
  REQUIRE(ends.is_open());
  CHECK(ends.dialler_sees->node == id_of<node_id>(0xe1));
  CHECK(ends.dialler_sees->role == link_role::member);
  CHECK(ends.dialler_sees->cluster == id_of<cluster_id>(0xc1));
  CHECK(ends.listener_sees->node == id_of<node_id>(0xd1));
  CHECK(ends.listener_sees->role == link_role::member);
  CHECK(ends.listener_sees->cluster == id_of<cluster_id>(0xc1));
}

TEST_CASE("a console proves the secret and needs neither node nor cluster id") {
  const auto ends = shake(console_setup(), listener_setup());
  REQUIRE(ends.is_open());
  CHECK(ends.listener_sees->role == link_role::console);
  CHECK(ends.listener_sees->node == node_id{});
  CHECK(ends.dialler_sees->cluster == id_of<cluster_id>(0xc1));
}

TEST_CASE("who has no cluster yet learns it, but only after its proof") {
  auto joining = dialler_setup();
  joining.cluster = {};
  const auto ends = shake(joining, listener_setup());
  REQUIRE(ends.is_open());
  CHECK(ends.listener_sees->cluster == cluster_id{});
  CHECK(ends.dialler_sees->cluster == id_of<cluster_id>(0xc1));

  handshake listener(listener_setup());
  const auto step =
      answer_to(listener, {link_role::member, {}, id_of<node_id>(0xd1), nonce_of(0xd2)});
  REQUIRE(step.send);
  const auto told = decode_challenge(step.send->body);
  REQUIRE(told);
  CHECK(told->cluster == cluster_id{});
  CHECK(step.send->body.find(std::string(16, '\xc1')) == std::string::npos);
}

TEST_CASE("another secret is a bad proof, and the dialler finds out first") {
  auto other = dialler_setup();
  other.secret = "the secret of the test";
  check_refused(shake(other, listener_setup()), link_side::dialler, refusal::bad_proof);
  auto none = dialler_setup();
  none.secret = {};
  none.addresses = reach::loopback;
  check_refused(shake(none, listener_setup()), link_side::dialler, refusal::bad_proof);
}

TEST_CASE("a dialler that does not check the listener's proof is found out by its own") {
  handshake listener(listener_setup());
  const auto step = answer_to(
      listener, {link_role::member, id_of<cluster_id>(0xc1), id_of<node_id>(0xd1), nonce_of(0xd2)});
  REQUIRE(step.send);
  const auto end = listener.on_frame(frame_type::proof, encode_proof(nonce_of(0)));
  REQUIRE(end.refused);
  CHECK(end.refused->why == refusal::bad_proof);
  CHECK_FALSE(end.send);
  CHECK_FALSE(listener.is_open());
}

TEST_CASE("a node of another cluster is refused, and learns nothing of this one") {
  auto foreign = dialler_setup();
  foreign.cluster = id_of<cluster_id>(0xc2);
  check_refused(shake(foreign, listener_setup()), link_side::listener, refusal::foreign_cluster);
}

TEST_CASE("a listener that names another cluster than it was asked for is refused") {
  handshake dialler(dialler_setup());
  static_cast<void>(dialler.begin());
  const auto end = dialler.on_frame(
      frame_type::challenge,
      encode_challenge({id_of<cluster_id>(0xc2), id_of<node_id>(0xe1), nonce_of(1), nonce_of(2)}));
  REQUIRE(end.refused);
  CHECK(end.refused->why == refusal::foreign_cluster);
}

TEST_CASE("a node that reaches itself is told so on both sides") {
  auto self = dialler_setup();
  self.node = listener_setup().node;
  check_refused(shake(self, listener_setup()), link_side::listener, refusal::own_node);
  handshake dialler(dialler_setup());
  static_cast<void>(dialler.begin());
  const auto end = dialler.on_frame(
      frame_type::challenge,
      encode_challenge({id_of<cluster_id>(0xc1), id_of<node_id>(0xd1), nonce_of(1), nonce_of(2)}));
  REQUIRE(end.refused);
  CHECK(end.refused->why == refusal::own_node);
}

TEST_CASE("another protocol version is named by whoever hears it first") {
  handshake listener(listener_setup());
  static_cast<void>(listener.begin());
  auto old = encode_hello({link_role::member, id_of<cluster_id>(0xc1), id_of<node_id>(0xd1), {}});
  old[4] = 0;
  const auto end = listener.on_frame(frame_type::hello, old);
  REQUIRE(end.refused);
  CHECK(end.refused->why == refusal::bad_protocol);
  CHECK(end.refused->detail == "the peer speaks protocol 0, this program 1");

  handshake dialler(dialler_setup());
  static_cast<void>(dialler.begin());
  auto newer = encode_challenge({id_of<cluster_id>(0xc1), id_of<node_id>(0xe1), {}, {}});
  newer[4] = 2;
  const auto other_end = dialler.on_frame(frame_type::challenge, newer + "and more");
  REQUIRE(other_end.refused);
  CHECK(other_end.refused->why == refusal::bad_protocol);
}

TEST_CASE("without a secret nodes meet on loopback only") {
  auto dials = dialler_setup();
  auto listens = listener_setup();
  dials.secret = listens.secret = {};
  for (const bool both : {false, true}) {
    dials.addresses = both ? reach::loopback : reach::network;
    listens.addresses = reach::loopback;
    const auto ends = shake(dials, listens);
    CHECK(ends.is_open() == both);
    if (!both) check_refused(ends, link_side::dialler, refusal::no_secret);
  }
  listens.addresses = reach::network;
  check_refused(shake(dials, listens), link_side::listener, refusal::no_secret);
}

TEST_CASE("proofs are bound to the TLS session they were made in") {
  auto dials = dialler_setup();
  auto listens = listener_setup();
  dials.exporter = listens.exporter = std::string(32, 'x');
  CHECK(shake(dials, listens).is_open());
  // Somebody in the middle has a session with each.
  listens.exporter = std::string(32, 'y');
  check_refused(shake(dials, listens), link_side::dialler, refusal::bad_proof);
  listens.exporter = {};
  check_refused(shake(dials, listens), link_side::dialler, refusal::bad_proof);
}

TEST_CASE("a welcome is the listener's, or the dialler refuses it") {
  for (const bool is_joining : {false, true}) {
    auto dials = dialler_setup();
    if (is_joining) dials.cluster = {};
    handshake dialler(dials);
    handshake listener(listener_setup());
    static_cast<void>(listener.begin());
    auto step = listener.on_frame(frame_type::hello, dialler.begin().send->body);
    step = dialler.on_frame(frame_type::challenge, step.send->body);
    step = listener.on_frame(frame_type::proof, step.send->body);
    auto forged = step.send->body;
    forged[0] = static_cast<char>(forged[0] ^ 1);
    const auto end = dialler.on_frame(frame_type::welcome, forged);
    REQUIRE(end.refused);
    CHECK(end.refused->why == refusal::bad_proof);
    CHECK_FALSE(dialler.is_open());
  }
}

TEST_CASE("each state takes one type of frame and refuses all others by name") {
  constexpr frame_type types[] = {frame_type::hello, frame_type::challenge, frame_type::proof,
                                  frame_type::welcome};
  // The right dialogue up to each step, then every frame but the right one.
  for (int steps = 0; steps < 4; ++steps) {
    for (const auto wrong : types) {
      handshake dialler(dialler_setup());
      handshake listener(listener_setup());
      static_cast<void>(listener.begin());
      auto step = dialler.begin();
      for (int done = 0; done < steps; ++done) {
        auto& to = done % 2 == 0 ? listener : dialler;
        step = to.on_frame(step.send->type, step.send->body);
      }
      if (wrong == step.send->type) continue;
      auto& to = steps % 2 == 0 ? listener : dialler;
      const auto end = to.on_frame(wrong, step.send->body);
      REQUIRE(end.refused);
      CHECK(end.refused->why == refusal::bad_frame);
      CHECK(end.refused->detail == std::string(to_string(wrong)) + " out of order");
      CHECK_FALSE(end.send);
      CHECK_FALSE(to.is_open());
    }
  }
}

}  // namespace troupe::tests
