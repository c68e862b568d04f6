#include "actors/resp/streamed_body.hpp"

#include <algorithm>
#include <utility>

#include "storage/base/ensure.hpp"
#include "storage/base/limits.hpp"

namespace troupe::resp {

void streamed_body::add(std::uint32_t index, shared_bytes part) {
  ENSURE(index >= next_ && !part.bytes.empty());
  arrived_ += part.bytes.size();
  ENSURE(arrived_ <= source_.size);
  ENSURE(parts_.emplace(index, std::move(part)).second);
}

std::string_view streamed_body::ready() const noexcept {
  if (sent_ >= source_.size) {
    return line_end.substr(static_cast<std::size_t>(sent_ - source_.size));
  }
  const auto part = parts_.find(next_);
  return part == parts_.end() ? std::string_view() : part->second.bytes.substr(offset_);
}

void streamed_body::consume(std::size_t count) {
  ENSURE(count <= ready().size());
  const bool is_part = sent_ < source_.size;
  sent_ += count;
  if (!is_part) return;
  offset_ += count;
  if (offset_ < parts_.at(next_).bytes.size()) return;
  parts_.erase(next_++);
  offset_ = 0;
}

std::uint32_t streamed_body::take_credit() noexcept {
  const auto parts = (source_.size + limits::part_bytes_max - 1) / limits::part_bytes_max;
  const auto wanted = std::min<std::uint64_t>(parts, next_ + limits::streamed_parts_ahead);
  if (wanted <= credited_) return 0;
  return static_cast<std::uint32_t>(wanted) -
         std::exchange(credited_, static_cast<std::uint32_t>(wanted));
}

}  // namespace troupe::resp
