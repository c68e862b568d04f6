// Who is who on a new connection: both sides of the handshake, as state machines.
//
// Place: replication/link, pure; owned by a peer_link on its actor's thread. Secrets and random
// bytes are given. Text: replication/PROTOCOL.md, "The link".
//
//   dialler    start ──Hello──► greeted ──Challenge is right: Proof──► proved ──Welcome──► open
//   listener   start ──► listening ──Hello is right: Challenge──► challenged
//              challenged ──Proof is right: Welcome──► open
//              any state ──anything else──► refused
//
// Invariants:
//  1. It opens only after the peer has shown a proof over this handshake's own nonce: nothing that
//     was ever sent before helps.
//  2. One frame in, at most one frame out; frames out of order are refused, none is ignored.
//  3. Until it is open nothing of the peer is believed, and it learns no more than this node's id,
//     and the cluster's only if it named that itself.
//  4. With an empty secret it opens on loopback only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "replication/link/frame_format.hpp"
#include "replication/link/refusal.hpp"
#include "replication/link/transcript.hpp"

namespace troupe::link {

/// Which side of a connection this is.
enum class link_side : std::uint8_t { dialler, listener };
/// Whether both addresses of the connection are loopback ones.
enum class reach : std::uint8_t { network, loopback };

/// Everything a handshake is given.
struct handshake_setup {
  link_side side = link_side::listener;
  link_role role = link_role::member;  ///< of the dialler; a listener is a member
  reach addresses = reach::network;
  cluster_id cluster{};     ///< none: a dialler that has none yet. A listener has one
  node_id node{};           ///< none for a console only
  std::string_view secret;  ///< must outlive the handshake; empty = none is set
  nonce once{};             ///< new for every connection
  std::string exporter;     ///< see transcript; empty without TLS
};

/// Who the other side is, proved.
struct link_peer {
  link_role role = link_role::member;
  node_id node{};        ///< none for a console
  cluster_id cluster{};  ///< none: a dialler that has none yet
};

/// What to do after a frame: send one, or close with a reason, or nothing.
struct handshake_step {
  struct message {
    frame_type type{};
    std::string body;
  };
  std::optional<message> send;
  std::optional<closure> refused;
};

class handshake {
 public:
  /// Precondition: ids as handshake_setup says.
  explicit handshake(const handshake_setup& setup);

  /// To be called once, first: a dialler's Hello, or the refusal of a network without a secret.
  [[nodiscard]] handshake_step begin();
  /// A frame arrived, of any type and contents. Precondition: begun, neither open nor refused.
  [[nodiscard]] handshake_step on_frame(frame_type type, std::string_view body);

  [[nodiscard]] bool is_open() const noexcept { return state_ == state::open; }
  /// Precondition: is_open().
  [[nodiscard]] const link_peer& peer() const;

 private:
  enum class state : std::uint8_t { start, greeted, proved, listening, challenged, open, refused };

  [[nodiscard]] handshake_step refuse(refusal why, std::string detail = {});
  [[nodiscard]] handshake_step refuse(failure why);
  [[nodiscard]] handshake_step on_hello(std::string_view body);
  [[nodiscard]] handshake_step on_challenge(std::string_view body);
  [[nodiscard]] handshake_step on_proof(std::string_view body);
  [[nodiscard]] handshake_step on_welcome(std::string_view body);

  handshake_setup own_;
  transcript seen_;
  state state_ = state::start;
  link_peer peer_;
};

}  // namespace troupe::link
