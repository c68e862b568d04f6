// Live records by segment, and which segments may go.
#include "storage/base/coding.hpp"
#include "tests/storage/kv/store_world.hpp"

namespace troupe::tests {
namespace {

constexpr world_options small_segments{.segment_bytes = 64 * 1024};

// Writes until the tail works in another segment, and calls that durable.
void fill_segment(store_world& w, std::string_view key) {
  const std::uint32_t before = w.tail->active_segment();
  while (w.tail->active_segment() == before) {
    w.set(key, std::string(1000, 'f'));
    w.commit();
  }
}

TEST_CASE("the segment written last is never retirable") {
  store_world w(small_segments);
  CHECK_FALSE(w.kv->retirable());
  w.set("k", "v");
  w.del("k");
  w.commit();
  CHECK_FALSE(w.kv->retirable());
}

TEST_CASE("a segment may go once the records that killed its own are durable") {
  store_world w(small_segments);
  fill_segment(w, "k");
  CHECK_FALSE(w.kv->retirable()->first_live_ordinal > 1);
  w.set("first", "v");
  fill_segment(w, "k");
  fill_segment(w, "k");
  const auto before = w.kv->retirable();
  REQUIRE(before);
  CHECK(before->first_live_ordinal == 1);  // "first" lives in segment 1
  w.kv->retired(1);
  CHECK_FALSE(w.kv->retirable());
  w.del("first");
  const lsn killer = w.tail->appended();
  w.write_frames();
  CHECK_FALSE(w.kv->retirable());
  w.commit();
  const auto after = w.kv->retirable();
  REQUIRE(after);
  CHECK(after->first_live_ordinal == 3);
  CHECK(after->consistent_from >= killer);
  CHECK(after->purged == lsn{});  // the tombstone itself stands in a later segment
}

TEST_CASE("the highest tombstone that goes with its segment is reported") {
  store_world w(small_segments);
  w.set("a", "v");
  w.del("a");
  const lsn tombstone = w.tail->appended();
  fill_segment(w, "k");
  fill_segment(w, "k");
  const auto dead = w.kv->retirable();
  REQUIRE(dead);
  CHECK(dead->first_live_ordinal >= 1);
  CHECK(dead->purged == tombstone);
}

TEST_CASE("an expire record keeps its segment alive, and so does the value it belongs to") {
  store_world w(small_segments);
  w.set("k", "v");
  fill_segment(w, "fill");
  w.expire("k", w.time.wall_ms() + 100'000);  // in segment 1
  fill_segment(w, "fill");
  fill_segment(w, "fill");
  CHECK_FALSE(w.kv->retirable());
  w.set("k", "v", w.time.wall_ms() + 100'000);
  w.commit();
  REQUIRE(w.kv->retirable());
  CHECK(w.kv->retirable()->first_live_ordinal == 3);
}

TEST_CASE("a second expire record frees the first one's segment") {
  store_world w(small_segments);
  fill_segment(w, "fill");
  w.set("k", "v");
  fill_segment(w, "fill");
  w.expire("k", w.time.wall_ms() + 100'000);
  fill_segment(w, "fill");
  w.expire("k", w.time.wall_ms() + 200'000);
  fill_segment(w, "fill");
  w.set("k", "w");
  fill_segment(w, "fill");
  fill_segment(w, "fill");
  REQUIRE(w.kv->retirable());
  CHECK(w.kv->retirable()->first_live_ordinal == 4);
}

TEST_CASE("a flush kills everything before it once it is durable") {
  store_world w(small_segments);
  for (int i = 0; i < 500; ++i) {
    w.set("k" + std::to_string(i), std::string(1000, 'v'));
    w.commit();
  }
  const std::uint32_t active = w.tail->active_segment();
  REQUIRE(active > 3);
  w.flush();
  CHECK_FALSE(w.kv->retirable());
  w.commit();
  fill_segment(w, "k");
  REQUIRE(w.kv->retirable());
  CHECK(w.kv->retirable()->first_live_ordinal >= active);
}

TEST_CASE("parts of a large value keep their segments until the value is gone") {
  store_world w({.segment_bytes = 8ull << 20});
  w.set("large", std::string(20ull << 20, 'x'));
  w.commit();
  REQUIRE(w.tail->active_segment() >= 2);
  CHECK_FALSE(w.kv->retirable());
  w.set("large", "small");
  w.commit();
  REQUIRE(w.kv->retirable());
  CHECK(w.kv->retirable()->first_live_ordinal == w.tail->active_segment());
}

TEST_CASE("live records are counted the same after recovery") {
  store_world w(small_segments);
  w.set("stays", "v");
  fill_segment(w, "k");
  fill_segment(w, "k");
  fill_segment(w, "k");
  w.commit();
  CHECK_FALSE(w.kv->retirable());
  w.reopen();
  CHECK_FALSE(w.kv->retirable());
  w.del("stays");
  w.commit();
  REQUIRE(w.kv->retirable());
  CHECK(w.kv->retirable()->first_live_ordinal == 3);
}

TEST_CASE("a dead head whose parts were retired does not stop recovery") {
  store_world w({.segment_bytes = 8ull << 20});
  w.set("large", std::string(8ull << 20, 'x'));  // the last parts and the head in segment 1
  w.set("stays", "v");
  w.set("large", "small");
  w.commit();
  REQUIRE(w.kv->retirable());
  REQUIRE(w.kv->retirable()->first_live_ordinal == 1);
  std::erase_if(w.frames(), [](const log::frame& frame) { return frame.segment == 0; });
  w.reopen();
  CHECK(w.get("large") == "small");
  CHECK(w.get("stays") == "v");
}

TEST_CASE("a part stays as long as some value names it, whatever key it was written for") {
  store_world w({.segment_bytes = 8ull << 20});
  w.set("a", std::string(10ull << 20, 'x'));  // to segment 1
  const auto copy = [&w](std::string_view from, std::string_view to) {
    w.kv->begin_command(durability::durable);
    std::vector<kv::value_piece> pieces;
    for (const auto& part : w.kv->parts_of(from, w.kv->hash(from)).parts) {
      pieces.push_back({.part = part});
    }
    REQUIRE(w.kv->put_pieces(to, w.kv->hash(to), pieces, 0));
  };
  copy("a", "b");
  w.del("a");
  w.set("fill", std::string(10ull << 20, 'f'));
  w.commit();
  CHECK_FALSE(w.kv->retirable());
  w.reopen();
  copy("b", "b");
  copy("b", "c");
  w.del("b");
  w.commit();
  CHECK_FALSE(w.kv->retirable());
  CHECK(w.get("c") == std::string(10ull << 20, 'x'));
  w.del("c");
  w.set("fill", std::string(20ull << 20, 'f'));
  w.commit();
  REQUIRE(w.kv->retirable());
  CHECK(w.kv->retirable()->first_live_ordinal >= 2);
}

TEST_CASE("a head that shares parts survives the heads and parts before it that are gone") {
  store_world w({.segment_bytes = 8ull << 20});
  w.set("key", std::string(8ull << 20, 'x'));  // the last parts and the head in segment 1
  w.kv->begin_command(durability::durable);
  const auto parts = w.kv->parts_of("key", w.kv->hash("key")).parts;
  // All that stands in the first segment is written anew.
  const std::string fresh(limits::part_bytes_max, 'y');
  std::vector<kv::value_piece> pieces;
  std::string expected;
  for (const auto& part : parts) {
    if (part.where.segment == 0) {
      pieces.push_back({.bytes = std::string_view(fresh).substr(0, part.value_size)});
    } else {
      pieces.push_back({.part = part});
    }
    expected += std::string(part.value_size, part.where.segment == 0 ? 'y' : 'x');
  }
  REQUIRE(w.kv->put_pieces("key", w.kv->hash("key"), pieces, 0));
  w.commit();
  REQUIRE(w.kv->retirable());
  CHECK(w.kv->retirable()->first_live_ordinal == 1);
  std::erase_if(w.frames(), [](const log::frame& frame) { return frame.segment == 0; });
  w.reopen();
  CHECK(w.get("key") == expected);
}

TEST_CASE("a live head whose parts are missing is reported") {
  store_world w({.segment_bytes = 8ull << 20});
  w.set("large", std::string(8ull << 20, 'x'));
  w.write_frames();
  std::erase_if(w.frames(), [](const log::frame& frame) { return frame.segment == 0; });
  kv::store fresh({}, w.time);
  w.replay(fresh);
  const auto checked = fresh.check_recovered();
  REQUIRE_FALSE(checked);
  CHECK(checked.error().code == errc::corrupt);
}

TEST_CASE("an expire record counts only for the value it names") {
  sim::clock time;
  kv::store fresh({}, time);
  log::record_view put;
  put.sequence = {5};
  put.key = "k";
  put.value = "v";
  REQUIRE(fresh.apply(put, {}));
  log::record_view expire;
  expire.type = log::record_type::expire;
  expire.key = "k";
  expire.deadline_ms = sim::clock::start_wall_ms + 1000;
  for (const std::uint64_t named : {4ull, 6ull, 5ull}) {
    expire.sequence = {10 + named};
    std::string bytes;
    append_le(bytes, named);
    expire.value = bytes;
    REQUIRE(fresh.apply(expire, {}));
    CHECK(fresh.expires() == (named == 5 ? 1u : 0u));
  }
}

TEST_CASE("records of unknown kinds are refused by name") {
  sim::clock time;
  kv::store fresh({}, time);
  log::record_view record;
  record.sequence = {1};
  record.type = log::record_type::config;
  CHECK(fresh.apply(record, {}).error().code == errc::foreign);
  record.type = log::record_type::put;
  record.member = "m";
  CHECK(fresh.apply(record, {}).error().code == errc::foreign);
  record.member = {};
  record.collection = {1};
  CHECK(fresh.apply(record, {}).error().code == errc::foreign);
  record.collection = {};
  record.type = log::record_type::del_range;
  record.value = "\x02";
  CHECK(fresh.apply(record, {}).error().code == errc::foreign);
  record.type = log::record_type::expire;
  CHECK(fresh.apply(record, {}).error().code == errc::corrupt);
  record.type = log::record_type::head;
  CHECK(fresh.apply(record, {}).error().code == errc::corrupt);
}

}  // namespace
}  // namespace troupe::tests
