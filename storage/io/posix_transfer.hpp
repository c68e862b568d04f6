// Whole transfers out of system calls that may do part of the work or be interrupted.
//
// Place: storage/io, under posix_file. Pure: the system call is a parameter, so tests can make it
// short, interrupted or failing. No state.
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace troupe::io {

/// Calls `transfer(data, size, offset)`, which is pread, until `into` is full or the file ends;
/// returns how much was read.
template <class Transfer>
[[nodiscard]] result<std::size_t> read_fully(const std::string& path, std::uint64_t offset,
                                             std::span<char> into, Transfer&& transfer) {
  std::size_t done = 0;
  while (done < into.size()) {
    const auto left = into.subspan(done);
    const auto count = transfer(left.data(), left.size(), offset + done);
    if (count == 0) break;
    if (count < 0) {
      if (errno == EINTR) continue;
      return os_error(fmt::format("cannot read {} at {}", path, offset + done), errno);
    }
    done += static_cast<std::size_t>(count);
  }
  return done;
}

/// Calls `transfer(data, size, offset)`, which is pwrite, until all is written. After a short write
/// it goes on from the last multiple of `step` (a power of two), as direct I/O must.
template <class Transfer>
[[nodiscard]] result<void> write_fully(const std::string& path, std::uint64_t offset,
                                       std::string_view bytes, std::uint64_t step,
                                       Transfer&& transfer) {
  while (!bytes.empty()) {
    const auto count = transfer(bytes.data(), bytes.size(), offset);
    if (count < 0 && errno == EINTR) continue;
    const auto what = [&] { return fmt::format("cannot write {} at {}", path, offset); };
    if (count < 0) return os_error(what(), errno);
    auto written = static_cast<std::size_t>(count);
    if (written < bytes.size()) written &= ~(step - 1);
    // No progress twice over is no interruption: the caller must not spin here for ever.
    if (written == 0) return failure{errc::io_failed, what() + ": the system wrote nothing"};
    offset += written;
    bytes.remove_prefix(written);
  }
  return {};
}

}  // namespace troupe::io
