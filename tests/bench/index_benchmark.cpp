// The store's hot path: find and put of 16-byte keys and 100-byte values, as pipelined commands
// arrive (all prefetched before the first is run), and a whole scan.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/base/prng.hpp"
#include "storage/kv/store.hpp"

namespace troupe::tests {
namespace {

constexpr std::size_t pipeline = 16;
constexpr std::size_t value_size = 100;

// A store of `count` keys whose frames are thrown away as soon as they are closed.
class filled_store {
 public:
  explicit filled_store(std::uint64_t count) : count_(count) {
    std::vector<log::prepared_segment> spares;
    for (std::uint32_t i = 0; i < 4096; ++i) spares.push_back({use_id{i + 1ull}, i});
    tail_ = std::make_unique<log::log_tail>(
        log::log_start{.geometry = {.segment_bytes = 1ull << 30}}, spares);
    kv_ = std::make_unique<kv::store>(kv::store_options{.hash_seed = 1, .memory_bytes = 8ull << 30},
                                      *tail_, time_);
    const std::string value(value_size, 'v');
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::string key = key_of(i);
      kv_->begin_command(durability::memory);
      if (!kv_->put(key, kv_->hash(key), value, 0)) std::abort();
      if (i % 1000 == 0) commit();
    }
    commit();
  }

  static std::string key_of(std::uint64_t i) {
    std::string digits = std::to_string(i);
    return "key:" + std::string(12 - digits.size(), '0') + digits;
  }

  /// The keys of one round of pipelined commands.
  void choose(std::vector<std::string>& keys) {
    keys.clear();
    for (std::size_t i = 0; i < pipeline; ++i) keys.push_back(key_of(random_.below(count_)));
  }
  void prefetch(const std::vector<std::string>& keys, std::vector<key_hash>& hashes) {
    hashes.clear();
    for (const std::string& key : keys) {
      hashes.push_back(kv_->hash(key));
      kv_->prefetch_bucket(hashes.back());
    }
    for (const key_hash hash : hashes) kv_->prefetch_entry(hash);
  }
  void commit() {
    while (auto frame = tail_->take_frame(0)) tail_->recycle(std::move(frame->payload));
    kv_->on_durable(tail_->appended());
  }
  kv::store& kv() { return *kv_; }

 private:
  std::uint64_t count_;
  system_clock time_;
  prng random_{99};
  std::unique_ptr<log::log_tail> tail_;
  std::unique_ptr<kv::store> kv_;
};

// One store per size, kept over all benchmarks of that size.
filled_store& store_of(std::uint64_t count) {
  static std::uint64_t size = 0;
  static std::unique_ptr<filled_store> kept;
  if (size != count) {
    kept.reset();
    kept = std::make_unique<filled_store>(count);
    size = count;
  }
  return *kept;
}

void find_pipelined(benchmark::State& state) {
  filled_store& filled = store_of(static_cast<std::uint64_t>(state.range(0)));
  std::vector<std::vector<std::string>> rounds(4096);
  for (auto& keys : rounds) filled.choose(keys);
  std::vector<key_hash> hashes;
  std::size_t round = 0;
  for (auto _ : state) {
    const auto& keys = rounds[round++ % rounds.size()];
    filled.prefetch(keys, hashes);
    for (std::size_t i = 0; i < pipeline; ++i) {
      filled.kv().begin_command(durability::memory);
      benchmark::DoNotOptimize(filled.kv().find(keys[i], hashes[i]).value.data());
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(pipeline));
}

void put_pipelined(benchmark::State& state) {
  filled_store& filled = store_of(static_cast<std::uint64_t>(state.range(0)));
  std::vector<std::vector<std::string>> rounds(4096);
  for (auto& keys : rounds) filled.choose(keys);
  std::vector<key_hash> hashes;
  const std::string value(value_size, 'w');
  std::size_t round = 0;
  for (auto _ : state) {
    const auto& keys = rounds[round++ % rounds.size()];
    filled.prefetch(keys, hashes);
    for (std::size_t i = 0; i < pipeline; ++i) {
      filled.kv().begin_command(durability::memory);
      if (!filled.kv().put(keys[i], hashes[i], value, 0)) state.SkipWithError("the log is full");
    }
    if (round % 64 == 0) filled.commit();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(pipeline));
}

void find_alone(benchmark::State& state) {
  filled_store& filled = store_of(static_cast<std::uint64_t>(state.range(0)));
  std::vector<std::string> keys;
  for (int i = 0; i < 4096; ++i) {
    std::vector<std::string> some;
    filled.choose(some);
    keys.insert(keys.end(), some.begin(), some.end());
  }
  std::size_t next = 0;
  for (auto _ : state) {
    const std::string& key = keys[next++ % keys.size()];
    filled.kv().begin_command(durability::memory);
    benchmark::DoNotOptimize(filled.kv().find(key, filled.kv().hash(key)).value.data());
  }
  state.SetItemsProcessed(state.iterations());
}

void scan_all(benchmark::State& state) {
  filled_store& filled = store_of(static_cast<std::uint64_t>(state.range(0)));
  std::int64_t seen = 0;
  for (auto _ : state) {
    std::uint64_t cursor = 0;
    do {
      cursor = filled.kv().scan(cursor, 100, [&seen](std::string_view) { ++seen; });
    } while (cursor != 0);
  }
  state.SetItemsProcessed(seen);
}

// Sizes in the outer order, so that each store is filled once.
const int registered = [] {
  for (const std::int64_t count : {100'000, 1'000'000, 2'000'000}) {
    benchmark::RegisterBenchmark("find_pipelined", find_pipelined)->Arg(count);
    benchmark::RegisterBenchmark("find_alone", find_alone)->Arg(count);
    benchmark::RegisterBenchmark("put_pipelined", put_pipelined)->Arg(count);
    benchmark::RegisterBenchmark("scan_all", scan_all)->Arg(count);
  }
  return 0;
}();

}  // namespace
}  // namespace troupe::tests

BENCHMARK_MAIN();
