#include "storage/io/aligned_buffer.hpp"

#include <algorithm>
#include <cstring>
#include <new>

#include "storage/base/coding.hpp"

namespace troupe::io {

void aligned_buffer::release::operator()(char* memory) const noexcept {
  ::operator delete (memory, std::align_val_t{alignment});
}

void aligned_buffer::reserve(std::size_t capacity_bytes) {
  if (capacity_bytes <= capacity_) return;
  // Growth by half at least keeps a buffer filled by many appends linear in cost.
  const auto wanted = align_up(std::max(capacity_bytes, capacity_ + capacity_ / 2), alignment);
  std::unique_ptr<char[], release> grown(
      static_cast<char*>(::operator new (wanted, std::align_val_t{alignment})));
  if (size_ > 0) std::memcpy(grown.get(), memory_.get(), size_);
  memory_ = std::move(grown);
  capacity_ = wanted;
}

void aligned_buffer::resize(std::size_t size_bytes) {
  reserve(size_bytes);
  if (size_bytes > size_) std::memset(memory_.get() + size_, 0, size_bytes - size_);
  size_ = size_bytes;
}

void aligned_buffer::append(std::string_view bytes) {
  if (bytes.empty()) return;
  reserve(size_ + bytes.size());
  std::memcpy(memory_.get() + size_, bytes.data(), bytes.size());
  size_ += bytes.size();
}

void aligned_buffer::pad_to(std::size_t multiple) { resize(align_up(size_, multiple)); }

}  // namespace troupe::io
