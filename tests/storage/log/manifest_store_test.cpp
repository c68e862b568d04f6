#include "storage/log/manifest_store.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "tests/sim/disk.hpp"

namespace troupe::log {
namespace {

constexpr const char* directory = "/shard";

manifest with_segments(std::size_t count) {
  manifest content;
  content.store.shard_count = 1;
  content.alignment = 512;
  for (std::size_t index = 0; index < count; ++index) {
    content.segments.push_back({.use = {1000 + index}});
  }
  return content;
}

loaded_manifest load(sim::disk& disk) {
  auto loaded = load_manifest(disk, directory);
  REQUIRE(loaded);
  REQUIRE(loaded->has_value());
  return std::move(**loaded);
}

}  // namespace

TEST_CASE("every manifest round-trips") {
  CHECK(rc::check([](std::uint64_t generation, std::uint32_t counter,
                     const std::vector<std::uint64_t>& numbers) {
    manifest content = with_segments(0);
    content.generation = generation;
    content.next_use_counter = counter;
    for (const std::uint64_t number : numbers) {
      content.segments.push_back({{number}, {number + 1}, {number + 2}, number + 3, {number + 4}});
      content.epochs.push_back({{number}, {number + 1}, {number + 2}, {}});
    }
    const auto decoded = decode_manifest(encode_manifest(content));
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(*decoded == content);
  }));
}

TEST_CASE("a directory without either copy was never a store") {
  sim::disk disk({});
  REQUIRE(disk.make_directories(directory));
  const auto loaded = load_manifest(disk, directory);
  REQUIRE(loaded);
  CHECK_FALSE(loaded->has_value());
}

TEST_CASE("damage to one copy loses nothing, damage to both is named") {
  for (const std::size_t damaged : {0u, 1u}) {
    sim::disk disk({});
    REQUIRE(disk.make_directories(directory));
    manifest content = with_segments(3);
    manifest_store store(disk, directory, 0);
    REQUIRE(store.commit(content));
    content.purged = {5};
    REQUIRE(store.commit(content));
    const std::string path = std::string(directory) + "/" + manifest_names[damaged];
    disk.flip_bit(path, 1000);
    const loaded_manifest loaded = load(disk);
    CHECK(loaded.content == content);
    CHECK(loaded.newest_copy == 1 - damaged);
    CHECK(loaded.damage.find(manifest_names[damaged]) != std::string::npos);

    // The next commit heals it, and writes it first.
    manifest_store healer(disk, directory, loaded.newest_copy);
    REQUIRE(healer.commit(content));
    CHECK(load(disk).damage.empty());

    disk.flip_bit(std::string(directory) + "/" + manifest_names[0], 1000);
    disk.flip_bit(std::string(directory) + "/" + manifest_names[1], 1000);
    const auto nothing = load_manifest(disk, directory);
    REQUIRE_FALSE(nothing);
    CHECK(nothing.error().code == errc::corrupt);
    CHECK(nothing.error().message.find(directory) != std::string::npos);
  }
}

TEST_CASE("power failing inside any commit leaves the old or the new manifest") {
  for (const std::size_t grown : {10u, 2000u}) {
    for (std::uint64_t point = 1; point <= 12; ++point) {
      for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        sim::disk disk({.seed = seed});
        REQUIRE(disk.make_directories(directory));
        manifest content = with_segments(10);
        manifest_store store(disk, directory, 0);
        REQUIRE(store.commit(content));
        const manifest before = content;
        content.segments = with_segments(grown).segments;
        content.purged = {7};
        disk.crash_at_write(disk.write_points() + point);
        const auto committed = store.commit(content);
        disk.crash();
        disk.restart();
        const manifest after = load(disk).content;
        if (committed) {
          CHECK(after == content);
        } else {
          content.generation = before.generation + 1;
          CHECK((after == before || after == content));
        }
      }
    }
  }
}

TEST_CASE("a manifest that outgrows its files on a full disk changes nothing") {
  sim::disk disk({});
  REQUIRE(disk.make_directories(directory));
  manifest content = with_segments(10);
  manifest_store store(disk, directory, 0);
  REQUIRE(store.commit(content));
  const manifest before = content;
  disk.set_capacity(100 * 1024);
  content.segments = with_segments(5000).segments;
  const auto committed = store.commit(content);
  REQUIRE_FALSE(committed);
  CHECK(committed.error().code == errc::no_space);
  CHECK(load(disk).content == before);
  disk.set_capacity(std::uint64_t{1} << 30);
  REQUIRE(store.commit(content));
  CHECK(load(disk).content == content);
}

}  // namespace troupe::log
