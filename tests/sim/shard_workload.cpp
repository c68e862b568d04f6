#include "tests/sim/shard_workload.hpp"

#include <fmt/format.h>

#include "storage/base/limits.hpp"

namespace troupe::sim {
namespace {

std::string random_key(prng& random) { return fmt::format("key{}", random.below(24)); }

std::string random_value(prng& random, value_sizes sizes) {
  std::uint64_t size = random.below(200);
  if (sizes == value_sizes::mixed && random.one_in(12)) size = random.below(100'000);
  if (sizes == value_sizes::large && random.one_in(3)) size = random.below(900'000);
  if (sizes != value_sizes::small && random.one_in(sizes == value_sizes::parts ? 4 : 150)) {
    size = limits::part_bytes_max + 1 + random.below(2'000'000);
  }
  std::string value(size, static_cast<char>('a' + random.below(26)));
  if (size >= 8) fmt::format_to(value.begin(), "{:08x}", random.next() & 0xffffffffu);
  return value;
}

std::vector<std::string> random_set(prng& random, value_sizes sizes) {
  std::vector<std::string> words{"SET", random_key(random), random_value(random, sizes)};
  switch (random.below(8)) {
    case 0: words.emplace_back("NX"); break;
    case 1: words.emplace_back("XX"); break;
    case 2: words.emplace_back("KEEPTTL"); break;
    case 3:
    case 4:
      words.emplace_back("PX");
      words.push_back(std::to_string(1 + random.below(300)));
      break;
    default: break;
  }
  return words;
}

std::vector<std::string> with_keys(prng& random, std::string name) {
  std::vector<std::string> words{std::move(name)};
  const auto count = 1 + random.below(3);
  for (std::uint64_t i = 0; i < count; ++i) words.push_back(random_key(random));
  return words;
}

}  // namespace

std::vector<std::string> random_command(prng& random, value_sizes sizes) {
  const auto key = random_key(random);
  const auto counter = fmt::format("counter{}", random.below(3));
  // What is done to large values in particular comes only where there are many of them.
  switch (random.below(sizes == value_sizes::parts ? 30 : 24)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: return random_set(random, sizes);
    case 5:
    case 6:
    case 7:
    case 8:
    case 9: return {"GET", key};
    case 10: return with_keys(random, "DEL");
    case 11: return {"APPEND", key, random_value(random, value_sizes::small)};
    case 12:
    case 13: return {"INCRBY", counter, std::to_string(random.below(100))};
    case 14: return {"PEXPIRE", key, std::to_string(random.below(300))};
    case 15: return {"PERSIST", key};
    case 16: return {"PTTL", key};
    case 17: return {"STRLEN", key};
    case 18: return with_keys(random, "MGET");
    case 19: return with_keys(random, "EXISTS");
    case 20: return {"GETDEL", key};
    case 21: return {"GET", counter};
    case 22: {
      std::vector<std::string> words{"MSET"};
      for (std::uint64_t i = 1 + random.below(4); i > 0; --i) {
        words.push_back(random_key(random));
        words.push_back(random_value(random, sizes));
      }
      return words;
    }
    case 24: return {"APPEND", key, random_value(random, value_sizes::mixed)};
    case 25: {
      const auto offset = std::to_string(random.below(4'000'000));
      return {"SETRANGE", key, offset, random_value(random, value_sizes::mixed)};
    }
    case 26: {
      const auto from = random.below(3'000'000);
      const auto last = from + random.below(2'000'000);
      return {"GETRANGE", key, std::to_string(from), std::to_string(last)};
    }
    case 27: return {"COPY", key, random_key(random), "REPLACE"};
    case 28: return {"RENAME", key, random_key(random)};
    default:
      if (random.one_in(20)) return {"FLUSHALL"};
      return {"GET", key};
  }
}

}  // namespace troupe::sim
