// The operating system's files behind `file_system`.
//
// Place: storage/io, with posix_file (one open file) and posix_transfer (short and interrupted
// transfers). Threads: holds no state, so it may be used from any number of threads at once.
// Invariants:
//  1. A commit goes out by O_DIRECT|O_DSYNC where the file system can do that; where it refuses,
//     by a buffered write and fdatasync. The caller sees the difference in file::direct() only.
//  2. Every failure names the path and, for reads and writes, the offset.
//  3. The lock of a data directory is a flock on its file LOCK: the kernel drops it with the
//     process, however that ends. The file holds the owner's process id, for the message only.
#pragma once

#include <memory>

#include "storage/io/file_system.hpp"

namespace troupe::io {

/// Whether commits may bypass the page cache.
enum class direct_io : std::uint8_t { where_possible, never };

/// The file system of this machine.
[[nodiscard]] std::unique_ptr<file_system> make_posix_file_system(
    direct_io commits = direct_io::where_possible);

}  // namespace troupe::io
