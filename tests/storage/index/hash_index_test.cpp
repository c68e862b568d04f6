// The hash index against what a set promises, and the promises about pauses, memory and scans.
#include "storage/index/hash_index.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <deque>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

namespace troupe::tests {
namespace {

struct alignas(16) named {
  std::string name;
  std::uint64_t* looks;  ///< counts how often anybody looked at an entry

  [[nodiscard]] std::string_view key() const {
    ++*looks;
    return name;
  }
};

struct fixture {
  std::uint64_t looks = 0;
  std::deque<named> entries;
  index::hash_index<named> index{index::key_hasher(7)};

  void insert(std::uint64_t number) {
    entries.push_back({"key:" + std::to_string(number), &looks});
    index.insert(index.hash(entries.back().name), &entries.back(), 0);
  }
  [[nodiscard]] bool has(std::uint64_t number) const {
    const std::string key = "key:" + std::to_string(number);
    const auto at = index.find(index.hash(key), key);
    return at && at.entry()->name == key;
  }
  void erase(std::uint64_t number) {
    const std::string key = "key:" + std::to_string(number);
    const key_hash hash = index.hash(key);
    const auto at = index.find(hash, key);
    REQUIRE(at);
    index.erase(hash, at);
  }
};

TEST_CASE("an empty index finds, scans and chooses nothing") {
  fixture f;
  CHECK_FALSE(f.has(1));
  CHECK(f.index.size() == 0);
  CHECK(f.index.scan_from(0, 10, [](auto) { FAIL("nothing is there"); }) == 0);
  prng random(1);
  CHECK_FALSE(f.index.random(random));
}

TEST_CASE("every inserted key is found, no other is, at about ten bytes a key") {
  fixture f;
  constexpr std::uint64_t count = 200'000;
  for (std::uint64_t i = 0; i < count; ++i) f.insert(i);
  for (std::uint64_t i = 0; i < count; ++i) REQUIRE(f.has(i));
  for (std::uint64_t i = count; i < 2 * count; ++i) REQUIRE_FALSE(f.has(i));
  CHECK(f.index.size() == count);
  CHECK(f.index.bytes() < 12 * count);
}

TEST_CASE("no insert or erase touches more than a thousand entries") {
  fixture f;
  std::uint64_t most = 0;
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    f.looks = 0;
    f.insert(i);
    most = std::max(most, f.looks);
  }
  for (std::uint64_t i = 0; i < 100'000; ++i) {
    f.looks = 0;
    f.erase(i);
    most = std::max(most, f.looks);
  }
  CHECK(most > 100);  // splits did happen
  CHECK(most <= 1000);
}

TEST_CASE("erasing gives the memory of the tables back") {
  fixture f;
  for (std::uint64_t i = 0; i < 50'000; ++i) f.insert(i);
  for (std::uint64_t i = 0; i < 50'000; ++i) {
    f.erase(i);
    if (i % 1000 == 0) REQUIRE(f.has(49'999));
  }
  CHECK(f.index.size() == 0);
  CHECK(f.index.bytes() < 1024);
}

TEST_CASE("random inserts and erases leave exactly what a set would hold") {
  fixture f;
  std::unordered_set<std::uint64_t> model;
  prng random(42);
  for (std::uint64_t phase = 0; phase < 6; ++phase) {
    const std::uint64_t insert_weight = phase % 2 == 0 ? 8 : 2;
    for (int step = 0; step < 20'000; ++step) {
      const std::uint64_t number = random.below(8000);
      const bool wants_insert = random.below(10) < insert_weight;
      if (wants_insert && model.insert(number).second)
        f.insert(number);
      else if (!wants_insert && model.erase(number) == 1)
        f.erase(number);
    }
    CHECK(f.index.size() == model.size());
    for (std::uint64_t i = 0; i < 8000; ++i) REQUIRE(f.has(i) == model.contains(i));
  }
}

TEST_CASE("a scan of an unchanged index visits every key exactly once, in hash order") {
  fixture f;
  for (std::uint64_t i = 0; i < 20'000; ++i) f.insert(i);
  std::vector<std::uint64_t> hashes;
  std::uint64_t cursor = 0;
  std::uint64_t before = 0;
  do {
    cursor = f.index.scan_from(cursor, 10, [&](index::place<named> at) {
      hashes.push_back(f.index.hash(at.entry()->name).value >> 24);
    });
    CHECK(cursor < 1ull << 40);
    CHECK((cursor == 0 || cursor > before));
    before = cursor;
  } while (cursor != 0);
  CHECK(hashes.size() == 20'000);
  // Within one bucket the order is free; buckets ascend.
  CHECK(std::is_sorted(hashes.begin(), hashes.end(),
                       [](auto a, auto b) { return a + (1ull << 33) < b; }));
  std::sort(hashes.begin(), hashes.end());
  CHECK(std::adjacent_find(hashes.begin(), hashes.end()) == hashes.end());
}

TEST_CASE("a scan step does bounded work") {
  fixture f;
  for (std::uint64_t i = 0; i < 50'000; ++i) f.insert(i);
  std::uint64_t cursor = 0;
  do {
    std::size_t seen = 0;
    cursor = f.index.scan_from(cursor, 10, [&](auto) { ++seen; });
    REQUIRE(seen < 60);
  } while (cursor != 0);
}

// `change` is called between the steps of a scan; keys 0..4999 stay all the time.
template <class Change>
void check_scan_guarantee(fixture& f, Change&& change) {
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  std::uint64_t step = 0;
  do {
    cursor = f.index.scan_from(cursor, 7, [&](auto at) { seen.insert(at.entry()->name); });
    change(step++);
  } while (cursor != 0);
  for (std::uint64_t i = 0; i < 5000; ++i) REQUIRE(seen.contains("key:" + std::to_string(i)));
}

TEST_CASE("a scan misses no key that stays while the index grows") {
  fixture f;
  for (std::uint64_t i = 0; i < 5000; ++i) f.insert(i);
  std::uint64_t next = 5000;
  check_scan_guarantee(f, [&](std::uint64_t) {
    for (int i = 0; i < 200 && next < 105'000; ++i) f.insert(next++);
  });
  CHECK(next == 105'000);
}

TEST_CASE("a scan misses no key that stays while the index shrinks") {
  fixture f;
  for (std::uint64_t i = 0; i < 105'000; ++i) f.insert(i);
  std::uint64_t next = 5000;
  check_scan_guarantee(f, [&](std::uint64_t) {
    for (int i = 0; i < 100 && next < 105'000; ++i) f.erase(next++);
  });
  CHECK(next > 50'000);
}

TEST_CASE("a scan misses no key that stays while the index grows and shrinks in turn") {
  fixture f;
  for (std::uint64_t i = 0; i < 5000; ++i) f.insert(i);
  std::uint64_t low = 5000;
  std::uint64_t next = 5000;
  check_scan_guarantee(f, [&](std::uint64_t step) {
    if (step % 40 < 20) {
      for (int i = 0; i < 1000 && next < 500'000; ++i) f.insert(next++);
    } else {
      for (int i = 0; i < 1000 && low < next; ++i) f.erase(low++);
    }
  });
  CHECK(next > 20'000);
  CHECK(low > 10'000);
}

TEST_CASE("any number from a client is a usable cursor") {
  fixture f;
  for (std::uint64_t i = 0; i < 1000; ++i) f.insert(i);
  for (const std::uint64_t cursor : {~0ull, 1ull, (1ull << 40) - 1, 1ull << 40, 123456789012ull}) {
    std::uint64_t at = cursor;
    std::size_t steps = 0;
    do {
      at = f.index.scan_from(at, 10, [](auto) {});
    } while (at != 0 && ++steps < 10'000);
    CHECK(at == 0);
  }
}

TEST_CASE("random choice reaches every key about equally often") {
  fixture f;
  for (std::uint64_t i = 0; i < 100; ++i) f.insert(i);
  prng random(3);
  std::vector<int> hits(100);
  for (int i = 0; i < 100'000; ++i) {
    const auto at = f.index.random(random);
    REQUIRE(at);
    ++hits[std::stoul(at.entry()->name.substr(4))];
  }
  CHECK(*std::min_element(hits.begin(), hits.end()) > 700);
  CHECK(*std::max_element(hits.begin(), hits.end()) < 1300);
}

TEST_CASE("random choice finds the one key left") {
  fixture f;
  for (std::uint64_t i = 0; i < 3000; ++i) f.insert(i);
  for (std::uint64_t i = 1; i < 3000; ++i) f.erase(i);
  prng random(4);
  const auto at = f.index.random(random);
  REQUIRE(at);
  CHECK(at.entry()->name == "key:0");
}

TEST_CASE("marks and replaced entries survive growth") {
  fixture f;
  std::vector<named> others;
  others.reserve(100);
  for (std::uint64_t i = 0; i < 100; ++i) f.insert(i);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::string key = "key:" + std::to_string(i);
    others.push_back({key, &f.looks});
    f.index.find(f.index.hash(key), key).replace(&others.back(), i % 16);
  }
  for (std::uint64_t i = 100; i < 20'000; ++i) f.insert(i);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const std::string key = "key:" + std::to_string(i);
    const auto at = f.index.find(f.index.hash(key), key);
    REQUIRE(at);
    CHECK(at.marks() == i % 16);
    CHECK(at.entry() == &others[i]);
  }
}

TEST_CASE("draining visits every entry once, in bounded steps") {
  fixture f;
  for (std::uint64_t i = 0; i < 30'000; ++i) f.insert(i);
  std::unordered_set<const named*> seen;
  std::size_t most = 0;
  bool more = true;
  while (more) {
    std::size_t step = 0;
    more = f.index.drain([&](named* entry) {
      CHECK(seen.insert(entry).second);
      ++step;
    });
    most = std::max(most, step);
  }
  CHECK(seen.size() == 30'000);
  CHECK(f.index.size() == 0);
  CHECK(most <= 1000);
}

TEST_CASE("an index may be moved away and used anew") {
  fixture f;
  for (std::uint64_t i = 0; i < 2000; ++i) f.insert(i);
  index::hash_index<named> other = std::move(f.index);
  f.index = index::hash_index<named>(index::key_hasher(7));
  CHECK(other.size() == 2000);
  CHECK(f.index.size() == 0);
  f.insert(5000);
  CHECK(f.has(5000));
  CHECK_FALSE(f.has(1));
}

}  // namespace
}  // namespace troupe::tests
