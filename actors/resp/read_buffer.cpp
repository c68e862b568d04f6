#include "actors/resp/read_buffer.hpp"

#include <algorithm>
#include <cstring>

#include "storage/base/ensure.hpp"

namespace troupe::resp {
namespace {

/// Room below which a receive is hardly worth its system call.
constexpr std::size_t room_min = 4 * 1024;

}  // namespace

std::span<char> read_buffer::room(std::size_t missing) {
  const std::size_t unread = end_ - begin_;
  const auto is_enough = [missing](std::size_t free) {
    return free >= room_min || (missing > 1 && free >= missing);
  };
  const std::size_t wanted = unread + std::max(missing, room_min);
  if (capacity_ > large_bytes && wanted <= base_bytes) {
    compact();
    resize_block(base_bytes);
  }
  if (!is_enough(capacity_ - end_)) compact();
  if (!is_enough(capacity_ - end_)) {
    // At most twice what is here: a client pays for memory with bytes.
    std::size_t larger = std::max(base_bytes, 2 * unread);
    if (larger > large_bytes) larger = std::min(larger, wanted);
    larger = std::min(larger, bytes_max_);
    if (larger > capacity_) resize_block(larger);
  }
  // bytes_max may have been lowered below what is allocated.
  const std::size_t allowed = bytes_max_ > unread ? bytes_max_ - unread : 0;
  return {block_.get() + end_, std::min(capacity_ - end_, allowed)};
}

void read_buffer::received(std::size_t count) {
  ENSURE(count <= capacity_ - end_);
  end_ += count;
}

void read_buffer::consume(std::size_t count) {
  ENSURE(count <= end_ - begin_);
  begin_ += count;
  if (begin_ != end_) return;
  begin_ = end_ = 0;
  if (capacity_ > large_bytes) release();
}

void read_buffer::release() noexcept {
  if (begin_ != end_) return;
  block_.reset();
  capacity_ = begin_ = end_ = 0;
}

void read_buffer::compact() noexcept {
  if (begin_ == 0) return;
  std::memmove(block_.get(), block_.get() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = 0;
}

/// Precondition: compact() was called.
void read_buffer::resize_block(std::size_t capacity) {
  char* moved = static_cast<char*>(std::realloc(block_.get(), capacity));
  ENSURE(moved != nullptr);
  static_cast<void>(block_.release());  // realloc freed or kept it
  block_.reset(moved);
  capacity_ = capacity;
}

}  // namespace troupe::resp
