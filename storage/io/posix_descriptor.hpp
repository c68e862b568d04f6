// Owner of one file descriptor and the system calls that every posix_* file needs.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/result.hpp"

namespace troupe::io {

/// Closes its descriptor in the destructor. Moves, because opening returns it.
class posix_descriptor {
 public:
  explicit posix_descriptor(int number = -1) noexcept : number_(number) {}
  posix_descriptor(posix_descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  posix_descriptor& operator=(posix_descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~posix_descriptor();

  [[nodiscard]] int number() const noexcept { return number_; }

 private:
  int number_;
};

/// open(2) with O_CLOEXEC; new files are readable by owner and group. `purpose` is a verb for the
/// message: "cannot <purpose> <path>".
[[nodiscard]] result<posix_descriptor> open_descriptor(const std::string& path, int flags,
                                                       std::string_view purpose);
/// fdatasync(2).
[[nodiscard]] result<void> sync_descriptor(const posix_descriptor& descriptor,
                                           const std::string& path);
/// fstat(2)'s size.
[[nodiscard]] result<std::uint64_t> size_of(const posix_descriptor& descriptor,
                                            const std::string& path);

/// "cannot <action> <path>: <text of errno>".
[[nodiscard]] failure posix_failure(std::string_view action, const std::string& path,
                                    int error_number);

}  // namespace troupe::io
