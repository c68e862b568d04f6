// Which seeds a simulation runs: a range from the environment, and recorded ones.
//
// TROUPE_TEST_SEED=n starts the range there, TROUPE_TEST_DEPTH=full makes it long. Recorded seeds
// stand in seeds.txt, one a line: the name of the simulation, the seed, the write point, and why.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace troupe::sim {

/// Whether tests are asked for their exhaustive form.
[[nodiscard]] bool is_full();
[[nodiscard]] std::uint64_t first_seed();

/// The seeds of a test. They are the first and the last line it prints.
class seed_range {
 public:
  /// So many seeds, in the short and in the exhaustive form.
  seed_range(std::uint64_t quick, std::uint64_t full);
  ~seed_range();
  seed_range(const seed_range&) = delete;
  seed_range& operator=(const seed_range&) = delete;
  [[nodiscard]] std::uint64_t first() const { return first_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }

 private:
  std::uint64_t first_;
  std::uint64_t end_;
};

/// A life with a crash or a fault at one write point.
struct recorded_seed {
  std::uint64_t seed;
  std::uint64_t write_point;
};

/// What seeds.txt says for a simulation; it must say something.
[[nodiscard]] std::vector<recorded_seed> recorded_seeds(std::string_view simulation);

}  // namespace troupe::sim
