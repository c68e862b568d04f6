#include "storage/base/crc32c.hpp"

#include <isa-l/crc.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace troupe {
namespace {

// ISA-L's code for AVX-512 returns with values in the upper parts of the vector registers (2.30,
// crc32_iscsi_by16_10). As long as they are there, every SSE instruction of the thread depends on
// the one before it that wrote the same register, and all of the thread's code runs at half its
// speed: Intel 64 and IA-32 Architectures Optimization Reference Manual, "Mixing AVX and SSE".
#ifdef __x86_64__
[[gnu::target("avx")]] void clear_upper_parts() noexcept { _mm256_zeroupper(); }

void restore_vector_state() noexcept {
  static const bool has_avx = __builtin_cpu_supports("avx") != 0;
  if (has_avx) clear_upper_parts();
}
#else
void restore_vector_state() noexcept {}
#endif

}  // namespace

std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous) noexcept {
  // ISA-L takes an int length and a non-const pointer; it only reads.
  auto remainder = ~previous;
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, std::size_t{1} << 30);
    auto* start = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));
    remainder = crc32_iscsi(start, static_cast<int>(piece.size()), remainder);
    bytes.remove_prefix(piece.size());
  }
  restore_vector_state();
  return ~remainder;
}

}  // namespace troupe
