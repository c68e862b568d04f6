// Random operations on the store, with expiry, large values, batches, evictions, crashes and
// reopening, against a std::map.
//
// The model holds what a client may see. Values below a crash that was not committed are undone in
// the model by going back to the copy taken at the last commit.
#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "tests/storage/kv/store_world.hpp"

// After doctest: RapidCheck does not undefine its macros.
#include <rapidcheck.h>

namespace troupe::tests {
namespace {

struct model_value {
  std::string value;
  std::int64_t deadline_ms = 0;
};
using model_map = std::map<std::string, model_value>;

struct property_world {
  explicit property_world(std::uint64_t memory_bytes)
      : world({.memory_bytes = memory_bytes, .spares = 4000}) {}

  store_world world;
  model_map model;
  model_map committed;

  void drop_expired() {
    const std::int64_t now = world.tail->now_ms(world.time.wall_ms());
    const auto drop = [now](model_map& of) {
      std::erase_if(of, [now](const auto& item) {
        return item.second.deadline_ms != 0 && item.second.deadline_ms < now;
      });
    };
    drop(model);
    drop(committed);
  }

  void commit() {
    world.commit();
    committed = model;
  }

  void check_key(const std::string& key) {
    const auto expected = model.find(key);
    const kv::found seen = world.peek(key);
    RC_ASSERT((seen.state == kv::presence::present) == (expected != model.end()));
    if (expected != model.end()) {
      RC_ASSERT(seen.value_size == expected->second.value.size());
      RC_ASSERT(seen.deadline_ms == expected->second.deadline_ms);
    }
  }

  void check_value(const std::string& key) {
    const auto expected = model.find(key);
    RC_ASSERT(world.get(key) == (expected == model.end() ? "(absent)" : expected->second.value));
  }

  void check_all() {
    std::set<std::string> seen;
    std::uint64_t cursor = 0;
    world.kv->begin_command(durability::durable);
    do {
      cursor = world.kv->scan(cursor, 5,
                              [&](std::string_view key) { RC_ASSERT(seen.emplace(key).second); });
    } while (cursor != 0);
    RC_ASSERT(seen.size() == model.size());
    for (const auto& [key, value] : model) {
      RC_ASSERT(seen.contains(key));
      check_value(key);
    }
    RC_ASSERT(world.kv->size() >= model.size());
  }
};

std::string some_key() { return "key" + std::to_string(*rc::gen::inRange(0, 40)); }

std::string some_value() {
  const int kind = *rc::gen::weightedElement<int>({{40, 0}, {20, 1}, {20, 2}, {1, 3}});
  std::size_t size = 8;
  if (kind == 1) size = *rc::gen::inRange<std::size_t>(0, 200);
  if (kind == 2) size = *rc::gen::inRange<std::size_t>(0, 20'000);
  if (kind == 3) size = *rc::gen::inRange<std::size_t>(1 << 20, 3 << 20);
  return std::string(size, *rc::gen::inRange('a', 'z'));
}

// A large value out of another one's parts, or its own, and new bytes.
void splice_something(property_world& p, const std::string& key) {
  const auto source = std::ranges::find_if(
      p.model, [](const auto& item) { return item.second.value.size() > limits::part_bytes_max; });
  if (source == p.model.end()) return;
  kv::store& store = *p.world.kv;
  store.begin_command(durability::durable);
  const auto parts = store.parts_of(source->first, store.hash(source->first)).parts;
  std::vector<std::string> contents;
  std::size_t begin = 0;
  for (const auto& part : parts) {
    contents.push_back(source->second.value.substr(begin, part.value_size));
    begin += part.value_size;
  }
  const std::string fresh(*rc::gen::inRange<std::size_t>(100'000, 1 << 20), 'n');
  std::vector<kv::value_piece> pieces;
  std::string expected;
  while (expected.size() <= limits::part_bytes_max || *rc::gen::inRange(0, 2) > 0) {
    const auto times = *rc::gen::inRange<std::uint32_t>(1, 3);
    const auto chosen = *rc::gen::inRange<std::size_t>(0, parts.size() + 1);
    kv::value_piece piece{.bytes = fresh, .times = times};
    if (chosen < parts.size()) piece.part = parts[chosen];
    pieces.push_back(piece);
    for (std::uint32_t i = 0; i < times; ++i) {
      expected += chosen < parts.size() ? contents[chosen] : fresh;
    }
  }
  RC_ASSERT(store.put_pieces(key, store.hash(key), pieces, 0).has_value());
  p.model[key] = {expected, 0};
}

void write_something(property_world& p) {
  const std::string key = some_key();
  const std::int64_t now = p.world.tail->now_ms(p.world.time.wall_ms());
  const std::int64_t deadline = now + *rc::gen::inRange<std::int64_t>(1, 200);
  switch (*rc::gen::inRange(0, 9)) {
    case 0:
    case 1:
    case 2: {
      const std::string value = some_value();
      p.world.set(key, value);
      p.model[key] = {value, 0};
      break;
    }
    case 3: {
      const std::string value = some_value();
      p.world.set(key, value, deadline);
      p.model[key] = {value, deadline};
      break;
    }
    case 4: RC_ASSERT(p.world.del(key) == (p.model.erase(key) == 1)); break;
    case 5: {
      const auto at = p.model.find(key);
      RC_ASSERT(p.world.expire(key, deadline) == (at != p.model.end()));
      if (at != p.model.end()) at->second.deadline_ms = deadline;
      break;
    }
    case 6: {
      const auto at = p.model.find(key);
      const bool has = at != p.model.end() && at->second.deadline_ms != 0;
      RC_ASSERT(p.world.expire(key, 0) == has);
      if (has) at->second.deadline_ms = 0;
      break;
    }
    case 7: splice_something(p, key); break;
    default:
      if (*rc::gen::inRange(0, 20) == 0) {
        p.world.flush();
        p.model.clear();
      }
      break;
  }
}

void step(property_world& p) {
  switch (*rc::gen::inRange(0, 16)) {
    case 0: p.commit(); break;
    case 1: p.world.kv->evict_some(1000); break;
    case 2: p.world.time.advance(std::chrono::milliseconds(*rc::gen::inRange(0, 100))); break;
    case 3: p.world.time.jump_wall(std::chrono::milliseconds(*rc::gen::inRange(-100, 100))); break;
    case 4: p.world.kv->sweep(*rc::gen::inRange<std::size_t>(1, 100)); break;
    case 5: p.world.kv->release_some(10); break;
    case 6: {
      p.world.kv->begin_batch();
      const int count = *rc::gen::inRange(0, 5);
      for (int i = 0; i < count; ++i) write_something(p);
      p.world.kv->end_batch();
      break;
    }
    case 7: p.check_value(some_key()); break;
    case 8:
      if (*rc::gen::inRange(0, 4) == 0) {
        if (*rc::gen::arbitrary<bool>()) p.commit();
        p.world.reopen();
        p.model = p.committed;
        p.drop_expired();
        p.check_all();
      }
      break;
    default: write_something(p); break;
  }
  p.drop_expired();
  p.check_key(some_key());
}

TEST_CASE("the store does what a map does, whatever is evicted, expired, crashed and reopened") {
  const bool held = rc::check([] {
    const std::uint64_t memory =
        *rc::gen::element<std::uint64_t>(0, 500, 20'000, 1'000'000, 1ull << 30);
    property_world p(memory);
    const int steps = *rc::gen::inRange(1, 400);
    for (int i = 0; i < steps; ++i) step(p);
    p.check_all();
    p.commit();
    p.world.reopen();
    p.drop_expired();
    p.check_all();
  });
  CHECK(held);
}

}  // namespace
}  // namespace troupe::tests
