#include "storage/log/group_commit.hpp"

#include "storage/base/ensure.hpp"
#include "storage/base/limits.hpp"

namespace troupe::log {
namespace {

constexpr std::uint64_t memory_age_us = std::uint64_t{limits::memory_frame_age_ms} * 1000;

}  // namespace

void group_commit::on_append(durability level, std::size_t bytes, std::uint64_t now_us) noexcept {
  if (bytes_ == 0) oldest_us_ = now_us;
  bytes_ += bytes;
  if (level != durability::memory) urgent_ = true;
}

void group_commit::on_demand() noexcept { urgent_ = true; }

bool group_commit::should_send(std::uint64_t now_us) const noexcept {
  if (in_flight_ || bytes_ == 0) return false;
  return urgent_ || bytes_ >= limits::memory_frame_bytes || now_us >= oldest_us_ + memory_age_us;
}

void group_commit::on_sent(std::size_t bytes_left) noexcept {
  ENSURE(!in_flight_);
  in_flight_ = true;
  bytes_ = bytes_left;
  if (bytes_left == 0) urgent_ = false;
}

void group_commit::on_committed() noexcept {
  ENSURE(in_flight_);
  in_flight_ = false;
}

std::optional<std::uint64_t> group_commit::next_deadline_us() const noexcept {
  if (in_flight_ || bytes_ == 0 || urgent_ || bytes_ >= limits::memory_frame_bytes) {
    return std::nullopt;
  }
  return oldest_us_ + memory_age_us;
}

}  // namespace troupe::log
