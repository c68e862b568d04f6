#include "storage/index/key_hash.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace troupe::index {

key_hash key_hasher::operator()(std::string_view key) const noexcept {
  return {XXH3_64bits_withSeed(key.data(), key.size(), seed_)};
}

}  // namespace troupe::index
