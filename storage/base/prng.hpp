// A small seeded random source: xoshiro256** (Blackman and Vigna, 2018), seeded by splitmix64.
// Not for secrets. One owner, one thread.
#pragma once

#include <array>
#include <cstdint>

namespace troupe {

/// Pseudo-random numbers; the same seed gives the same sequence on every machine.
class prng {
 public:
  explicit prng(std::uint64_t seed) noexcept;
  /// 64 uniformly random bits.
  [[nodiscard]] std::uint64_t next() noexcept;
  /// Uniform in [0, bound); bound > 0.
  [[nodiscard]] std::uint64_t below(std::uint64_t bound) noexcept;
  /// True once in `n` calls on average; n > 0.
  [[nodiscard]] bool one_in(std::uint64_t n) noexcept { return below(n) == 0; }

 private:
  std::array<std::uint64_t, 4> state_;
};

/// 64 bits of the operating system's randomness, for ids and seeds.
[[nodiscard]] std::uint64_t random_seed();

}  // namespace troupe
