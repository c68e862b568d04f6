// Strong types for every number that names something. Two ids of different kinds do not mix.
//
// Place: storage/base. A strong id is its representation plus a tag: comparable, hashable through
// `.value`, free at run time.
#pragma once

#include <array>
#include <compare>
#include <cstdint>

namespace troupe {

/// A number of one kind. `Tag` only keeps kinds apart.
template <class Tag, class Representation>
struct strong {
  Representation value{};

  friend constexpr auto operator<=>(strong, strong) = default;
};

/// The id after this one.
template <class Tag, class Representation>
[[nodiscard]] constexpr strong<Tag, Representation> next(strong<Tag, Representation> id) noexcept {
  return {static_cast<Representation>(id.value + 1)};
}

/// Place of a record in its shard's history; grows by one per record, for ever. 0 = before the
/// first record.
using lsn = strong<struct lsn_tag, std::uint64_t>;
/// Number of one leader's reign over a shard. 0 = none yet.
using epoch_number = strong<struct epoch_tag, std::uint64_t>;
/// Random id of one history; equal epoch numbers with different ids are different histories.
using history_id = strong<struct history_tag, std::uint64_t>;
/// Index of a shard on its node, from 0.
using shard_id = strong<struct shard_tag, std::uint32_t>;
/// One use of a segment file, never reused.
using use_id = strong<struct use_tag, std::uint64_t>;
/// A collection; 0 is the default collection.
using collection_id = strong<struct collection_tag, std::uint32_t>;
/// One of 16,384 parts of the key space.
using hash_slot = strong<struct hash_slot_tag, std::uint16_t>;

/// 128 random bits that name a node or a cluster; all zero = none.
struct unique_id {
  std::array<std::uint8_t, 16> bytes{};
  friend constexpr auto operator<=>(const unique_id&, const unique_id&) = default;
};
using node_id = strong<struct node_tag, unique_id>;
using cluster_id = strong<struct cluster_tag, unique_id>;

/// Durability demanded of a write (design: levels). Order matters: higher = stronger.
enum class durability : std::uint8_t { memory = 0, interval = 1, durable = 2, replicated = 3 };

}  // namespace troupe
