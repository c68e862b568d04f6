// The disk as the cores see it: what may be done to files, and what each call promises.
//
// Place: storage/io. `posix_file_system` is the real one, `tests/sim/disk` the simulated one.
// Threads: a file_system may be used from several threads at once; a file from one at a time,
// except read_at, which may run beside anything.
// Promises (all that recovery may rely on):
//  1. commit_at returns success only when its bytes survive power loss.
//  2. write_at promises nothing until sync_data returned success.
//  3. create, rename and remove survive power loss only after sync_directory on their directory.
//     A rename that survives is whole; make_directories is durable when it returns.
//  4. Bytes of an interrupted or failed write may be old or new per aligned block, in any order;
//     blocks outside it are untouched.
//  5. After any failed write or sync, nothing more is promised about that file: stop using it.
//  6. What can be read is not thereby durable: bytes of an interrupted or failed write may be read
//     after a restart of the process and still be lost with power, until sync_data succeeds.
//  7. A commit begun in a commit_queue is an interrupted write (4, 6) until its outcome is told,
//     and then what commit_at would have been (1, 5).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/result.hpp"

namespace troupe::io {

/// An open file. Closed by its destructor.
class file {
 public:
  virtual ~file() = default;
  /// Reads up to into.size() bytes at `offset`; fewer only at the end of the file.
  virtual result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) = 0;
  /// Writes all of `bytes`; not durable before sync_data. For files opened with access::write only.
  virtual result<void> write_at(std::uint64_t offset, std::string_view bytes) = 0;
  /// Writes all of `bytes` and makes them durable (O_DIRECT|O_DSYNC, or write + fdatasync).
  /// Precondition for files opened with access::commit: offset, size and address are multiples of
  /// alignment() and the range lies inside the file's allocated size.
  virtual result<void> commit_at(std::uint64_t offset, std::string_view bytes) = 0;
  virtual result<void> sync_data() = 0;
  [[nodiscard]] virtual result<std::uint64_t> size() = 0;
  /// Block size that commit_at wants, 512 to 4096.
  [[nodiscard]] virtual std::uint32_t alignment() const = 0;
  /// True when commit_at bypasses the page cache; false = buffered fallback.
  [[nodiscard]] virtual bool direct() const = 0;
};

/// Commits that nobody waits for: begun by one call, found finished by another. For an event loop
/// whose thread must not block. One owner, one thread at a time; one commit at a time.
class commit_queue {
 public:
  /// Waits until nothing is under way.
  virtual ~commit_queue() = default;
  /// Begins into.commit_at(offset, bytes), with its preconditions and promises. `into` is a direct
  /// file of the file system that made the queue, opened with access::commit. The file and the
  /// bytes, unchanged, must stay until the outcome was told or the queue is gone. A failure means
  /// what a failed commit_at means; nothing is under way then. Precondition: nothing is now.
  virtual result<void> begin(file& into, std::uint64_t offset, std::string_view bytes) = 0;
  /// Outcome of the commit that was begun, told once; nothing while it is under way.
  virtual std::optional<result<void>> finished() = 0;
  /// Readable when finished() may have something to tell. Owned by the queue.
  [[nodiscard]] virtual int descriptor() const = 0;
};

enum class access : std::uint8_t {
  read,    ///< existing file, read only, through the page cache
  write,   ///< existing or new file, read and buffered write
  commit,  ///< existing file, commit_at without the page cache where the file system can
};

/// Held as long as the object lives; another process's attempt to lock gets errc::busy.
class directory_lock {
 public:
  virtual ~directory_lock() = default;
};

/// Files by path. Paths are plain strings; directories must exist unless said otherwise.
class file_system {
 public:
  virtual ~file_system() = default;
  virtual result<std::unique_ptr<file>> open(const std::string& path, access mode) = 0;
  /// Creates `path` with `size` bytes of written zeros, allocated and synced, so that later
  /// commits change no metadata. Refused if `path` exists; any failure (no_space) leaves no file
  /// behind. The name needs sync_directory.
  virtual result<void> create_zeroed(const std::string& path, std::uint64_t size) = 0;
  /// Replaces `path` by `bytes` so that after power loss it is old or new, never half: temporary
  /// file `<path>.new`, sync, rename, directory sync. Durable when it returns success.
  virtual result<void> replace(const std::string& path, std::string_view bytes) = 0;
  /// Takes the place of `to` if that exists.
  virtual result<void> rename(const std::string& from, const std::string& to) = 0;
  virtual result<void> remove(const std::string& path) = 0;
  /// Creates the directory and its missing parents, durably; no error if it exists.
  virtual result<void> make_directories(const std::string& path) = 0;
  virtual result<void> sync_directory(const std::string& path) = 0;
  /// Names (not paths) of the entries of a directory, sorted.
  virtual result<std::vector<std::string>> list(const std::string& path) = 0;
  [[nodiscard]] virtual result<bool> exists(const std::string& path) = 0;
  /// Number of hard links to a file; a segment is recycled only at 1.
  [[nodiscard]] virtual result<std::uint64_t> link_count(const std::string& path) = 0;
  /// Bytes an unprivileged process may still allocate.
  [[nodiscard]] virtual result<std::uint64_t> free_bytes(const std::string& path) = 0;
  /// A queue for commits into files beside `like`, an existing file. `refused` where they would not
  /// be direct or the system offers no such thing: then a thread that may block calls commit_at.
  /// The file system must outlive the queue.
  [[nodiscard]] virtual result<std::unique_ptr<commit_queue>> make_commit_queue(
      const std::string& like) = 0;
  /// Takes the exclusive lock of a data directory by a file named LOCK inside it.
  virtual result<std::unique_ptr<directory_lock>> lock_directory(const std::string& path) = 0;
};

}  // namespace troupe::io
