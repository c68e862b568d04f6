// SCAN cursors over all shards of a node: the shard's number above the shard's own cursor, which is
// a place in hash order. So a cursor stays good while tables grow and needs no state on the server.
//
// Place: actors/resp, pure. Invariant: cursors stay below 2^53, the largest whole number that
// clients with floating-point numbers keep exactly.
#pragma once

#include <cstdint>
#include <optional>

#include "storage/base/ids.hpp"
#include "storage/base/limits.hpp"

namespace troupe::resp {

inline constexpr std::uint32_t local_cursor_bits = 40;

/// A client's cursor taken apart.
struct scan_cursor {
  shard_id shard{};
  std::uint64_t local = 0;  ///< the shard's own cursor, below 2^local_cursor_bits

  [[nodiscard]] constexpr std::uint64_t encoded() const noexcept {
    return static_cast<std::uint64_t>(shard.value) << local_cursor_bits | local;
  }
};

/// Nothing if no shard of the node can have given out that cursor: the scan is over.
[[nodiscard]] constexpr std::optional<scan_cursor> decode_cursor(
    std::uint64_t encoded, std::uint32_t shard_count) noexcept {
  const std::uint64_t shard = encoded >> local_cursor_bits;
  if (shard >= shard_count) return std::nullopt;
  constexpr std::uint64_t local_mask = (std::uint64_t{1} << local_cursor_bits) - 1;
  return scan_cursor{{static_cast<std::uint32_t>(shard)}, encoded & local_mask};
}

/// The cursor a client gets when a shard answered `next_local` (0 = that shard is done).
[[nodiscard]] constexpr std::uint64_t following_cursor(shard_id shard, std::uint64_t next_local,
                                                       std::uint32_t shard_count) noexcept {
  if (next_local != 0) return scan_cursor{shard, next_local}.encoded();
  return shard.value + 1 < shard_count ? scan_cursor{next(shard), 0}.encoded() : 0;
}

static_assert(static_cast<std::uint64_t>(limits::shards_max) << local_cursor_bits <= 1ull << 53);

}  // namespace troupe::resp
