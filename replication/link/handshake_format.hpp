// The four messages of the handshake as plain structs, and their bytes.
//
// Place: replication/link; pure functions, any thread. Layout: replication/link/README.md.
// Invariants:
//  1. Hello and Challenge begin with magic and protocol in every version, so that another version
//     is named as such whatever its other bytes are.
//  2. A body is taken only at its exact size, with reserved bytes zero.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"

namespace troupe::link {

inline constexpr std::uint32_t protocol_version = 1;

/// What the dialler wants to be; a listener is always a member. The numbers are those on the wire.
enum class link_role : std::uint8_t {
  member = 1,   ///< a node of the cluster
  console = 2,  ///< an operator's console; it has no node id
};
[[nodiscard]] std::string_view to_string(link_role role) noexcept;

/// 32 bytes used once, from the operating system's source of secrets.
using nonce = std::array<std::uint8_t, 32>;
/// HMAC-SHA-256.
using proof_bytes = std::array<std::uint8_t, 32>;

/// Dialler's first message.
struct hello {
  link_role role = link_role::member;
  cluster_id cluster{};  ///< none: the dialler has none yet and takes the listener's
  node_id node{};        ///< none for a console
  nonce once{};
};

/// Listener's first message. `cluster` is what the dialler named: nobody learns it by asking.
struct challenge {
  cluster_id cluster{};
  node_id node{};
  nonce once{};
  proof_bytes proof{};
};

/// Listener's second message.
struct welcome {
  cluster_id cluster{};  ///< the listener's
  proof_bytes proof{};
};

inline constexpr std::size_t hello_bytes = 80;
inline constexpr std::size_t challenge_bytes = 112;
/// Of a challenge, what stands before the proof and is part of the transcript.
inline constexpr std::size_t challenge_told_bytes = 80;
inline constexpr std::size_t proof_body_bytes = 32;
inline constexpr std::size_t welcome_bytes = 48;

[[nodiscard]] std::string encode_hello(const hello& message);
[[nodiscard]] std::string encode_challenge(const challenge& message);
[[nodiscard]] std::string encode_proof(const proof_bytes& proof);
[[nodiscard]] std::string encode_welcome(const welcome& message);

/// `foreign` if of another protocol version, `corrupt` if it is no such message.
[[nodiscard]] result<hello> decode_hello(std::string_view body);
[[nodiscard]] result<challenge> decode_challenge(std::string_view body);
/// `corrupt` if it is no such message.
[[nodiscard]] result<proof_bytes> decode_proof(std::string_view body);
[[nodiscard]] result<welcome> decode_welcome(std::string_view body);

}  // namespace troupe::link
