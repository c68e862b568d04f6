// client_places: how many clients the node has, over all gateways.
//
// Place: actors, CAF-free; one per node, owned by run_node, used by every gateway from its own
// thread. It is the one thing that gateways share: which of them the kernel gives a connection to
// is chance, so a bound kept by each for itself would refuse clients below maxclients or admit them
// above. The counter is touched when a client comes and when it goes, never by a command.
// Invariant: never more than `most` places are taken by take(most), whoever asks at the same time.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <utility>

#include "storage/base/limits.hpp"

namespace troupe::actors {

class client_places {
 public:
  /// One client's place; given back when it is destroyed.
  class place {
   public:
    explicit place(client_places& from) noexcept : from_(&from) {}
    place(place&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    place& operator=(place&& other) noexcept {
      std::swap(from_, other.from_);
      return *this;
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() {
      if (from_ != nullptr) from_->taken_.fetch_sub(1, std::memory_order_relaxed);
    }

   private:
    client_places* from_;
  };

  /// `capacity`: places that there can be at all, whatever is set.
  explicit client_places(std::uint32_t capacity = limits::clients_max) noexcept
      : capacity_(capacity) {}
  client_places(const client_places&) = delete;
  client_places& operator=(const client_places&) = delete;

  /// A place, unless `most` are taken.
  [[nodiscard]] std::optional<place> take(std::uint32_t most) noexcept {
    auto taken = taken_.load(std::memory_order_relaxed);
    do {
      if (taken >= most) return std::nullopt;
    } while (!taken_.compare_exchange_weak(taken, taken + 1, std::memory_order_relaxed));
    return place(*this);
  }
  [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }
  [[nodiscard]] std::uint32_t taken() const noexcept {
    return taken_.load(std::memory_order_relaxed);
  }

 private:
  const std::uint32_t capacity_;
  std::atomic<std::uint32_t> taken_{0};
};

}  // namespace troupe::actors
