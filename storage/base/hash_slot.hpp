// Which of the 16,384 parts of the key space a key belongs to, and which shard of a node serves
// that part. The same function as Redis Cluster, so that its clients compute the same slots.
//
// Place: storage/base, pure, safe from any thread.
// Invariants: (1) a key's slot never depends on configuration; (2) shards own contiguous ranges of
// slots, ascending with the shard's number, whose sizes differ by at most one.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/base/ids.hpp"
#include "storage/base/limits.hpp"

namespace troupe {

/// CRC-16/XMODEM (polynomial 0x1021, start 0). crc16("123456789") == 0x31C3.
[[nodiscard]] std::uint16_t crc16(std::string_view bytes) noexcept;

/// Slot of a key. Of a key with a hash tag ("a{tag}b": a first '{' with a later '}' and something
/// between them) only the tag counts.
[[nodiscard]] hash_slot hash_slot_of(std::string_view key) noexcept;

/// Shard that owns a slot. Precondition: 0 < shard_count <= limits::shards_max.
[[nodiscard]] constexpr shard_id shard_of(hash_slot slot, std::uint32_t shard_count) noexcept {
  return {slot.value * shard_count / limits::hash_slots};
}

/// Shard that owns a key; does not look at the key when there is one shard only.
[[nodiscard]] inline shard_id shard_of(std::string_view key, std::uint32_t shard_count) noexcept {
  return shard_count == 1 ? shard_id{0} : shard_of(hash_slot_of(key), shard_count);
}

static_assert(limits::hash_slots * limits::shards_max <= UINT32_MAX);

}  // namespace troupe
