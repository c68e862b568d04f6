#include "storage/io/posix_commit_queue.hpp"

#include <fmt/format.h>
#include <liburing.h>

#include <cerrno>
#include <optional>
#include <string>

#include "storage/base/ensure.hpp"
#include "storage/io/posix_file.hpp"

namespace troupe::io {
namespace {

/// Writes under way are one; a ring of one would do, the kernel rounds up.
constexpr unsigned ring_entries = 2;

class posix_commit_queue final : public commit_queue {
 public:
  posix_commit_queue() = default;
  ~posix_commit_queue() override {
    if (!opened_) return;
    while (rest_) {
      io_uring_cqe* ended = nullptr;
      const int failed = ::io_uring_wait_cqe(&ring_, &ended);
      // Nothing else can go wrong, and to go on would give away memory that the kernel reads.
      ENSURE(failed == 0 || failed == -EINTR);
      if (failed == 0) static_cast<void>(finished());
    }
    ::io_uring_queue_exit(&ring_);
  }
  posix_commit_queue(const posix_commit_queue&) = delete;
  posix_commit_queue& operator=(const posix_commit_queue&) = delete;

  result<void> open() {
    // An end is told when the thread next enters the kernel anyway, instead of interrupting it.
    // Kernels before 5.19 do not know the flag.
    int failed = ::io_uring_queue_init(ring_entries, &ring_, IORING_SETUP_COOP_TASKRUN);
    if (failed == -EINVAL) failed = ::io_uring_queue_init(ring_entries, &ring_, 0);
    if (failed != 0) {
      return failure{errc::refused, os_error("the kernel gives no io_uring", -failed).message};
    }
    opened_ = true;
    return {};
  }

  result<void> begin(file& into, std::uint64_t offset, std::string_view bytes) override {
    ENSURE(!rest_);
    TRY(const direct_target target, target_of_commit(into, offset, bytes));
    rest_ = unwritten{target, offset, bytes};
    if (auto sent = submit(); !sent) {
      rest_.reset();
      return sent;
    }
    return {};
  }

  std::optional<result<void>> finished() override {
    io_uring_cqe* ended = nullptr;
    if (!rest_ || ::io_uring_peek_cqe(&ring_, &ended) != 0) return std::nullopt;
    const int count = ended->res;
    ::io_uring_cqe_seen(&ring_, ended);
    auto outcome = advance(count);
    if (outcome) rest_.reset();
    return outcome;
  }

  [[nodiscard]] int descriptor() const override { return ring_.ring_fd; }

 private:
  /// What is not yet written of the commit under way; the rest of it is.
  struct unwritten {
    direct_target target;
    std::uint64_t offset;
    std::string_view bytes;
  };

  /// What one write of `count` bytes (or -errno) means; nothing if the rest is under way.
  std::optional<result<void>> advance(int count) {
    const auto what = [this] {
      return fmt::format("cannot write {} at {}", rest_->target.path, rest_->offset);
    };
    if (count < 0 && count != -EINTR) return os_error(what(), -count);
    if (count >= 0) {
      auto written = static_cast<std::size_t>(count);
      if (written < rest_->bytes.size()) written &= ~std::size_t{rest_->target.alignment - 1};
      if (written == 0) return failure{errc::io_failed, what() + ": the system wrote nothing"};
      rest_->offset += written;
      rest_->bytes.remove_prefix(written);
      if (rest_->bytes.empty()) return result<void>{};
    }
    if (auto sent = submit(); !sent) return sent;
    return std::nullopt;
  }

  result<void> submit() {
    io_uring_sqe* const entry = ::io_uring_get_sqe(&ring_);
    ENSURE(entry != nullptr);  // invariant 3
    ::io_uring_prep_write(entry, rest_->target.descriptor, rest_->bytes.data(),
                          static_cast<unsigned>(rest_->bytes.size()), rest_->offset);
    int sent = 0;
    do {
      sent = ::io_uring_submit(&ring_);
    } while (sent == -EINTR);
    if (sent == 1) return {};
    // The entry stays in the ring, unseen by the kernel: after a failed write there is no next one.
    return os_error(fmt::format("cannot begin a write of {}", rest_->target.path),
                    sent < 0 ? -sent : EAGAIN);
  }

  io_uring ring_{};
  bool opened_ = false;
  std::optional<unwritten> rest_;  // nothing = nothing is under way
};

}  // namespace

result<std::unique_ptr<commit_queue>> make_posix_commit_queue() {
  auto made = std::make_unique<posix_commit_queue>();
  TRY_VOID(made->open());
  return std::unique_ptr<commit_queue>(std::move(made));
}

}  // namespace troupe::io
