// The memory budget, eviction and cold values.
#include "tests/storage/kv/store_world.hpp"

namespace troupe::tests {
namespace {

using kv::presence;

constexpr std::int64_t far_deadline = 9'000'000'000'000;

std::string key_of(int i) { return "key:" + std::to_string(i); }

TEST_CASE("an overwrite of equal size allocates nothing and moves nothing") {
  store_world w;
  w.set("k", std::string(100, 'a'));
  const char* before = w.kv->find("k", w.kv->hash("k")).value.data();
  const std::uint64_t bytes = w.kv->memory().value_bytes;
  w.set("k", std::string(100, 'b'));
  CHECK(w.kv->find("k", w.kv->hash("k")).value.data() == before);
  CHECK(w.kv->memory().value_bytes == bytes);
}

TEST_CASE("cached values keep to the budget and evicted ones are read back from the log") {
  store_world w({.memory_bytes = 100'000});
  for (int i = 0; i < 2000; ++i) {
    w.set(key_of(i), std::string(200, static_cast<char>('a' + i % 26)));
    if (i % 50 == 0) w.commit();
  }
  w.commit();
  while (w.kv->evict_some(10'000)) {
  }
  CHECK(w.kv->memory().value_bytes <= 100'000);
  CHECK(w.kv->memory().value_bytes > 50'000);
  CHECK(w.kv->memory().evicted_values > 1000);
  for (int i = 0; i < 2000; ++i)
    REQUIRE(w.get(key_of(i)) == std::string(200, static_cast<char>('a' + i % 26)));
  while (w.kv->evict_some(10'000)) {
  }
  CHECK(w.kv->memory().value_bytes <= 100'000);
}

TEST_CASE("keys of a large batch of deletes leave memory in bounded steps, and stay deleted") {
  store_world w;
  for (int i = 0; i < 10'000; ++i) w.set(key_of(i), "value");
  w.commit();
  w.kv->begin_batch();
  for (int i = 0; i < 10'000; ++i) w.del(key_of(i));
  w.kv->end_batch();
  CHECK_FALSE(w.kv->has_decided_deletes());
  const auto all = w.kv->memory().key_bytes;
  w.commit();
  const auto left = w.kv->memory().key_bytes;
  CHECK(left < all);
  CHECK(left > all / 2);
  CHECK(w.kv->size() == 0);
  CHECK(w.state(key_of(9999)) == presence::absent);
  // Set anew while its old self waits to be freed.
  w.set(key_of(9998), "again");
  REQUIRE(w.kv->has_decided_deletes());
  for (int step = 0; w.kv->has_decided_deletes(); ++step) {
    REQUIRE(step < 10);
    w.kv->forget_deleted(1000);
  }
  CHECK(w.kv->memory().key_bytes < all / 100);
  CHECK(w.get(key_of(9998)) == "again");
  CHECK(w.kv->size() == 1);
}

TEST_CASE("values that are not durable are never evicted") {
  store_world w({.memory_bytes = 1000});
  for (int i = 0; i < 500; ++i) w.set(key_of(i), std::string(100, 'v'));
  w.kv->evict_some(100'000);
  for (int i = 0; i < 500; ++i) REQUIRE(w.state(key_of(i)) == presence::present);
  w.commit();
  while (w.kv->evict_some(100'000)) {
  }
  CHECK(w.kv->memory().value_bytes <= 1000);
}

TEST_CASE("with a budget of nothing only undecided values are in memory") {
  store_world w({.memory_bytes = 0});
  for (int i = 0; i < 3000; ++i) w.set(key_of(i), "value");
  CHECK(w.state(key_of(7)) == presence::present);
  w.commit();
  CHECK(w.kv->memory().value_bytes == 0);
  CHECK(w.state(key_of(7)) == presence::cold);
  CHECK(w.get(key_of(7)) == "value");
  CHECK(w.state(key_of(7)) == presence::cold);
  w.set(key_of(7), "newer");
  CHECK(w.state(key_of(7)) == presence::present);
}

TEST_CASE("eviction gives the bytes of the block back") {
  store_world w({.memory_bytes = 0});
  w.set("k", std::string(10'000, 'v'));
  const std::uint64_t with_value = w.kv->memory_of("k", w.kv->hash("k"));
  w.commit();
  CHECK(w.kv->memory_of("k", w.kv->hash("k")) + 9000 < with_value);
}

TEST_CASE("a value that is read often stays when others go") {
  store_world w({.memory_bytes = 50'000});
  w.set("hot", std::string(100, 'h'));
  for (int i = 0; i < 3000; ++i) {
    w.set(key_of(i), std::string(100, 'v'));
    w.commit();
    REQUIRE(w.state("hot") == presence::present);
  }
  CHECK(w.kv->memory().evicted_values > 1000);
}

TEST_CASE("a value that is only read without a mark goes like one that nobody reads") {
  store_world w({.memory_bytes = 50'000});
  w.set("hot", std::string(100, 'h'));
  bool is_there = true;
  for (int i = 0; is_there && i < 3000; ++i) {
    w.set(key_of(i), std::string(100, 'v'));
    w.commit();
    w.kv->begin_command(durability::durable, kv::reading::leaves_no_mark);
    is_there = w.kv->find("hot", w.kv->hash("hot")).state == presence::present;
  }
  CHECK_FALSE(is_there);
}

TEST_CASE("an empty value is never cold") {
  store_world w({.memory_bytes = 0});
  w.set("k", "");
  w.commit();
  CHECK(w.state("k") == presence::present);
}

TEST_CASE("peek, TTL changes and deletes need no bytes of a cold key") {
  store_world w({.memory_bytes = 0});
  w.set("k", "value");
  w.commit();
  CHECK(w.peek("k").state == presence::present);
  CHECK(w.peek("k").value_size == 5);
  CHECK(w.expire("k", w.time.wall_ms() + 100));
  CHECK(w.kv->missing().empty());
  CHECK(w.get("k") == "value");
  CHECK(w.del("k"));
}

TEST_CASE("a cold key is asked for once, however often a command looks at it") {
  store_world w({.memory_bytes = 0});
  w.set("a", "1");
  w.set("b", "2");
  w.commit();
  w.kv->begin_command(durability::durable);
  for (const char* key : {"a", "b", "a", "a"})
    CHECK(w.kv->find(key, w.kv->hash(key)).state == presence::cold);
  CHECK(w.kv->missing().size() == 2);
  w.load_missing();
  w.kv->begin_command(durability::durable);
  CHECK(w.kv->find("a", w.kv->hash("a")).value == "1");
  CHECK(w.kv->find("b", w.kv->hash("b")).value == "2");
  CHECK(w.kv->missing().empty());
  w.kv->drop_loans();
  CHECK(w.state("a") == presence::cold);
}

TEST_CASE("a value that was replaced while it was read is not supplied") {
  store_world w({.memory_bytes = 0});
  w.set("k", "old");
  w.commit();
  CHECK(w.state("k") == presence::cold);
  const std::vector<kv::cold_read> wanted = w.kv->missing();
  w.set("k", "new");
  w.kv->supply(wanted.at(0), "old");
  w.kv->begin_command(durability::durable);
  CHECK(w.kv->find("k", w.kv->hash("k")).value == "new");
  w.del("k");
  w.kv->supply(wanted.at(0), "old");
  CHECK(w.state("k") == presence::absent);
}

TEST_CASE("a supplied value is cached when the budget allows") {
  store_world w({.memory_bytes = 20'000});
  for (int i = 0; i < 500; ++i) w.set(key_of(i), std::string(100, 'v'));
  w.commit();
  int cold = -1;
  for (int i = 0; i < 500 && cold < 0; ++i)
    if (w.state(key_of(i)) == presence::cold) cold = i;
  REQUIRE(cold >= 0);
  CHECK(w.get(key_of(cold)) == std::string(100, 'v'));
  CHECK(w.kv->memory().value_bytes <= 20'000);
}

TEST_CASE("large values are kept as parts, read back whole and never cached") {
  store_world w;
  for (const std::size_t size :
       {limits::part_bytes_max, limits::part_bytes_max + 1, 3 * limits::part_bytes_max + 17}) {
    std::string value(size, 'x');
    for (std::size_t i = 0; i < size; i += 1000) value[i] = static_cast<char>('a' + i % 23);
    w.set("large", value);
    CHECK(w.peek("large").value_size == size);
    w.commit();
    CHECK((w.state("large") == presence::large) == (size > limits::part_bytes_max));
    CHECK(w.get("large") == value);
    CHECK(w.expire("large", w.time.wall_ms() + 1000));
    w.commit();
    w.reopen();
    CHECK(w.peek("large").deadline_ms != 0);
    CHECK(w.get("large") == value);
  }
  CHECK(w.kv->memory().value_bytes == 0);
  w.set("large", "small now");
  CHECK(w.get("large") == "small now");
}

TEST_CASE("a large value that is not durable is in memory, whatever the budget") {
  store_world w({.memory_bytes = 0});
  const std::string value(2 * limits::part_bytes_max, 'x');
  w.set("large", value);
  CHECK(w.state("large") == presence::large);
  CHECK(w.kv->memory().undecided_bytes == value.size());
  CHECK(w.parts_of("large") == value);
  CHECK(w.kv->missing().empty());
  w.commit();
  CHECK(w.kv->memory().undecided_bytes == 0);
  CHECK(w.get("large") == value);
  CHECK_FALSE(w.kv->missing().empty());
}

TEST_CASE("a large value inside a batch is recovered with its batch") {
  store_world w;
  const std::string value(2 * limits::part_bytes_max, 'x');
  w.kv->begin_batch();
  w.set("a", "1");
  w.set("large", value);
  w.set("b", "2");
  w.kv->end_batch();
  w.commit();
  w.reopen();
  CHECK(w.get("a") == "1");
  CHECK(w.get("large") == value);
  CHECK(w.get("b") == "2");
}

TEST_CASE("recovery caches values while the budget lasts") {
  store_world w({.memory_bytes = 20'000});
  for (int i = 0; i < 500; ++i) w.set(key_of(i), std::string(100, 'v'));
  w.commit();
  w.reopen();
  CHECK(w.kv->memory().value_bytes > 10'000);
  CHECK(w.kv->memory().value_bytes <= 20'100);
  for (int i = 0; i < 500; ++i) REQUIRE(w.get(key_of(i)) == std::string(100, 'v'));
}

TEST_CASE("memory figures return to nothing with the keys") {
  store_world w({.memory_bytes = 30'000});
  for (int i = 0; i < 1000; ++i) {
    w.set(key_of(i), std::string(static_cast<std::size_t>(i), 'v'), i % 3 == 0 ? far_deadline : 0);
    if (i % 5 == 0) w.expire(key_of(i), w.time.wall_ms() + 1000);
    if (i % 7 == 0) w.commit();
  }
  for (int i = 0; i < 1000; ++i) CHECK(w.del(key_of(i)));
  w.commit();
  CHECK(w.kv->memory().value_bytes == 0);
  CHECK(w.kv->memory().key_bytes == 0);
  CHECK(w.kv->expires() == 0);
}

}  // namespace
}  // namespace troupe::tests
