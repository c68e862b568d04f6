// round_clock: the time as it was when the reactor last looked, for everything that happens in one
// round. Saves two system clock reads per command; a round lasts far less than a millisecond.
//
// Owner: the node, one per reactor. Thread: refreshed and read on the reactor's thread; before that
// thread starts, by whoever starts it.
#pragma once

#include "storage/base/clock.hpp"

namespace troupe::runtime {

class round_clock final : public clock {
 public:
  /// `source` must outlive it.
  explicit round_clock(const clock& source) : source_(source) { refresh(); }
  void refresh() {
    wall_us_ = source_.wall_us();
    wall_ms_ = wall_us_ / 1000;
    monotonic_us_ = source_.monotonic_us();
  }
  /// The clock it looks at.
  [[nodiscard]] const clock& source() const { return source_; }
  [[nodiscard]] std::int64_t wall_ms() const override { return wall_ms_; }
  [[nodiscard]] std::int64_t wall_us() const override { return wall_us_; }
  [[nodiscard]] std::uint64_t monotonic_us() const override { return monotonic_us_; }

 private:
  const clock& source_;
  std::int64_t wall_ms_ = 0, wall_us_ = 0;
  std::uint64_t monotonic_us_ = 0;
};

}  // namespace troupe::runtime
