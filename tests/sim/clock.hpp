// Time stepped by hand. The wall clock can jump, the monotonic clock cannot.
#pragma once

#include <chrono>
#include <cstdint>

#include "storage/base/clock.hpp"

namespace troupe::sim {

/// Stands still until told otherwise. One owner, one thread.
class clock final : public troupe::clock {
 public:
  /// An arbitrary instant of the year 2033, so that a test notices when real time leaks in.
  static constexpr std::int64_t start_wall_ms = 2'000'000'000'000;

  clock() = default;
  explicit clock(std::chrono::milliseconds wall) : wall_us_(wall.count() * 1000) {}

  [[nodiscard]] std::int64_t wall_ms() const override { return wall_us_ / 1000; }
  [[nodiscard]] std::int64_t wall_us() const override { return wall_us_; }
  [[nodiscard]] std::uint64_t monotonic_us() const override { return monotonic_us_; }

  /// Time passes on both clocks. Precondition: `time` is not negative.
  void advance(std::chrono::microseconds time) {
    wall_us_ += time.count();
    monotonic_us_ += static_cast<std::uint64_t>(time.count());
  }
  /// Somebody sets the wall clock, forward or back; no time passes.
  void jump_wall(std::chrono::milliseconds by) { wall_us_ += by.count() * 1000; }

 private:
  std::int64_t wall_us_ = start_wall_ms * 1000;
  std::uint64_t monotonic_us_ = 1'000'000;
};

}  // namespace troupe::sim
