// What strangers, eavesdroppers and damaged connections send: nobody gets a link by it, and every
// end has a name.
#include <doctest/doctest.h>

#include <array>
#include <set>

#include "replication/link/peer_link.hpp"
#include "storage/base/prng.hpp"
#include "tests/replication/link/link_pair.hpp"

namespace troupe::tests {
namespace {

using namespace link;

/// A dialogue that opened, and all that was said in it.
link_pair& open(link_pair& pair) {
  pair.settle();
  REQUIRE(pair.is_open());
  return pair;
}

/// A whole dialogue: handshake, then frames both ways.
void converse(link_pair& pair) {
  pair.settle();
  pair.listener.core.allow_peer({1}, 100);
  pair.dialler.core.allow_sending({1}, 100);
  static_cast<void>(pair.dialler.core.push(frame_of(frame_type::message, {1}, "a message")));
  static_cast<void>(pair.dialler.core.push(frame_of(frame_type::records, {1}, "some records")));
  static_cast<void>(pair.listener.core.push(frame_of(frame_type::message, no_shard, "an answer")));
  pair.settle();
}

/// What a listener makes of bytes from a stranger.
struct heard {
  explicit heard(std::string_view bytes, std::size_t piece = SIZE_MAX)
      : core(listener_setup(), start_us) {
    feed(core, bytes, frames, start_us, piece);
    answer = drain(core);
    ENSURE(core.input_bytes() <= limits::link_hello_bytes_max);
  }

  peer_link core;
  std::vector<frame_copy> frames;
  std::string answer;
};

/// Refused by us with this name and nothing else.
void check_refused(const heard& by, refusal why) {
  REQUIRE(by.core.closed());
  CHECK(to_string(by.core.closed()->why) == to_string(why));
  CHECK(by.core.closed()->by == ended_by::us);
  CHECK(by.frames.empty());
  const auto said = frames_of(by.answer);
  REQUIRE_FALSE(said.empty());
  CHECK(said.back().type == frame_type::refused);
  CHECK(said.back().body == encode_refused(why));
}

/// Turns a byte of the `frame`-th frame of a stream and makes its checksums right again.
std::string forge(std::string_view stream, std::size_t frame, std::size_t at) {
  auto frames = frames_of(stream);
  auto& chosen = frames.at(frame);
  chosen.body.at(at) = static_cast<char>(chosen.body[at] ^ 0x01);
  std::string bytes;
  for (const auto& each : frames) bytes += encoded(each.type, each.body, each.shard);
  return bytes;
}

}  // namespace

TEST_CASE("a port scanner's junk is refused by name, whatever it is") {
  using namespace std::string_literals;
  const std::array junk = {
      "GET / HTTP/1.1\r\nHost: example\r\n\r\n"s,
      "OPTIONS sip:nm SIP/2.0\r\n\r\n"s,
      "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nPING\r\n"s,
      "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"s,
      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 and the rest of a TLS hello"s,
      std::string(16, '\0'),
      std::string(16, '\xff'),
      std::string(100'000, '\0'),
  };
  for (const auto& bytes : junk) {
    for (const std::size_t piece : {1ul, 7ul, SIZE_MAX}) {
      check_refused(heard(bytes, piece), refusal::bad_frame);
    }
  }
  prng random(1);
  for (int i = 0; i < 1000; ++i) {
    std::string bytes;
    for (int word = 0; word < 16; ++word) {
      const auto bits = random.next();
      bytes.append(reinterpret_cast<const char*>(&bits), sizeof bits);
    }
    check_refused(heard(bytes), refusal::bad_frame);
  }
}

TEST_CASE("a stranger that says less than a frame is answered nothing until it is too slow") {
  heard by("GET /\r\n");
  CHECK_FALSE(by.core.closed());
  CHECK(by.answer.empty());
  by.core.on_time(start_us + 1000ul * limits::link_proof_deadline_ms);
  by.answer = drain(by.core);
  check_refused(by, refusal::too_slow);
}

TEST_CASE("handshake frames that are too long, too short, doubled or out of order are refused") {
  link_pair pair;
  const auto said = frames_of(open(pair).dialler.written);
  REQUIRE(said.size() == 2);
  const auto hello = encoded(said[0].type, said[0].body);
  const auto proof = encoded(said[1].type, said[1].body);

  check_refused(heard(proof), refusal::bad_frame);
  check_refused(heard(proof + hello), refusal::bad_frame);
  check_refused(heard(hello + hello), refusal::bad_frame);
  check_refused(heard(pair.listener.written), refusal::bad_frame);
  check_refused(heard(hello + encoded(frame_type::welcome, said[1].body)), refusal::bad_frame);
  check_refused(heard(hello + encoded(frame_type::message, "m")), refusal::bad_frame);
  check_refused(heard(hello + encoded(frame_type::heartbeat, "")), refusal::bad_frame);
  for (const auto type : {frame_type::hello, frame_type::proof}) {
    for (const std::size_t size : {0ul, 7ul, 31ul, 33ul, 79ul, 81ul, 4080ul}) {
      const auto before = type == frame_type::proof ? hello : std::string();
      check_refused(heard(before + encoded(type, std::string(size, 'x'))), refusal::bad_frame);
    }
  }
  std::string header(frame_header_bytes, '\0');
  encode_frame_header({frame_type::hello, no_shard, 4081, 0}, header.data());
  check_refused(heard(header), refusal::bad_frame);
}

TEST_CASE("handshake frames on an open link end it") {
  for (const std::size_t again : {0ul, 1ul}) {
    link_pair pair;
    const auto said = frames_of(open(pair).dialler.written);
    feed(pair.listener.core, encoded(said[again].type, said[again].body), pair.listener.frames);
    REQUIRE(pair.listener.core.closed());
    CHECK(pair.listener.core.closed()->why == refusal::bad_frame);
    CHECK(pair.listener.frames.empty());
  }
}

TEST_CASE("a recorded dialler is not believed by the same listener later") {
  link_pair recorded;
  open(recorded);
  auto setup = listener_setup();
  setup.once = nonce_of(0xe9);
  peer_link later(setup, start_us);
  std::vector<frame_copy> frames;
  feed(later, recorded.dialler.written, frames);
  REQUIRE(later.closed());
  CHECK(later.closed()->why == refusal::bad_proof);
}

TEST_CASE("a recorded listener is not believed by the same dialler later") {
  link_pair recorded;
  open(recorded);
  auto setup = dialler_setup();
  setup.once = nonce_of(0xd9);
  peer_link later(setup, start_us);
  std::vector<frame_copy> frames;
  feed(later, recorded.listener.written, frames);
  REQUIRE(later.closed());
  CHECK(later.closed()->why == refusal::bad_proof);
}

TEST_CASE("a listener's own proof is no dialler's proof") {
  peer_link listener(listener_setup(), start_us);
  std::vector<frame_copy> frames;
  const auto hello = encode_hello(
      {link_role::member, id_of<cluster_id>(0xc1), id_of<node_id>(0x66), nonce_of(0x66)});
  feed(listener, encoded(frame_type::hello, hello), frames);
  const auto answer = frames_of(drain(listener));
  REQUIRE(answer.size() == 1);
  feed(listener, encoded(frame_type::proof, answer[0].body.substr(challenge_told_bytes)), frames);
  REQUIRE(listener.closed());
  CHECK(listener.closed()->why == refusal::bad_proof);
}

TEST_CASE("a dialler's hello, sent back to its own node, opens nothing") {
  // The stranger is dialled by D and wants D itself to make the proofs.
  peer_link dialler(dialler_setup(), start_us);
  const auto hello = frames_of(drain(dialler)).at(0).body;
  auto own_listener = listener_setup();
  own_listener.node = dialler_setup().node;

  SUBCASE("as it is, D knows its own id") {
    peer_link listener(own_listener, start_us);
    std::vector<frame_copy> frames;
    feed(listener, encoded(frame_type::hello, hello), frames);
    REQUIRE(listener.closed());
    CHECK(listener.closed()->why == refusal::own_node);
  }
  SUBCASE("under another id, what D proves is about that id") {
    peer_link listener(own_listener, start_us);
    std::vector<frame_copy> frames;
    auto changed = *decode_hello(hello);
    changed.node = id_of<node_id>(0x66);
    feed(listener, encoded(frame_type::hello, encode_hello(changed)), frames);
    auto answer = frames_of(drain(listener)).at(0).body;
    // Once with D's id in the challenge, once with the stranger's.
    auto named = *decode_challenge(answer);
    named.node = id_of<node_id>(0x66);
    for (const auto& [sent, why] : {std::pair{answer, refusal::own_node},
                                    std::pair{encode_challenge(named), refusal::bad_proof}}) {
      peer_link again(dialler_setup(), start_us);
      feed(again, encoded(frame_type::challenge, sent), frames);
      REQUIRE(again.closed());
      CHECK(again.closed()->why == why);
    }
  }
}

TEST_CASE("every changed bit of a dialogue is a named refusal or has no effect") {
  link_pair plain;
  converse(plain);
  REQUIRE(plain.listener.frames.size() == 2);
  REQUIRE(plain.dialler.frames.size() == 1);
  std::set<refusal> seen;
  for (const auto side : {link_side::dialler, link_side::listener}) {
    const auto& stream =
        side == link_side::dialler ? plain.dialler.written : plain.listener.written;
    std::size_t handshake_bytes = 0;
    for (const auto& each : frames_of(stream)) {
      if (each.type <= frame_type::refused) {
        handshake_bytes += frame_header_bytes + each.body.size();
      }
    }
    for (std::size_t bit = 0; bit < 8 * stream.size(); ++bit) {
      link_pair pair;
      pair.tamper = [&](link_end& from, std::size_t offset) {
        if (&from != (side == link_side::dialler ? &pair.dialler : &pair.listener)) return;
        if (bit / 8 < offset || bit / 8 >= from.written.size()) return;
        from.written[bit / 8] = static_cast<char>(from.written[bit / 8] ^ (1 << bit % 8));
      };
      converse(pair);
      const auto& victim = side == link_side::dialler ? pair.listener : pair.dialler;
      REQUIRE(victim.core.closed());
      REQUIRE(victim.core.closed()->why == refusal::bad_frame);
      seen.insert(victim.core.closed()->why);
      if (bit / 8 < handshake_bytes) REQUIRE(victim.frames.empty());
      const auto& whole = side == link_side::dialler ? plain.listener.frames : plain.dialler.frames;
      REQUIRE(victim.frames.size() < whole.size() + (whole.empty() ? 1 : 0));
      REQUIRE(std::equal(victim.frames.begin(), victim.frames.end(), whole.begin()));
    }
  }
  CHECK(seen.size() == 1);
}

TEST_CASE("every byte of the handshake changed by one who repairs checksums is a named refusal") {
  link_pair plain;
  open(plain);
  for (const auto side : {link_side::dialler, link_side::listener}) {
    const auto& stream =
        side == link_side::dialler ? plain.dialler.written : plain.listener.written;
    const auto frames = frames_of(stream);
    REQUIRE(frames.size() == 2);
    std::set<refusal> seen;
    for (std::size_t frame = 0; frame < 2; ++frame) {
      for (std::size_t at = 0; at < frames[frame].body.size(); ++at) {
        link_pair pair;
        std::size_t written = 0;
        pair.tamper = [&](link_end& from, std::size_t offset) {
          if (&from != (side == link_side::dialler ? &pair.dialler : &pair.listener)) return;
          if (written++ == frame) {
            from.written = from.written.substr(0, offset) +
                           forge(std::string_view(from.written).substr(offset), 0, at);
          }
        };
        pair.settle();
        REQUIRE_FALSE(pair.is_open());
        // One side says why, the other hears it; who is open hears that it was closed.
        REQUIRE(pair.dialler.core.closed());
        REQUIRE(pair.listener.core.closed());
        REQUIRE(pair.dialler.core.closed()->why == pair.listener.core.closed()->why);
        REQUIRE(pair.dialler.core.closed()->by != pair.listener.core.closed()->by);
        seen.insert(pair.dialler.core.closed()->why);
      }
    }
    CHECK(seen.contains(refusal::bad_proof));
    CHECK(seen.contains(refusal::bad_protocol));
    CHECK(seen.contains(refusal::bad_frame));
    CHECK(seen.contains(refusal::foreign_cluster));
  }
}

TEST_CASE("the type of a handshake frame changed by one who repairs checksums opens nothing") {
  link_pair plain;
  open(plain);
  for (const auto side : {link_side::dialler, link_side::listener}) {
    for (int frame = 0; frame < 2; ++frame) {
      for (int type = 1; type <= 18; ++type) {
        const auto& stream =
            side == link_side::dialler ? plain.dialler.written : plain.listener.written;
        const auto right = frames_of(stream)[static_cast<std::size_t>(frame)];
        const auto forged = static_cast<frame_type>(type);
        if (to_string(forged).empty() || forged == right.type) continue;
        link_pair pair;
        int written = 0;
        pair.tamper = [&](link_end& from, std::size_t offset) {
          if (&from != (side == link_side::dialler ? &pair.dialler : &pair.listener)) return;
          if (written++ != frame) return;
          const auto shard = forged == frame_type::records ? shard_id{0} : no_shard;
          const auto body = forged == frame_type::heartbeat ? std::string() : right.body;
          from.written = from.written.substr(0, offset) + encoded(forged, body, shard);
        };
        pair.settle();
        REQUIRE_FALSE(pair.is_open());
        const auto& victim = side == link_side::dialler ? pair.listener : pair.dialler;
        REQUIRE(victim.core.closed());
        REQUIRE(victim.core.closed()->why == refusal::bad_frame);
      }
    }
  }
}

}  // namespace troupe::tests
