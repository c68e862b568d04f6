// A growable byte buffer whose first byte lies on a 4096-byte boundary, as direct I/O wants it.
//
// Place: storage/io; made once by a writer and reused for every commit. One owner, one thread.
// Invariants: (1) data() is aligned to `aligned_buffer::alignment`, whatever the buffer grows to;
// (2) memory is given back by the destructor only, so a buffer reused for frames of like size
// allocates nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

namespace troupe::io {

/// Owning, aligned, reusable memory. Neither copies nor moves.
class aligned_buffer {
 public:
  /// Alignment of data(); enough for every disk's direct I/O.
  static constexpr std::size_t alignment = 4096;

  aligned_buffer() = default;
  explicit aligned_buffer(std::size_t capacity_bytes) { reserve(capacity_bytes); }
  aligned_buffer(const aligned_buffer&) = delete;
  aligned_buffer& operator=(const aligned_buffer&) = delete;

  /// Empties the buffer and keeps its memory.
  void clear() noexcept { size_ = 0; }
  /// Makes room for `capacity_bytes` in all; what is in the buffer stays. Pointers into it die.
  void reserve(std::size_t capacity_bytes);
  /// Sets the size; bytes that are new have the value zero.
  void resize(std::size_t size_bytes);
  /// Adds `bytes` at the end. Precondition: they do not lie in this buffer.
  void append(std::string_view bytes);
  /// Adds zeros until the size is a multiple of `multiple` (a power of two).
  void pad_to(std::size_t multiple);

  [[nodiscard]] char* data() noexcept { return memory_.get(); }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::size_t capacity() const noexcept { return capacity_; }
  /// The bytes; valid until the next call that may grow the buffer.
  [[nodiscard]] std::string_view view() const noexcept { return {memory_.get(), size_}; }
  [[nodiscard]] std::span<char> bytes() noexcept { return {memory_.get(), size_}; }

 private:
  struct release {
    void operator()(char* memory) const noexcept;
  };

  std::unique_ptr<char[], release> memory_;
  std::size_t size_ = 0;
  std::size_t capacity_ = 0;
};

}  // namespace troupe::io
