// One open file of the operating system: through the page cache, or committed to directly.
//
// Place: storage/io, made by posix_file_system. Threads: as file says; read_at is one pread on its
// own descriptor, so it may run beside a commit.
// Invariants:
//  1. A direct file has two descriptors: an O_DIRECT|O_DSYNC one for commits and one through the
//     page cache for reads. The kernel drops cached pages that a direct write covers, so a read
//     that begins after a commit returned sees it.
//  2. The alignment that commit_at wants is checked (ENSURE) with and without O_DIRECT alike, so a
//     store tested without it does not surprise on a disk.
//  3. A commit beyond the end of the file fails: it would change metadata, and only somebody who
//     cut the file short can be the cause.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "storage/io/file_system.hpp"
#include "storage/io/posix_file_system.hpp"

namespace troupe::io {

/// Opens `path` as file_system::open says.
[[nodiscard]] result<std::unique_ptr<file>> open_posix_file(const std::string& path, access mode,
                                                            direct_io commits);

/// Where a commit goes that somebody else carries out.
struct direct_target {
  int descriptor = -1;  ///< O_DIRECT|O_DSYNC, of the file
  std::uint32_t alignment = 0;
  std::string_view path;  ///< valid as long as the file
};

/// Checks like file::commit_at. `refused` unless `into` is direct. Precondition: a file opened by
/// open_posix_file.
[[nodiscard]] result<direct_target> target_of_commit(file& into, std::uint64_t offset,
                                                     std::string_view bytes);

}  // namespace troupe::io
