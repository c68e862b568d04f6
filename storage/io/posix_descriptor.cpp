#include "storage/io/posix_descriptor.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace troupe::io {

posix_descriptor::~posix_descriptor() {
  // Whatever had to be durable was synced before; close has nothing to report that matters.
  if (number_ >= 0) ::close(number_);
}

result<posix_descriptor> open_descriptor(const std::string& path, int flags,
                                         std::string_view purpose) {
  constexpr mode_t mode = 0640;
  for (;;) {
    const auto number = ::open(path.c_str(), flags | O_CLOEXEC, mode);
    if (number >= 0) return posix_descriptor(number);
    if (errno != EINTR) return posix_failure(purpose, path, errno);
  }
}

result<void> sync_descriptor(const posix_descriptor& descriptor, const std::string& path) {
  // Not repeated after any error, EINTR included: a kernel may report a lost page once only.
  if (::fdatasync(descriptor.number()) == 0) return {};
  return posix_failure("sync", path, errno);
}

result<std::uint64_t> size_of(const posix_descriptor& descriptor, const std::string& path) {
  struct ::stat status {};
  if (::fstat(descriptor.number(), &status) != 0) return posix_failure("stat", path, errno);
  return static_cast<std::uint64_t>(status.st_size);
}

failure posix_failure(std::string_view action, const std::string& path, int error_number) {
  return os_error(fmt::format("cannot {} {}", action, path), error_number);
}

}  // namespace troupe::io
