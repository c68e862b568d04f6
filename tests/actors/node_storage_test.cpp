#include "actors/node_storage.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "storage/log/manifest_store.hpp"
#include "tests/sim/clock.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::tests {

using actors::node_config;
using actors::node_storage;
using actors::open_node_storage;

namespace {

constexpr std::uint32_t shards = 2;
constexpr std::uint32_t one_thread = 1;  // so that a seed decides the order of all writes
const std::string data = "/srv/node";

node_config settings() {
  node_config config;
  config.data_dir = data;
  config.shards = shards;
  config.memory_bytes = 1 << 20;
  config.segment_bytes = 64 * 1024;
  return config;
}

result<node_storage> open(sim::disk& disk) {
  static const sim::clock time;
  const clock* const clocks[] = {&time};
  return open_node_storage(disk, settings(), clocks, one_thread);
}

failure refusal(sim::disk& disk) {
  const auto opened = open(disk);
  REQUIRE_FALSE(opened);
  return opened.error();
}

std::string shard_path(std::uint32_t shard) {
  return fmt::format("{}/{}", data, log::shard_directory_name({shard}));
}

bool has_log(sim::disk& disk, std::uint32_t shard) {
  const auto loaded = log::load_manifest(disk, shard_path(shard));
  return loaded && *loaded;
}

void remove_all(sim::disk& disk, const std::string& directory) {
  const auto names = disk.list(directory);
  REQUIRE(names);
  for (const auto& name : *names) REQUIRE(disk.remove(directory + "/" + name));
}

void put_file(sim::disk& disk, const std::string& path) { REQUIRE(disk.create_zeroed(path, 10)); }

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a node finds again what it created") {
  sim::disk disk({});
  const auto first = open(disk);
  REQUIRE(first);
  CHECK(first->shards.size() == shards);
  CHECK(first->identity.state == log::node_state::complete);
  disk.restart();
  const auto second = open(disk);
  REQUIRE(second);
  CHECK(second->identity == first->identity);
}

TEST_CASE("damage in a shard is refused, naming the shard, the place, and what to do") {
  sim::disk disk({});
  REQUIRE(open(disk));
  disk.restart();
  const auto loaded = log::load_manifest(disk, shard_path(1));
  REQUIRE(loaded);
  const auto path = log::segment_path(shard_path(1), (*loaded)->content.segments.front().use);
  disk.flip_bit(path, 100);
  const auto why = refusal(disk);
  INFO(why.message);
  CHECK(why.code == errc::corrupt);
  CHECK(why.message.starts_with("shard 1: " + path + ": offset 0: "));
  CHECK(contains(why.message, "restore " + shard_path(1) + " from a backup"));
}

TEST_CASE("a shard of a known node that is gone is named, and nothing is made or changed") {
  for (std::uint32_t lost = 0; lost < shards; ++lost) {
    sim::disk disk({});
    REQUIRE(open(disk));
    disk.restart();
    remove_all(disk, shard_path(lost));
    const auto before = disk.write_points();
    const auto why = refusal(disk);
    INFO(why.message);
    CHECK(why.code == errc::corrupt);
    CHECK(contains(why.message, shard_path(lost)));
    CHECK_FALSE(contains(why.message, shard_path(1 - lost)));
    CHECK(contains(why.message, "backup"));
    CHECK(disk.write_points() == before);
  }
}

TEST_CASE("all shards that are gone are named at once") {
  sim::disk disk({});
  REQUIRE(open(disk));
  disk.restart();
  for (std::uint32_t each = 0; each < shards; ++each) {
    for (const auto* name : log::manifest_names) {
      REQUIRE(disk.remove(shard_path(each) + "/" + name));
    }
  }
  const auto why = refusal(disk);
  CHECK(contains(why.message, shard_path(0)));
  CHECK(contains(why.message, shard_path(1)));
}

TEST_CASE("power failing at any step of the first start leaves a directory that starts") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    bool finished = false;
    for (std::uint64_t n = 1; !finished; ++n) {
      CAPTURE(seed);
      CAPTURE(n);
      sim::disk disk({.seed = seed * 1000 + n});
      disk.crash_at_write(n);
      const auto first = open(disk);
      finished = first.has_value();
      disk.crash();
      disk.restart();
      const auto known = log::read_node_identity(disk, data);
      const bool is_complete = known && known->state == log::node_state::complete;
      // A client can be answered only after a start: from then on every shard is certain.
      if (finished) REQUIRE((is_complete && *known == first->identity));
      if (is_complete) {
        for (std::uint32_t each = 0; each < shards; ++each) REQUIRE(has_log(disk, each));
      }
      // The second start is interrupted as well in every other run.
      if (n % 2 == 0) {
        disk.crash_at_write(disk.write_points() + 1 + n / 2);
        (void)open(disk);
        disk.crash();
        disk.restart();
      }
      const auto last = open(disk);
      INFO((last ? "" : last.error().message));
      REQUIRE(last);
      CHECK(last->identity.state == log::node_state::complete);
      if (known) CHECK(last->identity.node == known->node);
    }
  }
}

TEST_CASE("a directory that holds anything else is refused, and nothing is written") {
  for (const auto* name : {"file.txt", "dump.rdb", "appendonlydir", ".hidden", "NODE.bak"}) {
    CAPTURE(name);
    sim::disk disk({});
    REQUIRE(disk.make_directories(data));
    put_file(disk, data + "/" + name);
    const auto before = disk.write_points();
    const auto why = refusal(disk);
    CHECK(why.code == errc::foreign);
    CHECK(contains(why.message, data + " "));
    CHECK(contains(why.message, name));
    CHECK(disk.write_points() == before);
    CHECK(disk.list(data)->size() == 1);
  }
}

TEST_CASE("shards without the file that says whose they are are not taken over") {
  sim::disk disk({});
  REQUIRE(open(disk));
  disk.restart();
  REQUIRE(disk.remove(data + "/NODE"));
  put_file(disk, data + "/a-file");
  const auto why = refusal(disk);
  CHECK(why.code == errc::corrupt);
  CHECK(contains(why.message, "shard-0000"));
  CHECK(contains(why.message, "NODE"));
}

TEST_CASE("what an interrupted first start or the file system leaves is no obstacle") {
  sim::disk disk({});
  REQUIRE(disk.make_directories(data));
  REQUIRE(disk.make_directories(data + "/lost+found"));
  put_file(disk, data + "/LOCK");
  put_file(disk, data + "/NODE.new");
  CHECK(open(disk));
}

TEST_CASE("other files beside a known node do not keep it from starting") {
  sim::disk disk({});
  REQUIRE(open(disk));
  disk.restart();
  put_file(disk, data + "/notes.txt");
  CHECK(open(disk));
}

TEST_CASE("a node of another number of shards is refused, one of another segment size is not") {
  sim::disk disk({});
  REQUIRE(open(disk));
  static const sim::clock time;
  const clock* const clocks[] = {&time};
  disk.restart();
  auto other = settings();
  other.shards = 3;
  const auto refused = open_node_storage(disk, other, clocks, one_thread);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::foreign);
  disk.restart();
  other = settings();
  other.segment_bytes = 128 * 1024;
  const auto opened = open_node_storage(disk, other, clocks, one_thread);
  REQUIRE(opened);
  CHECK(opened->identity.segment_bytes == 64 * 1024);
}

}  // namespace troupe::tests
