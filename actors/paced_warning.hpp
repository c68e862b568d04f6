// paced_warning: when to say in the log that something goes on failing: at once, then every ten
// seconds with how often it failed meanwhile, instead of a line for each time.
//
// Place: actors, CAF-free; owned by whoever retries, on its thread.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

namespace troupe::actors {

class paced_warning {
 public:
  static constexpr std::uint64_t interval_us = 10'000'000;

  /// It failed (again). How often since the last line, this time included, if a line is due.
  [[nodiscard]] std::optional<std::uint64_t> failed(std::uint64_t now_us) noexcept {
    ++failures_;
    if (said_us_ && now_us - *said_us_ < interval_us) return std::nullopt;
    said_us_ = now_us;
    return std::exchange(failures_, 0);
  }

 private:
  std::optional<std::uint64_t> said_us_;
  std::uint64_t failures_ = 0;
};

}  // namespace troupe::actors
