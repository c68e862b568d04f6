#include "replication/link/frame_reader.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/base/ensure.hpp"

namespace troupe::link {
namespace {

/// Room below which a receive is hardly worth its system call.
constexpr std::size_t room_min = 4 * 1024;

std::size_t whole_bytes(const frame_header& header) noexcept {
  return frame_header_bytes + header.body_bytes;
}

}  // namespace

std::size_t frame_reader::base_bytes() const noexcept {
  return peer_ == trust::proved ? limits::link_read_bytes : limits::link_hello_bytes_max;
}

std::span<char> frame_reader::room() {
  if (fault_) return {};
  drop_given();
  const auto wanted = std::max(base_bytes(), head_ ? whole_bytes(*head_) : 0);
  if (capacity_ < wanted) {
    reallocate(wanted);
  } else if (capacity_ - end_ < room_min) {
    move_to_front();
  }
  return {block_.get() + end_, capacity_ - end_};
}

void frame_reader::received(std::size_t count) {
  ENSURE(count <= capacity_ - end_);
  end_ += count;
}

result<std::optional<received_frame>> frame_reader::next() {
  if (fault_) return *fault_;
  drop_given();
  const auto refuse = [this](failure why) {
    fault_ = std::move(why);
    return *fault_;
  };
  const std::string_view bytes(block_.get() + begin_, unread());
  if (!head_) {
    if (bytes.size() < frame_header_bytes) return std::optional<received_frame>();
    auto header = decode_frame_header(bytes, peer_);
    if (!header) return refuse(std::move(header).error());
    head_ = *header;
  }
  if (bytes.size() < whole_bytes(*head_)) return std::optional<received_frame>();
  const auto body = bytes.substr(frame_header_bytes, head_->body_bytes);
  if (auto checked = check_body(*head_, body); !checked) return refuse(std::move(checked).error());
  given_ = whole_bytes(*head_);
  const auto header = *std::exchange(head_, std::nullopt);
  return std::optional<received_frame>({header.type, header.shard, body});
}

void frame_reader::drop_given() noexcept {
  begin_ += std::exchange(given_, 0);
  if (begin_ != end_) return;
  begin_ = end_ = 0;
  // A large frame had its block to itself.
  if (capacity_ > base_bytes()) {
    block_.reset();
    capacity_ = 0;
  }
}

void frame_reader::move_to_front() noexcept {
  if (begin_ == 0) return;
  std::memmove(block_.get(), block_.get() + begin_, unread());
  end_ -= begin_;
  begin_ = 0;
}

void frame_reader::reallocate(std::size_t capacity) {
  auto larger = std::make_unique_for_overwrite<char[]>(capacity);
  if (unread() > 0) std::memcpy(larger.get(), block_.get() + begin_, unread());
  end_ -= begin_;
  begin_ = 0;
  block_ = std::move(larger);
  capacity_ = capacity;
}

}  // namespace troupe::link
