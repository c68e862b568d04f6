#include "tests/sim/seeds.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>

#include "storage/base/ensure.hpp"

namespace troupe::sim {

bool is_full() {
  const char* depth = std::getenv("TROUPE_TEST_DEPTH");
  return depth != nullptr && std::string_view(depth) == "full";
}

std::uint64_t first_seed() {
  const char* seed = std::getenv("TROUPE_TEST_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : 1;
}

seed_range::seed_range(std::uint64_t quick, std::uint64_t full)
    : first_(first_seed()), end_(first_ + (is_full() ? full : quick)) {
  fmt::print("seeds {} to {}\n", first_, end_ - 1);
}

seed_range::~seed_range() { fmt::print("seeds {} to {}\n", first_, end_ - 1); }

std::vector<recorded_seed> recorded_seeds(std::string_view simulation) {
  std::ifstream file(SEEDS_FILE);
  ENSURE(file.is_open());
  std::vector<recorded_seed> found;
  for (std::string line; std::getline(file, line);) {
    std::istringstream words(line);
    std::string name;
    recorded_seed entry{};
    if (words >> name >> entry.seed >> entry.write_point && name == simulation) {
      found.push_back(entry);
    }
  }
  ENSURE(!found.empty());
  return found;
}

}  // namespace troupe::sim
