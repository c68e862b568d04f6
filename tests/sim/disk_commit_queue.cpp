#include "tests/sim/disk_commit_queue.hpp"

#include <sys/eventfd.h>
#include <unistd.h>

#include <utility>

#include "storage/base/ensure.hpp"
#include "tests/sim/disk_file.hpp"

namespace troupe::sim {

disk_commit_queue::disk_commit_queue(disk& owner)
    : disk_(owner), readable_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  ENSURE(readable_ >= 0);
}

disk_commit_queue::~disk_commit_queue() {
  {
    const std::lock_guard guard(disk_.mutex_);
    end();
    disk_.queues_.erase(this);
  }
  ::close(readable_);
}

result<void> disk_commit_queue::begin(io::file& into, std::uint64_t offset,
                                      std::string_view bytes) {
  const std::lock_guard guard(disk_.mutex_);
  ENSURE(!under_way_ && !ended_);
  auto& file = static_cast<disk_file&>(into);
  ENSURE(&file.disk_ == &disk_ && file.mode_ == io::access::commit);
  TRY_VOID(file.check_commit(offset, bytes));
  const auto fault = disk_.write_faults_.find(disk_.write_points_ + 1);
  const bool lies = fault != disk_.write_faults_.end() &&
                    (fault->second == write_fault::lose || fault->second == write_fault::forget);
  // Not promised before it ends: a crash until then leaves any of its blocks.
  auto outcome = disk_.write(*file.image_, file.path_, offset, bytes, promise::none);
  under_way_ = commit{file.image_,
                      offset,
                      bytes,
                      std::string(bytes),
                      disk_.generation_,
                      std::move(outcome),
                      lies ? kept::perhaps : kept::surely};
  return {};
}

bool disk_commit_queue::end() {
  if (!under_way_) return false;
  auto done = std::move(*under_way_);
  under_way_.reset();
  ENSURE(done.bytes == done.copy);
  if (done.outcome && done.generation != disk_.generation_) {
    done.outcome = failure{errc::io_failed, "the simulated machine lost power during a commit"};
  } else if (done.outcome && done.blocks == kept::surely) {
    done.image->write(done.offset, done.copy, promise::durable);
  }
  ended_ = std::move(done.outcome);
  ENSURE(::eventfd_write(readable_, 1) == 0);
  return true;
}

std::optional<result<void>> disk_commit_queue::finished() {
  const std::lock_guard guard(disk_.mutex_);
  if (!ended_) return std::nullopt;
  eventfd_t ignored = 0;
  ENSURE(::eventfd_read(readable_, &ignored) == 0);
  return std::exchange(ended_, std::nullopt);
}

}  // namespace troupe::sim
