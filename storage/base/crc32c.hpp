// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by ISA-L, which picks the fastest code for the CPU.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE4_2__
#include <nmmintrin.h>
#endif

namespace troupe {

/// Checksum of `bytes`. To go on over several pieces, pass the previous result as `previous`:
/// crc32c(b, crc32c(a)) == crc32c(a + b). crc32c("123456789") == 0xE3069283.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous = 0) noexcept;

/// The same checksum, collected from integers and short pieces. Integers are taken from registers:
/// to checksum fields after storing them would wait until the stores have left the store buffer.
class crc32c_sum {
 public:
  explicit crc32c_sum(std::uint32_t previous = 0) noexcept : remainder_(~previous) {}

  /// Adds the bytes of `word` as they lie on disk, little endian.
  void add(std::uint32_t word) noexcept {
#ifdef __SSE4_2__
    remainder_ = _mm_crc32_u32(remainder_, word);
#else
    add_bytes(&word, sizeof word);
#endif
  }
  void add(std::uint64_t word) noexcept {
#ifdef __SSE4_2__
    remainder_ = static_cast<std::uint32_t>(_mm_crc32_u64(remainder_, word));
#else
    add_bytes(&word, sizeof word);
#endif
  }
  void add(std::string_view bytes) noexcept {
#ifdef __SSE4_2__
    if (bytes.size() <= short_bytes) return add_short(bytes);
#endif
    remainder_ = ~crc32c(bytes, ~remainder_);
  }

  [[nodiscard]] std::uint32_t value() const noexcept { return ~remainder_; }

 private:
#ifdef __SSE4_2__
  /// Up to here one instruction per word is as fast as a call of ISA-L.
  static constexpr std::size_t short_bytes = 256;

  void add_short(std::string_view bytes) noexcept {
    std::uint64_t sum = remainder_;  // one width throughout: no instruction in between to cut it
    const char* from = bytes.data();
    const char* const words_end = from + (bytes.size() & ~std::size_t{7});
    for (; words_end - from >= 32; from += 32) {
      sum = _mm_crc32_u64(sum, load(from));
      sum = _mm_crc32_u64(sum, load(from + 8));
      sum = _mm_crc32_u64(sum, load(from + 16));
      sum = _mm_crc32_u64(sum, load(from + 24));
    }
    for (; from != words_end; from += 8) sum = _mm_crc32_u64(sum, load(from));
    remainder_ = static_cast<std::uint32_t>(sum);
    std::size_t left = bytes.size() & 7;
    if (left >= 4) {
      std::uint32_t half;
      std::memcpy(&half, from, sizeof half);
      add(half);
      from += 4;
      left -= 4;
    }
    for (; left > 0; --left, ++from) {
      remainder_ = _mm_crc32_u8(remainder_, static_cast<unsigned char>(*from));
    }
  }
  static std::uint64_t load(const char* from) noexcept {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return word;
  }
#else
  void add_bytes(const void* from, std::size_t size) noexcept {
    remainder_ = ~crc32c({static_cast<const char*>(from), size}, ~remainder_);
  }
#endif

  std::uint32_t remainder_;
};

}  // namespace troupe
