// How many unproved connections a listener has: a bound over what strangers together can hold.
//
// Place: replication/link; owned by the listener, on its thread. A connection has a place from
// accept until its link is open or gone; one that gets none is closed as `busy`.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "storage/base/ensure.hpp"
#include "storage/base/limits.hpp"

namespace troupe::link {

class unproved_places {
 public:
  /// One connection's place; given back when it is destroyed. The places must outlive it.
  class place {
   public:
    place(place&& other) noexcept : from_(std::exchange(other.from_, nullptr)) {}
    place& operator=(place&& other) noexcept {
      std::swap(from_, other.from_);
      return *this;
    }
    place(const place&) = delete;
    place& operator=(const place&) = delete;
    ~place() {
      if (from_ != nullptr) --from_->taken_;
    }

   private:
    friend class unproved_places;
    explicit place(unproved_places& from) noexcept : from_(&from) {}
    unproved_places* from_;
  };

  unproved_places() = default;
  unproved_places(const unproved_places&) = delete;
  unproved_places& operator=(const unproved_places&) = delete;
  ~unproved_places() { ENSURE(taken_ == 0); }

  /// A place, unless limits::link_unproved_max are taken.
  [[nodiscard]] std::optional<place> take() noexcept {
    if (taken_ == limits::link_unproved_max) return std::nullopt;
    ++taken_;
    return place(*this);
  }
  [[nodiscard]] std::uint32_t taken() const noexcept { return taken_; }

 private:
  std::uint32_t taken_ = 0;
};

}  // namespace troupe::link
