// The bytes of the handshake, and the proofs over them against ones computed by Python's hmac.
#include "replication/link/handshake_format.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <array>

#include "replication/link/refusal.hpp"
#include "replication/link/transcript.hpp"
#include "storage/base/coding.hpp"
#include "tests/replication/link/handshake_fixture.hpp"

namespace troupe::tests {
namespace {

using namespace link;

hello some_hello() {
  return {link_role::member, id_of<cluster_id>(0xc1), id_of<node_id>(0xd1), nonce_of(0xd2)};
}
challenge some_challenge() {
  return {id_of<cluster_id>(0xc1), id_of<node_id>(0xe1), nonce_of(0xe2), nonce_of(0xe3)};
}

std::string hex(const proof_bytes& proof) {
  std::string text;
  for (const auto byte : proof) text += fmt::format("{:02x}", byte);
  return text;
}

/// What a proof of the test's dialogue is.
std::string proof_of(std::string_view secret, std::string exporter, proof_label label,
                     cluster_id cluster = {}) {
  transcript seen(secret, std::move(exporter));
  seen.set_hello(encode_hello(some_hello()));
  const auto told = encode_challenge(some_challenge());
  seen.set_challenge(std::string_view(told).substr(0, challenge_told_bytes));
  return hex(seen.prove(label, cluster));
}

std::string with_byte(std::string body, std::size_t at, int value) {
  body.at(at) = static_cast<char>(value);
  return body;
}

template <class T>
std::string why(const result<T>& refused, errc code = errc::corrupt) {
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == code);
  return refused.error().message;
}

}  // namespace

TEST_CASE("hello and challenge have the documented bytes") {
  const auto first = encode_hello(some_hello());
  REQUIRE(first.size() == 80);
  CHECK(first.substr(0, 4) == "TRL1");
  CHECK(load_le<std::uint32_t>(first.data() + 4) == 1);
  CHECK(first[8] == 1);
  CHECK(first.substr(9, 7) == std::string(7, '\0'));
  CHECK(first.substr(16, 16) == std::string(16, '\xc1'));
  CHECK(first.substr(32, 16) == std::string(16, '\xd1'));
  CHECK(first.substr(48) == std::string(32, '\xd2'));

  const auto second = encode_challenge(some_challenge());
  REQUIRE(second.size() == 112);
  CHECK(second.substr(0, 8) == first.substr(0, 8));
  CHECK(second.substr(8, 8) == std::string(8, '\0'));
  CHECK(second.substr(16, 16) == std::string(16, '\xc1'));
  CHECK(second.substr(32, 16) == std::string(16, '\xe1'));
  CHECK(second.substr(48, 32) == std::string(32, '\xe2'));
  CHECK(second.substr(80) == std::string(32, '\xe3'));
}

TEST_CASE("messages of the handshake read back as they were written") {
  const auto first = decode_hello(encode_hello(some_hello()));
  REQUIRE(first);
  CHECK(first->role == link_role::member);
  CHECK(first->cluster == some_hello().cluster);
  CHECK(first->node == some_hello().node);
  CHECK(first->once == some_hello().once);
  const auto second = decode_challenge(encode_challenge(some_challenge()));
  REQUIRE(second);
  CHECK(second->cluster == some_challenge().cluster);
  CHECK(second->node == some_challenge().node);
  CHECK(second->once == some_challenge().once);
  CHECK(second->proof == some_challenge().proof);
  const auto third = decode_proof(encode_proof(nonce_of(5)));
  REQUIRE(third);
  CHECK(*third == nonce_of(5));
  const auto fourth = decode_welcome(encode_welcome({id_of<cluster_id>(1), nonce_of(2)}));
  REQUIRE(fourth);
  CHECK(fourth->cluster == id_of<cluster_id>(1));
  CHECK(fourth->proof == nonce_of(2));
}

TEST_CASE("another version is named whatever the rest of its bytes are") {
  const auto text = "the peer speaks protocol 2, this program 1";
  CHECK(why(decode_hello(with_byte(encode_hello(some_hello()), 4, 2)), errc::foreign) == text);
  CHECK(why(decode_hello(with_byte(encode_hello(some_hello()), 4, 2) + "more"), errc::foreign) ==
        text);
  CHECK(why(decode_hello(with_byte(encode_hello(some_hello()), 4, 2).substr(0, 8)),
            errc::foreign) == text);
  CHECK(why(decode_challenge(with_byte(encode_challenge(some_challenge()), 4, 2)), errc::foreign) ==
        text);
}

TEST_CASE("a body of another shape is refused by name") {
  const auto first = encode_hello(some_hello());
  CHECK(why(decode_hello(with_byte(first, 0, 'X'))) == "hello: not of this protocol");
  CHECK(why(decode_hello("")) == "hello: not of this protocol");
  CHECK(why(decode_hello(first.substr(0, 79))) == "hello: wrong size");
  CHECK(why(decode_hello(first + "x")) == "hello: wrong size");
  CHECK(why(decode_hello(with_byte(first, 12, 1))) == "hello: reserved bytes are not zero");
  CHECK(why(decode_hello(with_byte(first, 8, 0))) == "hello: unknown role");
  CHECK(why(decode_hello(with_byte(first, 8, 3))) == "hello: unknown role");
  CHECK(why(decode_hello(with_byte(first, 8, 2))) ==
        "hello: members have a node id, consoles have none");
  auto nobody = some_hello();
  nobody.node = {};
  CHECK(why(decode_hello(encode_hello(nobody))) ==
        "hello: members have a node id, consoles have none");
  nobody.role = link_role::console;
  CHECK(decode_hello(encode_hello(nobody)));

  const auto second = encode_challenge(some_challenge());
  CHECK(why(decode_challenge(first)) == "challenge: wrong size");
  CHECK(why(decode_challenge(with_byte(second, 8, 1))) == "challenge: reserved bytes are not zero");
  auto nameless = some_challenge();
  nameless.node = {};
  CHECK(why(decode_challenge(encode_challenge(nameless))) == "challenge: no node id");
  CHECK(why(decode_proof(std::string(31, 'p'))) == "proof: wrong size");
  CHECK(why(decode_proof("")) == "proof: wrong size");
  CHECK(why(decode_welcome(std::string(49, 'w'))) == "welcome: wrong size");
  CHECK(why(decode_welcome(std::string(48, '\0'))) == "welcome: no cluster id");
}

TEST_CASE("proofs are HMAC-SHA-256 over label, both messages, cluster and exporter") {
  CHECK(proof_of(test_secret, "", proof_label::listener) ==
        "ea5689a749cf0e70541b222294c26f758a94c49bd7cfc76213e32781fd977e1d");
  CHECK(proof_of(test_secret, "", proof_label::dialler) ==
        "9042f284f784c9586a901adaf2f720a16df0c08edc280ea7e194a2e09f579d3e");
  CHECK(proof_of(test_secret, "", proof_label::welcome, id_of<cluster_id>(0xc1)) ==
        "1992d84e2faeb6b75dbf3647518cfecbfd8754d67733e8b0dd7a2327dd09ac6a");
  CHECK(proof_of(test_secret, "exporter", proof_label::listener) ==
        "9709d6ac09743a04d505bb63423644440ba7806d4a4a452abbcdb51d032a9c5c");
  CHECK(proof_of("", "", proof_label::dialler) ==
        "b0ba1ae821ff6d5d872fe38ede32ec513be4056023314c84e424ba2cf1cff1e1");
  CHECK(proof_of({}, "", proof_label::dialler) == proof_of("", "", proof_label::dialler));
}

TEST_CASE("a proof equals itself and no other") {
  const auto proof = nonce_of(7);
  CHECK(is_same(proof, nonce_of(7)));
  for (std::size_t i = 0; i < proof.size(); ++i) {
    auto other = proof;
    other[i] ^= 1;
    CHECK_FALSE(is_same(proof, other));
  }
}

TEST_CASE("a refusal reads back as its name, an unknown one as unnamed") {
  for (int code = 1; code <= 12; ++code) {
    const auto why_closed = static_cast<refusal>(code);
    const auto read = decode_refused(encode_refused(why_closed));
    REQUIRE(read);
    CHECK(*read == why_closed);
    CHECK(to_string(why_closed) != "unnamed");
  }
  for (const int code : {0, 13, 254, 255}) {
    const auto read = decode_refused(with_byte(std::string(8, '\0'), 0, code));
    REQUIRE(read);
    CHECK(*read == refusal::unnamed);
  }
  CHECK(why(decode_refused("")) == "a refusal of another shape");
  CHECK(why(decode_refused(with_byte(encode_refused(refusal::busy), 7, 1))) ==
        "a refusal of another shape");
}

TEST_CASE("an end is told with who ended it and why") {
  CHECK(to_string(closure{refusal::silent, ended_by::us, "nothing heard for 5000 ms"}) ==
        "silent: nothing heard for 5000 ms");
  CHECK(to_string(closure{refusal::busy, ended_by::peer, {}}) == "refused by the peer: busy");
  CHECK(to_string(closure{refusal::ended, ended_by::peer, {}}) == "ended");
}

}  // namespace troupe::tests
