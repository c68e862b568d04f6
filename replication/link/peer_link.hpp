// One connection between two nodes, or a console and a node: bytes in, frames out, and back, with
// the handshake, deadlines, heartbeats and credit between them.
//
// Place: replication/link, pure; owned by the actor that owns the socket, on its thread. It is told
// what arrived, what was written and what time it is, and says what to write and when to be asked
// again.
//
//   unproved ──handshake──► open ──refusal, silence, close()──► closing ──said why──► finished
//      └────────── refusal, too slow ───────────────────────────────┘                    ▲
//      any ──the peer said why or hung up───────────────────────────────────────────────┘
//
// Invariants:
//  1. No frame comes out, and none goes in, unless the link is open.
//  2. Every end has a name. Whatever is wrong with what arrives ends the link and does nothing
//  else.
//  3. An unproved peer costs limits::link_hello_bytes_max and one answer, for at most
//     limits::link_proof_deadline_ms. Its heartbeats or trickled bytes do not extend that.
//  4. Open, both sides send something every limits::link_heartbeat_ms if the socket takes it, and
//     give up after limits::link_silence_ms without a byte.
//  5. Records are taken from the peer only within what allow_peer() said, so a follower that
//     allows what it can hold is never made to hold more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "replication/link/frame_queue.hpp"
#include "replication/link/frame_reader.hpp"
#include "replication/link/handshake.hpp"

namespace troupe::link {

/// A link. Each round of the actor: read into room(), received(), next() until it has nothing,
/// on_time(), then write sendable() and say sent(), and ask again at next_deadline_us(). Once
/// is_finished() the socket is to be closed.
class peer_link {
 public:
  /// The connection stands since `now_us`, monotonic as all times here. `setup.secret` must outlive
  /// the link.
  peer_link(const handshake_setup& setup, std::uint64_t now_us);

  /// Where to receive next; empty when nothing is wanted any more.
  [[nodiscard]] std::span<char> room();
  /// `count` bytes were received into the front of the last room().
  void received(std::size_t count, std::uint64_t now_us);
  /// The next frame of an open link: message, records or console. Its body is valid until the next
  /// call of room() or next(). Nothing: the link needs more bytes, or is over.
  [[nodiscard]] std::optional<received_frame> next();
  /// The peer will send nothing any more, or the socket failed.
  void end_input();

  /// Time passed: deadlines and heartbeats. What the socket has is to be received first.
  void on_time(std::uint64_t now_us);
  /// When on_time() has something to do; UINT64_MAX: never.
  [[nodiscard]] std::uint64_t next_deadline_us() const noexcept;

  /// Sends a frame; see frame_queue. Precondition: a type that can_carry(role of the link).
  [[nodiscard]] pushed push(outgoing_frame frame);
  /// The peer said that it takes so many bytes of bodies of records of a shard, counted from the
  /// opening of the link. Shards that may push again are named by take_admissible(). Precondition:
  /// a shard below limits::shards_max; the shard of a received frame may be no_shard.
  void allow_sending(shard_id shard, std::uint64_t bytes) { output_.allow(shard, bytes); }
  [[nodiscard]] std::vector<shard_id> take_admissible() { return output_.take_admissible(); }
  /// We are about to tell the peer the same; counted alike, a lower figure is ignored. To keep the
  /// largest frame from waiting for ever, what is allowed and not received yet should come back to
  /// limits::link_window_bytes_min at least.
  void allow_peer(shard_id shard, std::uint64_t bytes);

  /// Contiguous bytes to write; valid until the next call that is not const.
  [[nodiscard]] std::string_view sendable();
  /// The first `count` bytes of sendable() were written.
  void sent(std::size_t count, std::uint64_t now_us);

  /// Ends the link for a reason of ours (busy, replaced, stopping): the frame being sent is
  /// finished, the reason said, all else dropped. A link that has an end keeps it.
  void close(refusal why, std::uint64_t now_us);

  [[nodiscard]] bool is_open() const noexcept { return !closed_ && handshake_.is_open(); }
  /// Why it ended; nothing while it did not.
  [[nodiscard]] const std::optional<closure>& closed() const noexcept { return closed_; }
  /// True when nothing is left to be sent, or nobody reads it.
  [[nodiscard]] bool is_finished() const noexcept { return closed_ && output_.empty(); }
  /// Who the peer is. Precondition: the link is or was open.
  [[nodiscard]] const link_peer& peer() const { return handshake_.peer(); }
  /// What the dialler is: decides which frames the link carries. Precondition as for peer().
  [[nodiscard]] link_role role() const;

  /// Bytes held for input, and for output.
  [[nodiscard]] std::size_t input_bytes() const noexcept { return input_.memory_bytes(); }
  [[nodiscard]] std::size_t output_bytes() const noexcept { return output_.waiting_bytes(); }

 private:
  struct allowance {
    std::uint64_t allowed_bytes = 0;
    std::uint64_t taken_bytes = 0;
  };

  void take(handshake_step step);
  void on_refused(std::string_view body);
  [[nodiscard]] bool admit(const received_frame& frame);
  void end(closure why);

  const link_side side_;
  const link_role own_role_;
  handshake handshake_;
  frame_reader input_;
  frame_queue output_;
  std::vector<allowance> allowed_;  // by shard
  std::optional<closure> closed_;
  const std::uint64_t began_us_;
  std::uint64_t now_us_;
  std::uint64_t heard_us_;
  std::uint64_t said_us_;
  std::uint64_t farewell_us_ = 0;  // until then a closing link tries to say why
};

/// Whether links of that role carry frames of that type once they are open.
[[nodiscard]] bool can_carry(link_role role, frame_type type) noexcept;

}  // namespace troupe::link
