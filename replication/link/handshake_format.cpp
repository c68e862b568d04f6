#include "replication/link/handshake_format.hpp"

#include <fmt/format.h>

#include <cstring>

#include "storage/base/coding.hpp"

namespace troupe::link {
namespace {

constexpr std::uint32_t magic = 0x314c5254;  // "TRL1"

// Hello and Challenge: the same fields at the same places, the role in Hello only.
constexpr std::size_t at_magic = 0;
constexpr std::size_t at_protocol = 4;
constexpr std::size_t at_role = 8;
constexpr std::size_t at_reserved = 9;
constexpr std::size_t at_cluster = 16;
constexpr std::size_t at_node = 32;
constexpr std::size_t at_nonce = 48;
constexpr std::size_t at_proof = 80;
static_assert(at_nonce + sizeof(nonce) == hello_bytes && hello_bytes == challenge_told_bytes);
static_assert(at_proof + sizeof(proof_bytes) == challenge_bytes);
static_assert(sizeof(cluster_id) + sizeof(proof_bytes) == welcome_bytes);
static_assert(sizeof(proof_bytes) == proof_body_bytes);

failure damaged(std::string_view what, std::string_view why) {
  return {errc::corrupt, fmt::format("{}: {}", what, why)};
}

template <class Bytes>
void put(std::string& to, std::size_t at, const Bytes& bytes) noexcept {
  std::memcpy(to.data() + at, bytes.data(), bytes.size());
}

template <class Bytes>
void get(std::string_view from, std::size_t at, Bytes& bytes) noexcept {
  std::memcpy(bytes.data(), from.data() + at, bytes.size());
}

std::string begin_message(std::size_t size) {
  std::string body(size, '\0');
  store_le(body.data() + at_magic, magic);
  store_le(body.data() + at_protocol, protocol_version);
  return body;
}

/// What every version has in common, then the size that this one has.
result<void> check_begin(std::string_view what, std::string_view body, std::size_t size) {
  if (body.size() < at_role || load_le<std::uint32_t>(body.data() + at_magic) != magic) {
    return damaged(what, "not of this protocol");
  }
  if (const auto found = load_le<std::uint32_t>(body.data() + at_protocol);
      found != protocol_version) {
    return failure{errc::foreign, fmt::format("the peer speaks protocol {}, this program {}", found,
                                              protocol_version)};
  }
  if (body.size() != size) return damaged(what, "wrong size");
  const auto reserved = body.substr(at_reserved, at_cluster - at_reserved);
  if (reserved.find_first_not_of('\0') != std::string_view::npos) {
    return damaged(what, "reserved bytes are not zero");
  }
  return {};
}

}  // namespace

std::string_view to_string(link_role role) noexcept {
  switch (role) {
    case link_role::member: return "member";
    case link_role::console: return "operator";
  }
  return {};
}

std::string encode_hello(const hello& message) {
  auto body = begin_message(hello_bytes);
  store_le(body.data() + at_role, static_cast<std::uint8_t>(message.role));
  put(body, at_cluster, message.cluster.value.bytes);
  put(body, at_node, message.node.value.bytes);
  put(body, at_nonce, message.once);
  return body;
}

std::string encode_challenge(const challenge& message) {
  auto body = begin_message(challenge_bytes);
  put(body, at_cluster, message.cluster.value.bytes);
  put(body, at_node, message.node.value.bytes);
  put(body, at_nonce, message.once);
  put(body, at_proof, message.proof);
  return body;
}

std::string encode_proof(const proof_bytes& proof) {
  std::string body(proof_body_bytes, '\0');
  put(body, 0, proof);
  return body;
}

std::string encode_welcome(const welcome& message) {
  std::string body(welcome_bytes, '\0');
  put(body, 0, message.cluster.value.bytes);
  put(body, sizeof message.cluster, message.proof);
  return body;
}

result<hello> decode_hello(std::string_view body) {
  TRY_VOID(check_begin("hello", body, hello_bytes));
  hello message;
  message.role = static_cast<link_role>(load_le<std::uint8_t>(body.data() + at_role));
  get(body, at_cluster, message.cluster.value.bytes);
  get(body, at_node, message.node.value.bytes);
  get(body, at_nonce, message.once);
  if (to_string(message.role).empty()) return damaged("hello", "unknown role");
  if ((message.role == link_role::console) != (message.node == node_id{})) {
    return damaged("hello", "members have a node id, consoles have none");
  }
  return message;
}

result<challenge> decode_challenge(std::string_view body) {
  TRY_VOID(check_begin("challenge", body, challenge_bytes));
  if (body[at_role] != 0) return damaged("challenge", "reserved bytes are not zero");
  challenge message;
  get(body, at_cluster, message.cluster.value.bytes);
  get(body, at_node, message.node.value.bytes);
  get(body, at_nonce, message.once);
  get(body, at_proof, message.proof);
  if (message.node == node_id{}) return damaged("challenge", "no node id");
  return message;
}

result<proof_bytes> decode_proof(std::string_view body) {
  if (body.size() != proof_body_bytes) return damaged("proof", "wrong size");
  proof_bytes proof;
  get(body, 0, proof);
  return proof;
}

result<welcome> decode_welcome(std::string_view body) {
  if (body.size() != welcome_bytes) return damaged("welcome", "wrong size");
  welcome message;
  get(body, 0, message.cluster.value.bytes);
  get(body, sizeof message.cluster, message.proof);
  if (message.cluster == cluster_id{}) return damaged("welcome", "no cluster id");
  return message;
}

}  // namespace troupe::link
