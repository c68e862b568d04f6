// The bytes of a link as frames: one block that the socket reads into, one frame at a time out.
//
// Place: replication/link, pure; owned by a peer_link on its actor's thread.
// Invariants:
//  1. What comes out depends on the bytes alone, not on how they were cut into pieces.
//  2. Of an unproved peer at most limits::link_hello_bytes_max are held, afterwards at most one
//     frame or limits::link_read_bytes. No length is believed before its header's checksum.
//  3. After the first fault nothing comes out any more, and nothing is taken in.
//  4. A byte is moved at most twice between socket and frame.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "replication/link/frame_format.hpp"

namespace troupe::link {

/// A frame that passed every check. The body is valid until the next call of the reader's room()
/// or next().
struct received_frame {
  frame_type type{};
  shard_id shard = no_shard;
  std::string_view body;
};

/// Incremental reader. Use: receive into room(), received(), then next() until it has nothing.
class frame_reader {
 public:
  /// Where to receive next. Empty after a fault, and while the block is full of frames that next()
  /// did not give out yet.
  [[nodiscard]] std::span<char> room();

  /// `count` bytes were written to the front of the last room().
  void received(std::size_t count);

  /// The next frame, or nothing yet; `corrupt` with the reason, from then on always.
  [[nodiscard]] result<std::optional<received_frame>> next();

  /// The peer is proved: from the next frame on it may send what a member may.
  void set_proved() noexcept { peer_ = trust::proved; }

  /// Bytes allocated.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return capacity_; }

 private:
  [[nodiscard]] std::size_t unread() const noexcept { return end_ - begin_; }
  [[nodiscard]] std::size_t base_bytes() const noexcept;
  void drop_given() noexcept;
  void move_to_front() noexcept;
  void reallocate(std::size_t capacity);

  trust peer_ = trust::unproved;
  std::unique_ptr<char[]> block_;
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  std::size_t given_ = 0;             // size of the frame given out last, still at begin_
  std::optional<frame_header> head_;  // of the frame at begin_, when it was read
  std::optional<failure> fault_;
};

}  // namespace troupe::link
