// The frames a link has to send: one lane per shard and one for frames about none, in turn.
//
// Place: replication/link, pure; owned by a peer_link on its actor's thread.
//
//   push ──► lanes: node │ 0 │ 1 │ ... ──one frame of each in turn──► wire bytes ──► socket
//   push_first (handshake, farewell), heartbeat ──at the next frame's start──┘
//
// Invariants:
//  1. Frames of one lane leave in the order pushed, each whole, and each lane with frames sends one
//     before any other sends two.
//  2. A records frame is taken only within its shard's credit: what may not be sent yet stays
//     where it came from, never here.
//  3. A lane without waiting frames takes one of any size; further ones only while all lanes hold
//     less than limits::link_output_bytes_max. So no shard keeps another from sending, and memory
//     is bounded by that limit and one frame per lane beside the one being sent.
//  4. A large body is never copied: its own memory goes to the socket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "replication/link/frame_format.hpp"
#include "storage/base/shared_bytes.hpp"

namespace troupe::link {

/// A frame to be sent.
struct outgoing_frame {
  frame_type type{};
  shard_id shard = no_shard;
  shared_bytes body;
};

/// What became of a push. After `full` and `no_credit` the frame was not taken; take_admissible()
/// names its shard once it would be.
enum class pushed : std::uint8_t {
  taken,
  full,       ///< too much is waiting
  no_credit,  ///< the peer did not allow so many bytes of the shard yet
  not_open,   ///< the link is not open: peer_link only
};

/// Ordered, fair, bounded output.
class frame_queue {
 public:
  /// Adds a frame behind those of its lane. Precondition: a body within body_bytes_max(proved),
  /// and a shard that fits the type.
  [[nodiscard]] pushed push(outgoing_frame frame);

  /// Adds a small frame in front of all that was not begun, behind other such frames.
  void push_first(frame_type type, std::string_view body);

  /// One heartbeat at the start of the next frame, unless one waits for that already.
  void push_heartbeat() noexcept { heartbeat_waits_ = true; }
  [[nodiscard]] bool heartbeat_waits() const noexcept { return heartbeat_waits_; }

  /// The peer allows `bytes` of bodies of records of `shard` over the life of the link. What it
  /// allowed once stays allowed: a lower figure is ignored. Precondition: a shard below
  /// limits::shards_max.
  void allow(shard_id shard, std::uint64_t bytes);

  /// Shards (and no_shard) whose push was refused and would now succeed, each once, in the order
  /// they were refused. To be called after sent() and allow().
  [[nodiscard]] std::vector<shard_id> take_admissible();

  /// Contiguous bytes to be written to the socket. Valid until the next call that is not const.
  [[nodiscard]] std::string_view sendable();

  /// The first `count` bytes of sendable() were written.
  void sent(std::size_t count);

  /// Drops what was pushed into lanes and not begun, so that what is pushed first now ends the
  /// stream at the start of a frame.
  void drop_waiting();
  /// Drops everything: nobody reads it any more.
  void drop_all();

  /// Bytes not sent yet, headers included.
  [[nodiscard]] std::size_t waiting_bytes() const noexcept {
    return lane_bytes_ + first_.size() + (heartbeat_waits_ ? frame_header_bytes : 0) +
           wire_.size() - wire_sent_ + large_.bytes.size();
  }
  [[nodiscard]] bool empty() const noexcept { return waiting_bytes() == 0; }

 private:
  struct lane {
    std::deque<outgoing_frame> frames;
    std::uint64_t allowed_bytes = 0;  // of records, by the peer
    std::uint64_t taken_bytes = 0;    // of records, ever
    bool is_refused = false;
    frame_type refused_type{};
    std::size_t refused_bytes = 0;
  };

  [[nodiscard]] lane& lane_of(shard_id shard);
  [[nodiscard]] pushed judge(const lane& of, frame_type type, std::size_t body_bytes) const;
  void refill();
  void stage(outgoing_frame frame);

  std::deque<lane> lanes_;         // by shard; the first is that of no_shard
  std::deque<std::size_t> turns_;  // lanes with frames, next first
  std::vector<shard_id> refused_;  // in order
  std::size_t lane_bytes_ = 0;     // of all frames in lanes
  std::string first_;              // whole frames that go before all others
  bool heartbeat_waits_ = false;
  std::string wire_;  // bytes being sent
  std::size_t wire_sent_ = 0;
  shared_bytes large_;  // the rest of a body behind wire_
};

}  // namespace troupe::link
