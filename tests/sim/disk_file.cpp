#include "tests/sim/disk_file.hpp"

#include <fmt/format.h>

#include "storage/base/ensure.hpp"

namespace troupe::sim {

result<void> disk_file::require_open() const {
  if (generation_ == disk_.generation_) return {};
  return failure{errc::io_failed,
                 fmt::format("{} was opened before the last crash or restart", path_)};
}

result<std::size_t> disk_file::read_at(std::uint64_t offset, std::span<char> into) {
  const std::lock_guard guard(disk_.mutex_);
  TRY_VOID(require_open());
  return disk_.read(*image_, path_, offset, into);
}

result<void> disk_file::write_at(std::uint64_t offset, std::string_view bytes) {
  const std::lock_guard guard(disk_.mutex_);
  TRY_VOID(require_open());
  if (mode_ != io::access::write) {
    return failure{errc::refused, fmt::format("{} was not opened for write_at", path_)};
  }
  return disk_.write(*image_, path_, offset, bytes, promise::none);
}

result<void> disk_file::check_commit(std::uint64_t offset, std::string_view bytes) const {
  TRY_VOID(require_open());
  if (mode_ == io::access::read) {
    return failure{errc::refused, fmt::format("{} was opened for reading only", path_)};
  }
  if (mode_ == io::access::commit) {
    const std::uint64_t step = alignment();
    ENSURE(offset % step == 0 && bytes.size() % step == 0);
    ENSURE(reinterpret_cast<std::uintptr_t>(bytes.data()) % step == 0);
    if (offset + bytes.size() > image_->size()) {
      return failure{errc::io_failed, fmt::format("{} has no place for {} bytes at {}", path_,
                                                  bytes.size(), offset)};
    }
  }
  return {};
}

result<void> disk_file::commit_at(std::uint64_t offset, std::string_view bytes) {
  const std::lock_guard guard(disk_.mutex_);
  TRY_VOID(check_commit(offset, bytes));
  return disk_.write(*image_, path_, offset, bytes, promise::durable);
}

result<void> disk_file::sync_data() {
  const std::lock_guard guard(disk_.mutex_);
  TRY_VOID(require_open());
  return disk_.sync(*image_, path_);
}

result<std::uint64_t> disk_file::size() {
  const std::lock_guard guard(disk_.mutex_);
  TRY_VOID(require_open());
  return image_->size();
}

disk_lock::~disk_lock() {
  const std::lock_guard guard(disk_.mutex_);
  if (generation_ == disk_.generation_) disk_.locks_.erase(directory_);
}

}  // namespace troupe::sim
