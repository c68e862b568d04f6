// Keys and values, expiry, flush, scan and WATCH on a store in memory.
#include <set>

#include "tests/storage/kv/store_world.hpp"

namespace troupe::tests {
namespace {

using kv::presence;

TEST_CASE("a key has the value it was given last") {
  store_world w;
  CHECK(w.get("k") == "(absent)");
  w.set("k", "one");
  CHECK(w.get("k") == "one");
  w.set("k", "two");
  CHECK(w.get("k") == "two");
  w.set("k", "something longer");
  CHECK(w.get("k") == "something longer");
  w.set("k", "");
  CHECK(w.get("k") == "");
  CHECK(w.kv->size() == 1);
  CHECK(w.del("k"));
  CHECK_FALSE(w.del("k"));
  CHECK(w.get("k") == "(absent)");
  CHECK(w.kv->size() == 0);
}

TEST_CASE("keys are bytes: empty, with NUL, and up to the limit") {
  store_world w;
  const std::string longest(limits::key_bytes_max, 'x');
  for (const std::string& key : {std::string(), std::string("a\0b", 3), longest}) {
    w.set(key, "v");
    CHECK(w.get(key) == "v");
  }
  CHECK(w.get(std::string("a\0c", 3)) == "(absent)");
  const auto refused = w.kv->put(longest + "x", w.kv->hash(longest + "x"), "v", 0);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::refused);
}

TEST_CASE("a value may be a view into the store itself") {
  store_world w;
  w.set("a", std::string(100, 'a'));
  for (const std::size_t size : {std::size_t{100}, std::size_t{60}, std::size_t{10}}) {
    const kv::found hit = w.kv->find("a", w.kv->hash("a"));
    REQUIRE(w.kv->put("b", w.kv->hash("b"), hit.value, 0));
    REQUIRE(w.kv->put("a", w.kv->hash("a"), hit.value.substr(hit.value.size() - size), 0));
    CHECK(w.get("a") == std::string(size, 'a'));
  }
}

TEST_CASE("peek tells size and deadline without bytes") {
  store_world w;
  const std::int64_t deadline = w.time.wall_ms() + 500;
  w.set("k", "12345", deadline);
  const kv::found seen = w.peek("k");
  CHECK(seen.state == presence::present);
  CHECK(seen.value_size == 5);
  CHECK(seen.deadline_ms == deadline);
  CHECK(seen.value.empty());
}

TEST_CASE("an expired key is not visible, and does not come back when the clock runs back") {
  store_world w;
  w.set("k", "v", w.time.wall_ms() + 10);
  w.time.advance(std::chrono::milliseconds(10));
  CHECK(w.get("k") == "v");
  w.time.advance(std::chrono::milliseconds(1));
  CHECK(w.get("k") == "(absent)");
  CHECK_FALSE(w.del("k"));
  CHECK(w.kv->size() == 1);  // until it is swept
  w.time.jump_wall(std::chrono::milliseconds(-1000));
  CHECK(w.get("k") == "(absent)");
  w.set("k", "again");
  CHECK(w.get("k") == "again");
  CHECK(w.kv->size() == 1);
  CHECK(w.kv->expires() == 0);
}

TEST_CASE("time stands still within a command") {
  store_world w;
  w.set("k", "v", w.time.wall_ms() + 10);
  w.kv->begin_command(durability::durable);
  const std::int64_t now = w.kv->now_ms();
  w.time.advance(std::chrono::milliseconds(100));
  CHECK(w.kv->now_ms() == now);
  CHECK(w.kv->find("k", w.kv->hash("k")).state == presence::present);
  w.kv->begin_command(durability::durable);
  CHECK(w.kv->find("k", w.kv->hash("k")).state == presence::absent);
}

TEST_CASE("a deadline is set, changed and taken away, and the value stays") {
  store_world w;
  const std::int64_t now = w.time.wall_ms();
  CHECK_FALSE(w.expire("k", now + 10));
  w.set("k", "value");
  CHECK_FALSE(w.expire("k", 0));
  CHECK(w.expire("k", now + 10));
  CHECK(w.peek("k").deadline_ms == now + 10);
  CHECK(w.kv->expires() == 1);
  CHECK(w.expire("k", now + 20));
  CHECK(w.peek("k").deadline_ms == now + 20);
  CHECK(w.get("k") == "value");
  CHECK(w.expire("k", 0));
  CHECK(w.peek("k").deadline_ms == 0);
  CHECK(w.kv->expires() == 0);
  CHECK(w.expire("k", now + 30));
  CHECK(w.get("k") == "value");
  w.set("k", "value");  // a plain SET takes the deadline away
  CHECK(w.peek("k").deadline_ms == 0);
  CHECK(w.kv->expires() == 0);
}

TEST_CASE("the sweeper estimates how long keys have to live") {
  store_world w;
  CHECK(w.kv->mean_ttl_ms() == 0);
  for (int i = 0; i < 1000; ++i) w.set("for ever" + std::to_string(i), "v");
  for (int i = 0; i < 100; ++i) {
    w.set("k" + std::to_string(i), "v", w.time.wall_ms() + 10'000 + 100 * i);
  }
  CHECK(w.kv->mean_ttl_ms() == 0);
  w.kv->sweep(10'000);
  CHECK(w.kv->mean_ttl_ms() > 14'500);
  CHECK(w.kv->mean_ttl_ms() < 15'500);
  w.time.advance(std::chrono::milliseconds(5000));
  w.kv->sweep(10'000);
  CHECK(w.kv->mean_ttl_ms() < 10'500);
  w.time.advance(std::chrono::milliseconds(20'000));
  for (int i = 0; i < 10; ++i) w.kv->sweep(10'000);
  CHECK(w.kv->expires() == 0);
  CHECK(w.kv->mean_ttl_ms() == 0);
}

TEST_CASE("the sweeper turns expired keys into tombstones, bit by bit") {
  store_world w;
  for (int i = 0; i < 1000; ++i)
    w.set("k" + std::to_string(i), "v", i % 2 == 0 ? w.time.wall_ms() + 5 : 0);
  CHECK(w.kv->sweep(10'000) == 0);
  w.time.advance(std::chrono::milliseconds(6));
  std::size_t swept = 0;
  for (int i = 0; i < 200 && swept < 500; ++i) {
    const std::size_t now = w.kv->sweep(50);
    CHECK(now <= 60);
    swept += now;
  }
  CHECK(swept == 500);
  CHECK(w.kv->size() == 500);
  CHECK(w.kv->expires() == 0);
  w.commit();
  w.time.jump_wall(std::chrono::milliseconds(-100));
  w.reopen();
  CHECK(w.kv->size() == 500);
}

TEST_CASE("a flush removes every key and its memory comes back in steps") {
  store_world w;
  for (int i = 0; i < 20'000; ++i) w.set("k" + std::to_string(i), "value");
  w.flush();
  CHECK(w.kv->size() == 0);
  CHECK(w.get("k1") == "(absent)");
  CHECK(w.kv->memory().value_bytes == 0);
  CHECK(w.kv->memory().releasing_entries == 20'000);
  w.set("k1", "new");
  std::size_t steps = 0;
  while (w.kv->release_some(1000)) ++steps;
  CHECK(steps > 5);
  CHECK(w.kv->memory().releasing_entries == 0);
  CHECK(w.get("k1") == "new");
  w.commit();
  w.reopen();
  CHECK(w.kv->size() == 1);
  CHECK(w.get("k1") == "new");
}

TEST_CASE("a flush of an empty store writes nothing") {
  store_world w;
  const lsn before = w.tail->appended();
  w.flush();
  CHECK(w.tail->appended() == before);
  CHECK_FALSE(w.kv->wrote());
}

TEST_CASE("a scan shows keys that exist and neither erased nor expired ones") {
  store_world w;
  for (int i = 0; i < 300; ++i)
    w.set("k" + std::to_string(i), "v", i % 3 == 0 ? w.time.wall_ms() + 1 : 0);
  for (int i = 1; i < 300; i += 3) w.del("k" + std::to_string(i));
  w.time.advance(std::chrono::milliseconds(2));
  w.kv->begin_command(durability::durable);
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  do {
    cursor = w.kv->scan(cursor, 10, [&](std::string_view key) { seen.emplace(key); });
    CHECK(cursor < 1ull << 40);
  } while (cursor != 0);
  CHECK(seen.size() == 100);
  CHECK(seen.contains("k2"));
}

TEST_CASE("a random key is a visible one") {
  store_world w;
  prng random(5);
  CHECK_FALSE(w.kv->random_key(random));
  for (int i = 0; i < 500; ++i) w.set("gone" + std::to_string(i), "v", w.time.wall_ms() + 1);
  w.set("here", "v");
  w.time.advance(std::chrono::milliseconds(2));
  w.kv->begin_command(durability::durable);
  for (int i = 0; i < 20; ++i) CHECK(w.kv->random_key(random) == "here");
}

TEST_CASE("without room writes fail and change nothing, deletes still work") {
  store_world w({.segment_bytes = 64 * 1024, .spares = 4});
  const std::string value(1000, 'v');
  int stored = 0;
  for (;; ++stored) {
    const std::string key = "k" + std::to_string(stored);
    const auto put = w.kv->put(key, w.kv->hash(key), value, 0);
    if (put) continue;
    CHECK(put.error().code == errc::no_space);
    CHECK(w.get(key) == "(absent)");
    break;
  }
  CHECK(stored > 50);
  CHECK_FALSE(w.kv->has_room(2000));
  CHECK_FALSE(w.kv->put("k0", w.kv->hash("k0"), value + "x", 0));
  CHECK(w.get("k0") == value);
  CHECK(w.del("k0"));
  CHECK(w.kv->size() == static_cast<std::uint64_t>(stored - 1));
  w.flush();
  CHECK(w.kv->size() == 0);
}

TEST_CASE("a batch is recovered whole, or not at all") {
  store_world w;
  w.set("a", "0");
  w.kv->begin_batch();
  w.set("a", "1");
  w.set("b", "1");
  w.kv->end_batch();
  w.commit();
  w.kv->begin_batch();
  w.set("a", "2");
  w.del("b");
  w.kv->end_batch();
  w.reopen();  // the second batch was never written
  CHECK(w.get("a") == "1");
  CHECK(w.get("b") == "1");
}

TEST_CASE("a watcher is dirty after any change of its key and only then") {
  store_world w;
  const kv::watcher_id me{1};
  w.set("k", "v");
  w.set("other", "v");
  const auto watch = [&](std::string_view key) {
    w.kv->unwatch(me);
    w.kv->watch(me, key, w.kv->hash(key));
    CHECK_FALSE(w.kv->is_dirty(me));
  };
  watch("k");
  w.set("other", "x");
  w.del("absent");
  w.get("k");
  CHECK_FALSE(w.kv->is_dirty(me));
  w.set("k", "v");
  CHECK(w.kv->is_dirty(me));
  watch("k");
  w.expire("k", w.time.wall_ms() + 1000);
  CHECK(w.kv->is_dirty(me));
  watch("k");
  w.del("k");
  CHECK(w.kv->is_dirty(me));
  watch("k");
  w.flush();  // it was not there
  CHECK_FALSE(w.kv->is_dirty(me));
  w.set("k", "v");
  CHECK(w.kv->is_dirty(me));
  watch("k");
  w.flush();
  CHECK(w.kv->is_dirty(me));
  w.kv->unwatch(me);
  CHECK_FALSE(w.kv->is_dirty(me));
}

TEST_CASE("a watched key that expires makes its watcher dirty, swept or not") {
  store_world w;
  for (const bool swept : {false, true}) {
    w.set("k", "v", w.time.wall_ms() + 5);
    w.kv->watch({1}, "k", w.kv->hash("k"));
    CHECK_FALSE(w.kv->is_dirty({1}));
    w.time.advance(std::chrono::milliseconds(6));
    if (swept) CHECK(w.kv->sweep(1000) == 1);
    w.kv->begin_command(durability::durable);
    CHECK(w.kv->is_dirty({1}));
    w.kv->unwatch({1});
  }
}

TEST_CASE("a key that was expired when it was watched may be swept or flushed, but not set") {
  store_world w;
  const auto watch_expired = [&] {
    w.set("k", "v", w.time.wall_ms() + 1);
    w.time.advance(std::chrono::milliseconds(2));
    w.kv->begin_command(durability::durable);
    w.kv->unwatch({1});
    w.kv->watch({1}, "k", w.kv->hash("k"));
  };
  watch_expired();
  CHECK_FALSE(w.kv->is_dirty({1}));
  CHECK(w.kv->sweep(1000) == 1);
  CHECK_FALSE(w.kv->is_dirty({1}));
  w.set("k", "v");
  CHECK(w.kv->is_dirty({1}));
  watch_expired();
  w.flush();
  CHECK_FALSE(w.kv->is_dirty({1}));
  watch_expired();
  w.set("k", "v");
  CHECK(w.kv->is_dirty({1}));
}

}  // namespace
}  // namespace troupe::tests
