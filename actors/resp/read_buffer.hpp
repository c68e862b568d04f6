// The bytes a connection has received and not consumed yet: one contiguous, growing block.
//
// Place: actors/resp, pure; owned by a session on its gateway's thread. Invariants:
//  1. unread() is contiguous and in order of arrival.
//  2. The block is at most max(base, twice what was really received) or just large enough for the
//     pending bulk, whichever is less: announced lengths alone allocate nothing.
//  3. The block never exceeds bytes_max; a full buffer offers no room and the reader must stop.
//  4. After a large command is consumed the block returns to its base size.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <span>
#include <string_view>

namespace troupe::resp {

/// Receives from a socket, hands spans to the parser.
class read_buffer {
 public:
  /// Size of the block of an ordinary connection; also the least that one receive is offered when
  /// the buffer is empty.
  static constexpr std::size_t base_bytes = 16 * 1024;
  /// Above this, a block fits its bulk exactly instead of doubling, and is given back after use.
  static constexpr std::size_t large_bytes = 32 * 1024;

  /// Allocates nothing until the first room(). Precondition: bytes_max >= base_bytes.
  explicit read_buffer(std::size_t bytes_max) noexcept : bytes_max_(bytes_max) {}

  /// Bytes received and not consumed. Valid until the next room(), consume() or release().
  [[nodiscard]] std::span<char> unread() noexcept { return {block_.get() + begin_, end_ - begin_}; }

  [[nodiscard]] std::string_view unread() const noexcept {
    return {block_.get() + begin_, end_ - begin_};
  }

  /// Where to receive next. `missing` = parser::missing(): with it a pending bulk gets room ahead.
  /// Empty only when bytes_max bytes are unread. May move the unread bytes.
  [[nodiscard]] std::span<char> room(std::size_t missing);

  /// `count` bytes were written to the front of the last room().
  void received(std::size_t count);

  /// Drops `count` bytes from the front of unread().
  void consume(std::size_t count);

  /// Gives the block of an empty buffer back, for a connection that went idle.
  void release() noexcept;

  /// Bytes allocated, for memory accounting.
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  void set_bytes_max(std::size_t bytes_max) noexcept { bytes_max_ = bytes_max; }

 private:
  struct free_block {
    void operator()(char* block) const noexcept { std::free(block); }
  };
  void compact() noexcept;
  void resize_block(std::size_t capacity);

  std::size_t bytes_max_;
  std::unique_ptr<char, free_block> block_;  // from malloc: realloc moves pages, not bytes
  std::size_t capacity_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace troupe::resp
