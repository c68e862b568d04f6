// rate_window: how fast a counter grew lately, from its values at regular intervals.
//
// Place: actors, CAF-free; owned by a gateway, on its reactor's thread.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace troupe::actors {

class rate_window {
 public:
  /// Samples that the rate is the mean of: 1.6 s at ten a second, as in Redis.
  static constexpr std::size_t samples = 16;

  /// The counter stands at `total` now. A counter that was set back starts anew.
  void sample(std::uint64_t now_us, std::uint64_t total) noexcept {
    if (total < newest().total) *this = {};
    ring_[next_ % (samples + 1)] = {now_us, total};
    ++next_;
  }
  [[nodiscard]] std::uint64_t per_second() const noexcept {
    if (next_ < 2) return 0;
    const auto& first = ring_[next_ > samples ? next_ % (samples + 1) : 0];
    const auto elapsed_us = newest().at_us - first.at_us;
    if (elapsed_us == 0) return 0;
    return (newest().total - first.total) * 1'000'000 / elapsed_us;
  }

 private:
  struct point {
    std::uint64_t at_us = 0, total = 0;
  };
  [[nodiscard]] const point& newest() const noexcept {
    return ring_[(next_ + samples) % (samples + 1)];
  }

  std::array<point, samples + 1> ring_{};
  std::size_t next_ = 0;
};

/// The largest value of the last one to two spans of time.
class recent_max {
 public:
  static constexpr std::uint64_t span_us = 4'000'000;

  void note(std::uint64_t now_us, std::uint64_t value) noexcept {
    if (now_us - began_us_ >= span_us) {
      before_ = now_us - began_us_ < 2 * span_us ? current_ : 0;
      current_ = 0;
      began_us_ = now_us;
    }
    if (value > current_) current_ = value;
  }
  [[nodiscard]] std::uint64_t value() const noexcept {
    return current_ > before_ ? current_ : before_;
  }

 private:
  std::uint64_t began_us_ = 0, current_ = 0, before_ = 0;
};

}  // namespace troupe::actors
