// Commits by io_uring: the kernel tells an event loop when a direct write is on disk, no thread
// waits for it.
//
// Place: storage/io, made by posix_file_system. One owner, one thread at a time; each owner has a
// ring of its own.
// Invariants:
//  1. Success is told only after the kernel reported every byte of an O_DIRECT|O_DSYNC write; a
//     short write goes on where it ended, rounded down to the file's alignment.
//  2. The kernel reads the bytes until the end is told, so the destructor waits for it.
//  3. At most one write is under way, so neither half of the ring can be full.
// Why: a write handed to a thread and its answer back are two wake-ups, together as long as the
// write itself on the disks we measured (actors/README.md, "Who writes the log").
#pragma once

#include <memory>

#include "storage/io/file_system.hpp"

namespace troupe::io {

/// `refused` if the kernel has no io_uring or does not allow it. Takes files of open_posix_file.
[[nodiscard]] result<std::unique_ptr<commit_queue>> make_posix_commit_queue();

}  // namespace troupe::io
