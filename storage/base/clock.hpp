// Time as the cores see it. Real in the node, stepped by hand in tests and simulations.
#pragma once

#include <cstdint>

namespace troupe {

/// Source of time. Implementations are used from one thread at a time unless they say otherwise.
class clock {
 public:
  virtual ~clock() = default;
  /// Milliseconds since the Unix epoch; may jump in either direction.
  [[nodiscard]] virtual std::int64_t wall_ms() const = 0;
  /// The same in microseconds.
  [[nodiscard]] virtual std::int64_t wall_us() const = 0;
  /// Microseconds since an arbitrary start; never goes back.
  [[nodiscard]] virtual std::uint64_t monotonic_us() const = 0;
};

/// The operating system's clocks. Stateless: safe from any thread.
class system_clock final : public clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override;
  [[nodiscard]] std::int64_t wall_us() const override;
  [[nodiscard]] std::uint64_t monotonic_us() const override;
};

}  // namespace troupe
