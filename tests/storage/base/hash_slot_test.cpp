#include "storage/base/hash_slot.hpp"

#include <doctest/doctest.h>

#include <string>

namespace troupe {
namespace {

// The textbook definition, one bit at a time.
std::uint16_t crc16_by_bits(std::string_view bytes) {
  std::uint32_t crc = 0;
  for (const char c : bytes) {
    crc ^= static_cast<std::uint32_t>(static_cast<unsigned char>(c)) << 8;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 0x8000) != 0 ? (crc << 1 ^ 0x1021) & 0xffff : crc << 1;
    }
  }
  return static_cast<std::uint16_t>(crc);
}

TEST_CASE("CRC-16 equals the published check value and the textbook definition") {
  CHECK(crc16("123456789") == 0x31c3);
  CHECK(crc16("") == 0);
  std::string bytes;
  for (int i = 0; i < 64; ++i) {
    bytes.push_back(static_cast<char>(i * 37 + 200));
    CHECK(crc16(bytes) == crc16_by_bits(bytes));
  }
}

TEST_CASE("slots are those of Redis Cluster") {
  CHECK(hash_slot_of("foo").value == 12182);
  CHECK(hash_slot_of("bar").value == 5061);
  CHECK(hash_slot_of("").value == 0);
}

TEST_CASE("only a non-empty hash tag counts instead of the key") {
  CHECK(hash_slot_of("{user}.a") == hash_slot_of("user"));
  CHECK(hash_slot_of("x{user}.b{c}") == hash_slot_of("user"));
  CHECK(hash_slot_of("a{b{c}d") == hash_slot_of("b{c"));
  CHECK(hash_slot_of("{}a").value == crc16("{}a") % 16384);
  CHECK(hash_slot_of("a{b").value == crc16("a{b") % 16384);
  CHECK(hash_slot_of("}a{b").value == crc16("}a{b") % 16384);
}

TEST_CASE("a hash tag counts wherever it stands in a key of any length") {
  const auto slot = hash_slot_of("tag");
  for (std::size_t before = 0; before < 40; ++before) {
    for (std::size_t after = 0; after < 40; ++after) {
      CHECK(hash_slot_of(std::string(before, 'x') + "{tag}" + std::string(after, 'y')) == slot);
    }
  }
}

TEST_CASE("shards own contiguous ranges of nearly equal size") {
  for (const std::uint32_t shards : {1u, 2u, 3u, 4u, 7u, 256u}) {
    std::uint32_t previous = 0;
    std::uint32_t size = 0;
    for (std::uint32_t slot = 0; slot < 16384; ++slot) {
      const std::uint32_t shard =
          shard_of(hash_slot{static_cast<std::uint16_t>(slot)}, shards).value;
      CHECK(shard < shards);
      if (shard != previous) {
        CHECK(shard == previous + 1);
        CHECK(size >= 16384 / shards);
        CHECK(size <= 16384 / shards + 1);
        previous = shard;
        size = 0;
      }
      ++size;
    }
    CHECK(previous == shards - 1);
  }
}

}  // namespace
}  // namespace troupe
