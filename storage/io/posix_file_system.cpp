#include "storage/io/posix_file_system.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <filesystem>
#include <optional>
#include <system_error>
#include <utility>

#include "storage/io/aligned_buffer.hpp"
#include "storage/io/posix_commit_queue.hpp"
#include "storage/io/posix_descriptor.hpp"
#include "storage/io/posix_direct.hpp"
#include "storage/io/posix_file.hpp"
#include "storage/io/posix_transfer.hpp"

namespace troupe::io {

namespace {

constexpr std::size_t zero_chunk_bytes = 1 << 20;

std::string parent_of(const std::string& path) {
  const auto parent = std::filesystem::path(path).parent_path().string();
  return parent.empty() ? "." : parent;
}

result<void> write_at(const posix_descriptor& descriptor, const std::string& path,
                      std::uint64_t offset, std::string_view bytes, std::uint64_t step) {
  return write_fully(path, offset, bytes, step,
                     [&](const char* data, std::size_t size, std::uint64_t at) {
                       return ::pwrite(descriptor.number(), data, size, static_cast<off_t>(at));
                     });
}

/// Owns a flock. The file stays when the lock goes: removing it would let two processes lock two
/// different files of the same name.
class posix_lock final : public directory_lock {
 public:
  explicit posix_lock(posix_descriptor held) : held_(std::move(held)) {}

 private:
  posix_descriptor held_;
};

/// The process id in a lock file, as text; empty if there is none.
std::string holder_of(const posix_descriptor& descriptor) {
  std::array<char, 16> text{};
  const auto count = ::pread(descriptor.number(), text.data(), text.size(), 0);
  if (count <= 0) return {};
  long pid = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + count, pid);
  return parsed.ec == std::errc{} && pid > 0 ? std::to_string(pid) : std::string{};
}

class posix_file_system final : public file_system {
 public:
  explicit posix_file_system(direct_io commits) : commits_(commits) {}

  result<std::unique_ptr<file>> open(const std::string& path, access mode) override {
    return open_posix_file(path, mode, commits_);
  }

  result<void> create_zeroed(const std::string& path, std::uint64_t size) override;
  result<void> replace(const std::string& path, std::string_view bytes) override;
  result<void> rename(const std::string& from, const std::string& to) override;
  result<void> remove(const std::string& path) override;
  result<void> make_directories(const std::string& path) override;
  result<void> sync_directory(const std::string& path) override;
  result<std::vector<std::string>> list(const std::string& path) override;
  [[nodiscard]] result<bool> exists(const std::string& path) override;
  [[nodiscard]] result<std::uint64_t> link_count(const std::string& path) override;
  [[nodiscard]] result<std::uint64_t> free_bytes(const std::string& path) override;
  [[nodiscard]] result<std::unique_ptr<commit_queue>> make_commit_queue(
      const std::string& like) override;
  result<std::unique_ptr<directory_lock>> lock_directory(const std::string& path) override;

 private:
  [[nodiscard]] result<void> fill_with_zeros(const posix_descriptor& created,
                                             const std::string& path, std::uint64_t size) const;
  [[nodiscard]] static result<void> write_temporary(const std::string& path,
                                                    std::string_view bytes);

  const direct_io commits_;
};

result<void> posix_file_system::create_zeroed(const std::string& path, std::uint64_t size) {
  // Asked first, because an allocation that fails half-way takes all space from others meanwhile.
  TRY(const auto available, free_bytes(parent_of(path)));
  if (size > available) {
    return failure{errc::no_space, fmt::format("cannot create {}: it needs {} bytes, {} are free",
                                               path, size, available)};
  }
  TRY(const auto created, open_descriptor(path, O_RDWR | O_CREAT | O_EXCL, "create"));
  auto outcome = fill_with_zeros(created, path, size);
  if (!outcome) ::unlink(path.c_str());
  return outcome;
}

result<void> posix_file_system::fill_with_zeros(const posix_descriptor& created,
                                                const std::string& path, std::uint64_t size) const {
  // Keeps the file in one piece. The zeros are written all the same: the first write into
  // fallocated space would change metadata in every commit.
  if (size > 0 && ::fallocate(created.number(), 0, 0, static_cast<off_t>(size)) != 0 &&
      errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) {
    return posix_failure(fmt::format("allocate {} bytes for", size), path, errno);
  }
  std::optional<direct_descriptor> direct;
  if (commits_ == direct_io::where_possible && size % aligned_buffer::alignment == 0) {
    // Through the page cache the zeros would push everything else out of it.
    TRY(direct, open_direct(path, O_WRONLY));
  }
  const auto& target = direct ? direct->descriptor : created;
  const auto step = direct ? direct->alignment : 1;
  aligned_buffer zeros(zero_chunk_bytes);
  zeros.resize(zero_chunk_bytes);
  for (std::uint64_t done = 0; done < size;) {
    const auto piece = zeros.view().substr(0, size - done);
    TRY_VOID(write_at(target, path, done, piece, step));
    done += piece.size();
  }
  if (::fsync(created.number()) != 0) return posix_failure("sync", path, errno);
  return {};
}

result<void> posix_file_system::write_temporary(const std::string& path, std::string_view bytes) {
  TRY(const auto created, open_descriptor(path, O_WRONLY | O_CREAT | O_TRUNC, "create"));
  TRY_VOID(write_at(created, path, 0, bytes, 1));
  if (::fsync(created.number()) != 0) return posix_failure("sync", path, errno);
  return {};
}

result<void> posix_file_system::replace(const std::string& path, std::string_view bytes) {
  const auto temporary = path + ".new";
  auto outcome = write_temporary(temporary, bytes);
  if (outcome) outcome = rename(temporary, path);
  if (!outcome) {
    ::unlink(temporary.c_str());
    return outcome;
  }
  return sync_directory(parent_of(path));
}

result<void> posix_file_system::rename(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) == 0) return {};
  return os_error(fmt::format("cannot rename {} to {}", from, to), errno);
}

result<void> posix_file_system::remove(const std::string& path) {
  if (::unlink(path.c_str()) == 0) return {};
  return posix_failure("remove", path, errno);
}

result<void> posix_file_system::make_directories(const std::string& path) {
  TRY(const auto there, exists(path));
  if (!there) {
    const auto parent = parent_of(path);
    TRY_VOID(make_directories(parent));
    constexpr mode_t mode = 0750;
    if (::mkdir(path.c_str(), mode) == 0) return sync_directory(parent);
    if (errno != EEXIST) return posix_failure("create directory", path, errno);
  }
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) return posix_failure("stat", path, errno);
  if (S_ISDIR(status.st_mode)) return {};
  return posix_failure("create directory", path, ENOTDIR);
}

result<void> posix_file_system::sync_directory(const std::string& path) {
  TRY(const auto directory, open_descriptor(path, O_RDONLY | O_DIRECTORY, "open directory"));
  if (::fsync(directory.number()) == 0) return {};
  return posix_failure("sync directory", path, errno);
}

result<std::vector<std::string>> posix_file_system::list(const std::string& path) {
  std::error_code error;
  std::vector<std::string> names;
  auto entry = std::filesystem::directory_iterator(path, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return posix_failure("list", path, error.value());
  std::sort(names.begin(), names.end());
  return names;
}

result<bool> posix_file_system::exists(const std::string& path) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return posix_failure("stat", path, errno);
}

result<std::uint64_t> posix_file_system::link_count(const std::string& path) {
  struct ::stat status {};
  if (::stat(path.c_str(), &status) != 0) return posix_failure("stat", path, errno);
  return static_cast<std::uint64_t>(status.st_nlink);
}

result<std::uint64_t> posix_file_system::free_bytes(const std::string& path) {
  struct ::statvfs status {};
  if (::statvfs(path.c_str(), &status) != 0) return posix_failure("stat", path, errno);
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

result<std::unique_ptr<commit_queue>> posix_file_system::make_commit_queue(
    const std::string& like) {
  TRY(const auto opened, open(like, access::commit));
  if (!opened->direct()) {
    return failure{errc::refused, fmt::format("{} is not written directly", like)};
  }
  return make_posix_commit_queue();
}

result<std::unique_ptr<directory_lock>> posix_file_system::lock_directory(const std::string& path) {
  const auto name = path + "/LOCK";
  TRY(auto held, open_descriptor(name, O_RDWR | O_CREAT, "open"));
  if (::flock(held.number(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return posix_failure("lock", name, errno);
    const auto holder = holder_of(held);
    const auto who = holder.empty() ? "another process" : "process " + holder;
    return failure{errc::busy, fmt::format("directory {} is in use by {} ({})", path, who, name)};
  }
  const auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(held.number(), 0) != 0) return posix_failure("truncate", name, errno);
  TRY_VOID(write_at(held, name, 0, pid, 1));
  return std::unique_ptr<directory_lock>(std::make_unique<posix_lock>(std::move(held)));
}

}  // namespace

std::unique_ptr<file_system> make_posix_file_system(direct_io commits) {
  return std::make_unique<posix_file_system>(commits);
}

}  // namespace troupe::io
