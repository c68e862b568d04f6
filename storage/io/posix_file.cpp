#include "storage/io/posix_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "storage/base/ensure.hpp"
#include "storage/io/posix_descriptor.hpp"
#include "storage/io/posix_direct.hpp"
#include "storage/io/posix_transfer.hpp"

namespace troupe::io {

namespace {

/// What commit_at wants where it goes through the page cache: a frame needs no more padding then.
constexpr std::uint32_t buffered_alignment = 512;

result<void> write_all(const posix_descriptor& descriptor, const std::string& path,
                       std::uint64_t offset, std::string_view bytes, std::uint64_t step) {
  return write_fully(path, offset, bytes, step,
                     [&](const char* data, std::size_t size, std::uint64_t at) {
                       return ::pwrite(descriptor.number(), data, size, static_cast<off_t>(at));
                     });
}

class posix_file final : public file {
 public:
  posix_file(std::string path, access mode, posix_descriptor cached)
      : path_(std::move(path)), mode_(mode), cached_(std::move(cached)) {}

  /// Commits go out by `direct`, opened with O_DSYNC too, from now on.
  void commit_by(direct_descriptor direct) { direct_ = std::move(direct); }

  result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override {
    return read_fully(path_, offset, into, [&](char* data, std::size_t size, std::uint64_t at) {
      return ::pread(cached_.number(), data, size, static_cast<off_t>(at));
    });
  }

  result<void> write_at(std::uint64_t offset, std::string_view bytes) override {
    if (mode_ != access::write) {
      return failure{errc::refused, fmt::format("{} was not opened for write_at", path_)};
    }
    return write_all(cached_, path_, offset, bytes, 1);
  }

  result<void> commit_at(std::uint64_t offset, std::string_view bytes) override {
    if (mode_ == access::read) {
      return failure{errc::refused, fmt::format("{} was opened for reading only", path_)};
    }
    if (mode_ == access::commit) TRY_VOID(check_commit(offset, bytes));
    if (direct_) return write_all(direct_->descriptor, path_, offset, bytes, alignment());
    TRY_VOID(write_all(cached_, path_, offset, bytes, 1));
    return sync_descriptor(cached_, path_);
  }

  result<void> sync_data() override { return sync_descriptor(cached_, path_); }
  [[nodiscard]] result<std::uint64_t> size() override { return size_of(cached_, path_); }
  [[nodiscard]] std::uint32_t alignment() const override {
    return direct_ ? direct_->alignment : buffered_alignment;
  }
  [[nodiscard]] bool direct() const override { return direct_.has_value(); }

  result<direct_target> target(std::uint64_t offset, std::string_view bytes) {
    if (mode_ != access::commit || !direct_) {
      return failure{errc::refused, fmt::format("{} is not written directly", path_)};
    }
    TRY_VOID(check_commit(offset, bytes));
    return direct_target{direct_->descriptor.number(), direct_->alignment, path_};
  }

 private:
  result<void> check_commit(std::uint64_t offset, std::string_view bytes) {
    const std::uint64_t step = alignment();
    ENSURE(offset % step == 0 && bytes.size() % step == 0);
    ENSURE(reinterpret_cast<std::uintptr_t>(bytes.data()) % step == 0);
    TRY(const auto allocated, size());
    if (offset + bytes.size() <= allocated) return {};
    return failure{errc::io_failed,
                   fmt::format("{} has been cut to {} bytes: no place for {} at {}", path_,
                               allocated, bytes.size(), offset)};
  }

  const std::string path_;
  const access mode_;
  posix_descriptor cached_;
  std::optional<direct_descriptor> direct_;
};

}  // namespace

result<std::unique_ptr<file>> open_posix_file(const std::string& path, access mode,
                                              direct_io commits) {
  auto flags = O_RDONLY;
  if (mode == access::write) flags = O_RDWR | O_CREAT;
  if (mode == access::commit) flags = O_RDWR;
  TRY(auto cached, open_descriptor(path, flags, "open"));
  auto opened = std::make_unique<posix_file>(path, mode, std::move(cached));
  if (mode == access::commit && commits == direct_io::where_possible) {
    TRY(auto direct, open_direct(path, O_RDWR | O_DSYNC));
    if (direct) opened->commit_by(std::move(*direct));
  }
  return std::unique_ptr<file>(std::move(opened));
}

result<direct_target> target_of_commit(file& into, std::uint64_t offset, std::string_view bytes) {
  return static_cast<posix_file&>(into).target(offset, bytes);
}

}  // namespace troupe::io
