// What a reply must wait for: levels, undecided deletes and flushes.
#include "tests/storage/kv/store_world.hpp"

namespace troupe::tests {
namespace {

lsn observed_by_get(store_world& w, std::string_view key) {
  w.kv->begin_command(durability::durable);
  (void)w.kv->find(key, w.kv->hash(key));
  return w.kv->observed();
}

TEST_CASE("a write is observed at its own LSN from level durable on") {
  for (const auto level :
       {durability::memory, durability::interval, durability::durable, durability::replicated}) {
    store_world w;
    w.set("k", "v", 0, level);
    CHECK(w.kv->wrote());
    const lsn expected = level >= durability::durable ? w.tail->appended() : lsn{};
    CHECK(w.kv->observed() == expected);
    CHECK(observed_by_get(w, "k") == expected);
    CHECK_FALSE(w.kv->wrote());
  }
}

TEST_CASE("a command observes the highest LSN of all keys it looked at") {
  store_world w;
  w.set("a", "v");
  const lsn a = w.tail->appended();
  w.set("b", "v");
  w.set("c", "v");
  w.kv->begin_command(durability::durable);
  (void)w.kv->peek("a", w.kv->hash("a"));
  CHECK(w.kv->observed() == a);
  (void)w.kv->peek("b", w.kv->hash("b"));
  CHECK(w.kv->observed().value == a.value + 1);
}

TEST_CASE("a miss through an undecided delete is observed until the delete is durable") {
  store_world w;
  w.set("k", "v");
  w.commit();
  w.del("k");
  const lsn tombstone = w.tail->appended();
  CHECK(w.kv->observed() == tombstone);
  CHECK(observed_by_get(w, "k") == tombstone);
  CHECK_FALSE(w.del("k"));  // a second DEL finds nothing, because of the first
  CHECK(w.kv->observed() == tombstone);
  w.commit();
  CHECK(observed_by_get(w, "k") == lsn{});
  CHECK(w.kv->memory().key_bytes == 0);
}

TEST_CASE("a key that was set again after an undecided delete stays") {
  store_world w;
  w.set("k", "v");
  w.del("k");
  w.set("k", "w");
  w.commit();
  CHECK(w.get("k") == "w");
  CHECK(w.kv->size() == 1);
}

TEST_CASE("misses after a flush are observed until the flush is durable") {
  store_world w;
  w.set("k", "v");
  w.commit();
  w.flush();
  const lsn flush = w.tail->appended();
  CHECK(w.kv->observed() == flush);
  CHECK(observed_by_get(w, "k") == flush);
  CHECK(observed_by_get(w, "never there") == flush);
  w.set("new", "v", 0, durability::memory);
  CHECK(observed_by_get(w, "new") == lsn{});
  w.commit();
  CHECK(observed_by_get(w, "k") == lsn{});
}

TEST_CASE("a weaker change of the deadline does not hide an undecided value") {
  store_world w;
  w.set("k", "v", 0, durability::durable);
  w.expire("k", w.time.wall_ms() + 1000, durability::memory);
  CHECK(observed_by_get(w, "k") == w.tail->appended());
  w.commit();
  w.expire("k", w.time.wall_ms() + 2000, durability::memory);
  CHECK(observed_by_get(w, "k") == lsn{});
}

TEST_CASE("a miss by expiry waits for the undecided write that set the deadline") {
  store_world w;
  w.set("k", "v", w.time.wall_ms() + 1);
  const lsn written = w.tail->appended();
  w.time.advance(std::chrono::milliseconds(2));
  CHECK(observed_by_get(w, "k") == written);
  CHECK(w.kv->sweep(1000) == 1);
  CHECK(observed_by_get(w, "k") == w.tail->appended());
}

TEST_CASE("what was recovered need not be waited for") {
  store_world w;
  w.set("k", "v");
  w.commit();
  w.reopen();
  CHECK(observed_by_get(w, "k") == lsn{});
}

}  // namespace
}  // namespace troupe::tests
