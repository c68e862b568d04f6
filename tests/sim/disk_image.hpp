// The content of one simulated file: what is read now, and what a crash may leave of it.
//
// Place: under tests/sim/disk, which owns the images and decides what is promised. One thread.
// Invariants:
//  1. The newest content is in pages of 64 KiB; a page that was never written is all zeros and
//     takes no memory, so a file of zeros costs a pointer per page.
//  2. `older_` holds, for blocks whose newest version is not promised, every version that a crash
//     may bring back, oldest (the durable one) first. Blocks without an entry are durable.
//  3. Bytes at and beyond size() are zero.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/prng.hpp"

namespace troupe::sim {

/// Whether a write survives a crash for certain.
enum class promise : std::uint8_t { none, durable };

class disk_image {
 public:
  /// What the disk writes whole or not at all.
  static constexpr std::uint64_t block_bytes = 512;

  [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
  /// Copies what there is at `offset`; returns how much that was.
  [[nodiscard]] std::size_t read(std::uint64_t offset, std::span<char> into) const;
  /// Writes, growing the file as needed. A promise covers the blocks touched and the size, unless
  /// break_promises() came before.
  void write(std::uint64_t offset, std::string_view bytes, promise given);
  /// Writes each block of the range or does not, at random; promises nothing.
  void write_some(std::uint64_t offset, std::string_view bytes, prng& random);
  /// Makes the file `size` bytes long with zeros. Precondition: it is not longer already.
  void grow(std::uint64_t size, promise given);
  /// Everything up to now is durable, unless break_promises() came before.
  void promise_all();
  /// No promise is given any more until mend(), whatever is asked.
  void break_promises() noexcept { broken_ = true; }
  void mend() noexcept { broken_ = false; }
  /// Power failed: decides for each block and for the size what is left; that is then durable.
  void resolve(prng& random);
  /// Flips one bit in every version. Precondition: inside the file.
  void flip_bit(std::uint64_t bit);

 private:
  static constexpr std::uint64_t page_bytes = 64 * 1024;
  using page = std::array<char, page_bytes>;
  using block = std::array<char, block_bytes>;

  void store(std::uint64_t offset, std::string_view bytes);
  void remember(std::uint64_t first_block, std::uint64_t last_block);
  void resolve_size(prng& random, std::uint64_t odds_of_newest);

  std::vector<std::unique_ptr<page>> pages_;
  std::map<std::uint64_t, std::vector<block>> older_;
  std::uint64_t size_ = 0;
  std::uint64_t durable_size_ = 0;
  bool broken_ = false;
};

}  // namespace troupe::sim
