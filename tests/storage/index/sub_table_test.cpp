// A sub-table under the worst case: many entries with one home, and holes in every place.
#include "storage/index/sub_table.hpp"

#include <doctest/doctest.h>

#include <array>
#include <vector>

#include "storage/base/prng.hpp"

namespace troupe::tests {
namespace {

using index::slot;
using index::sub_table;

struct owned {
  explicit owned(sub_table made) : table(made) {}
  owned(const owned&) = delete;
  owned& operator=(const owned&) = delete;
  ~owned() { table.release(); }

  slot* find(const void* address, std::uint32_t tag) {
    for (std::uint32_t at = table.home(tag);; at = table.after(at)) {
      index::bucket& here = table.buckets()[at];
      for (slot& word : here.slots)
        if (word != 0 && index::address_of(word) == address) return &word;
      if (!here.full()) return nullptr;
    }
  }

  sub_table table;
};

struct alignas(16) dummy {
  std::uint64_t number;
};

TEST_CASE("entries that share a home are found whichever of them are erased first") {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    prng random(seed);
    owned t(sub_table::make(0, 5));
    std::array<dummy, 34> objects{};
    std::vector<std::pair<const void*, std::uint32_t>> present;
    for (const dummy& object : objects) {
      // Two homes only, one of them the last bucket, so that runs wrap around the end.
      const auto tag = static_cast<std::uint32_t>(random.below(2) == 0 ? 0xFFF0 : 0xD000);
      t.table.insert(index::make_slot(tag, &object, 0));
      present.emplace_back(&object, tag);
    }
    while (!present.empty()) {
      const std::size_t victim = random.below(present.size());
      t.table.erase(t.find(present[victim].first, present[victim].second));
      present.erase(present.begin() + static_cast<std::ptrdiff_t>(victim));
      CHECK(t.table.size() == present.size());
      for (const auto& [address, tag] : present) REQUIRE(t.find(address, tag) != nullptr);
    }
  }
}

TEST_CASE("first_tag is the smallest tag of its home") {
  for (const std::uint32_t buckets : {1u, 2u, 3u, 7u, 63u, 90u, 128u, 1000u}) {
    owned t(sub_table::make(3, buckets));
    for (std::uint32_t b = 0; b < buckets; ++b) {
      CHECK(t.table.home(t.table.first_tag(b)) == b);
      if (b > 0) CHECK(t.table.home(t.table.first_tag(b) - 1) == b - 1);
    }
    CHECK(t.table.first_tag(buckets) == 1u << 16);
  }
}

TEST_CASE("resizing keeps every word") {
  owned t(sub_table::make(0, 10));
  std::array<dummy, 60> objects{};
  for (std::uint32_t i = 0; i < objects.size(); ++i)
    t.table.insert(index::make_slot(i * 1000, &objects[i], i & 15));
  owned larger(t.table.resized(13));
  CHECK(larger.table.size() == 60);
  for (std::uint32_t i = 0; i < objects.size(); ++i) {
    const slot* word = larger.find(&objects[i], i * 1000);
    REQUIRE(word != nullptr);
    CHECK((*word & index::slot_mark_bits) == (i & 15));
    CHECK(index::tag_of(*word) == i * 1000);
  }
}

}  // namespace
}  // namespace troupe::tests
