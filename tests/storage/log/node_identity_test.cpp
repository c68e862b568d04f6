#include "storage/log/node_identity.hpp"

#include <doctest/doctest.h>

#include <string>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::tests {
namespace {

log::node_identity example() {
  log::node_identity who;
  for (std::size_t i = 0; i < 16; ++i) {
    who.cluster.value.bytes[i] = static_cast<std::uint8_t>(i + 1);
    who.node.value.bytes[i] = static_cast<std::uint8_t>(0xf0 + i);
  }
  who.shard_count = 3;
  who.segment_bytes = 8 << 20;
  who.hash_seed = 0x1122334455667788;
  return who;
}

}  // namespace

TEST_CASE("a node's identity comes back as it was written, also after a crash") {
  sim::disk disk({.seed = 1});
  REQUIRE(disk.make_directories("/data"));
  CHECK(log::read_node_identity(disk, "/data").error().code == errc::not_found);
  REQUIRE(log::write_node_identity(disk, "/data", example()));
  disk.crash();
  disk.restart();
  const auto found = log::read_node_identity(disk, "/data");
  REQUIRE(found);
  CHECK(*found == example());
}

TEST_CASE("a crash at any point of writing an identity leaves it whole or absent") {
  for (std::uint64_t n = 1; n <= 8; ++n) {
    sim::disk disk({.seed = n});
    REQUIRE(disk.make_directories("/data"));
    disk.crash_at_write(disk.write_points() + n);
    const auto written = log::write_node_identity(disk, "/data", example());
    disk.crash();
    disk.restart();
    const auto found = log::read_node_identity(disk, "/data");
    if (written) REQUIRE(found);
    CHECK((found ? *found == example() : found.error().code == errc::not_found));
  }
}

TEST_CASE("no byte of an identity can change unnoticed") {
  const auto good = log::encode_node_identity(example());
  REQUIRE(good.size() == log::node_identity_bytes);
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    const auto read = log::decode_node_identity(damaged);
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::corrupt);
  }
  CHECK_FALSE(log::decode_node_identity(good.substr(1)));
  CHECK_FALSE(log::decode_node_identity(good + '\0'));
}

TEST_CASE("an identity says whether its first start was finished, and one without says it was") {
  auto who = example();
  who.state = log::node_state::creating;
  const auto unfinished = log::encode_node_identity(who);
  CHECK(log::decode_node_identity(unfinished)->state == log::node_state::creating);
  const auto finished = log::encode_node_identity(example());
  CHECK(log::decode_node_identity(finished)->state == log::node_state::complete);
  CHECK(load_le<std::uint32_t>(finished.data() + 44) == 0);
}

TEST_CASE("an intact identity with an unknown state or reserved bytes is refused") {
  const auto resealed = [](std::size_t at) {
    auto bytes = log::encode_node_identity(example());
    bytes[at] = 7;
    store_le(bytes.data() + bytes.size() - 4,
             crc32c(std::string_view(bytes).substr(0, bytes.size() - 4)));
    return log::decode_node_identity(bytes);
  };
  CHECK(resealed(44).error().code == errc::foreign);
  CHECK(resealed(64).error().code == errc::corrupt);
  CHECK(resealed(75).error().code == errc::corrupt);
}

TEST_CASE("a crash while an identity is replaced leaves the old or the new one") {
  for (std::uint64_t n = 1; n <= 8; ++n) {
    sim::disk disk({.seed = n});
    REQUIRE(disk.make_directories("/data"));
    auto who = example();
    who.state = log::node_state::creating;
    REQUIRE(log::write_node_identity(disk, "/data", who));
    disk.crash_at_write(disk.write_points() + n);
    const auto written = log::write_node_identity(disk, "/data", example());
    disk.crash();
    disk.restart();
    const auto found = log::read_node_identity(disk, "/data");
    REQUIRE(found);
    if (written) CHECK(*found == example());
    CHECK((*found == example() || *found == who));
  }
}

TEST_CASE("an identity of a later version is refused by name") {
  auto later = log::encode_node_identity(example());
  store_le(later.data() + 4, std::uint32_t{2});
  const auto sum = crc32c(std::string_view(later).substr(0, later.size() - 4));
  store_le(later.data() + later.size() - 4, sum);
  const auto read = log::decode_node_identity(later);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == errc::foreign);
  CHECK(read.error().message.find("version 2") != std::string::npos);
}

}  // namespace troupe::tests
