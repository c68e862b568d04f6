#include "storage/base/crc32c.hpp"

#include <doctest/doctest.h>
#ifdef __x86_64__
#include <cpuid.h>
#include <immintrin.h>
#endif

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/coding.hpp"
#include "storage/base/prng.hpp"

namespace troupe {
namespace {

/// Bit by bit, straight from the definition: reflected polynomial 0x1EDC6F41.
std::uint32_t slow_crc32c(std::string_view bytes, std::uint32_t previous = 0) {
  auto remainder = ~previous;
  for (const char byte : bytes) {
    remainder ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      remainder = (remainder >> 1) ^ (0x82f63b78u & (0u - (remainder & 1u)));
    }
  }
  return ~remainder;
}

TEST_CASE("the check value and the examples of RFC 3720 come out") {
  CHECK(crc32c("") == 0);
  CHECK(crc32c("123456789") == 0xe3069283);
  CHECK(crc32c(std::string(32, '\0')) == 0x8a9136aa);
  CHECK(crc32c(std::string(32, '\xff')) == 0x62a8ab43);
}

TEST_CASE("every length and start agrees with the definition") {
  prng random(11);
  std::string bytes(600, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random.next());
  for (std::size_t length = 0; length <= 520; ++length) {
    const auto piece = std::string_view(bytes).substr(length % 17, length);
    CHECK(crc32c(piece) == slow_crc32c(piece));
  }
}

TEST_CASE("a checksum goes on over pieces") {
  const std::string_view whole = "frames are checked piece by piece";
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    CHECK(crc32c(whole.substr(cut), crc32c(whole.substr(0, cut))) == crc32c(whole));
  }
}

TEST_CASE("a sum of integers and pieces of any length is the checksum of their bytes") {
  prng random(12);
  std::string bytes(600, '\0');
  for (auto& byte : bytes) byte = static_cast<char>(random.next());
  for (std::size_t length = 0; length <= 520; ++length) {
    const auto piece = std::string_view(bytes).substr(length % 13, length);
    const std::uint64_t word = random.next();
    const auto half = static_cast<std::uint32_t>(random.next());
    std::string whole = "before";
    append_le(whole, word);
    whole += piece;
    append_le(whole, half);
    crc32c_sum sum(crc32c("before"));
    sum.add(word);
    sum.add(piece);
    sum.add(half);
    CHECK(sum.value() == slow_crc32c(whole));
  }
}

#ifdef __x86_64__
/// XINUSE, the parts of the vector state that are not in their initial state (XGETBV with ECX = 1);
/// none if the CPU does not tell.
[[gnu::target("xsave")]] std::uint64_t vector_state_in_use() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  constexpr unsigned osxsave = 1u << 27, xgetbv_of_1 = 1u << 2;
  if (__get_cpuid(1, &a, &b, &c, &d) == 0 || (c & osxsave) == 0) return 0;
  if (__get_cpuid_count(13, 1, &a, &b, &c, &d) == 0 || (a & xgetbv_of_1) == 0) return 0;
  return static_cast<std::uint64_t>(_xgetbv(1));
}

TEST_CASE("the upper parts of the vector registers are left empty, for they slow all SSE code") {
  constexpr std::uint64_t upper_ymm = 1u << 2, upper_zmm = 1u << 6;
  for (const std::size_t length : {1u, 64u, 255u, 1024u, 65536u}) {
    const std::string bytes(length, 'x');
    static_cast<void>(crc32c(bytes));
    const auto in_use = vector_state_in_use();
    CHECK((in_use & (upper_ymm | upper_zmm)) == 0);
  }
}
#endif

}  // namespace
}  // namespace troupe
