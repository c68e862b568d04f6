#include <chrono>

#include "storage/base/clock.hpp"

namespace troupe {

std::int64_t system_clock::wall_ms() const { return wall_us() / 1000; }

std::int64_t system_clock::wall_us() const {
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(since_epoch).count();
}

std::uint64_t system_clock::monotonic_us() const {
  const auto since_start = std::chrono::steady_clock::now().time_since_epoch();
  const auto us = std::chrono::duration_cast<std::chrono::microseconds>(since_start).count();
  return static_cast<std::uint64_t>(us);
}

}  // namespace troupe
