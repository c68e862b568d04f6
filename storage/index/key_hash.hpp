// The hash of a key: chosen once per command, used for shard choice, index place and SCAN order.
//
// Place: storage/index. XXH3, 64 bits, seeded per node, so that nobody outside can choose keys that
// fall together. Pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/base/ids.hpp"

namespace troupe {

/// Hash of a key under its node's seed.
using key_hash = strong<struct key_hash_tag, std::uint64_t>;

namespace index {

/// Hashes keys with one seed. Copies are equal.
class key_hasher {
 public:
  explicit key_hasher(std::uint64_t seed) noexcept : seed_(seed) {}
  [[nodiscard]] key_hash operator()(std::string_view key) const noexcept;

 private:
  std::uint64_t seed_;
};

}  // namespace index
}  // namespace troupe
