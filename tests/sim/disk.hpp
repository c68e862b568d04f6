// A disk in memory that keeps the promises of storage/io/file_system.hpp and no others.
//
// One seed decides every crash. Threads: as the interface says (one mutex); the disk must outlive
// its files and locks. Fault model:
//  1. Blocks of 512 bytes are written whole. What write_at wrote and no sync_data covered, and the
//     blocks of an interrupted or failed write, survive a crash each on its own: any version
//     between the last durable and the newest may be found. The same holds for a file's growth.
//  2. commit_at promises its own blocks and size only; sync_data those of the whole file.
//  3. A create, rename or remove that no sync_directory covered may survive or not, each on its
//     own; but an operation on a name never survives without the earlier ones on that name, and a
//     rename is never halved. make_directories is durable when it returns.
//  4. After a failed write or sync the file promises nothing more until the next restart: later
//     syncs answer success, as a kernel does, and make nothing durable.
//  5. Only on demand, since no store can survive it unharmed: lost and forgotten writes, bit flips.
// Write points, counted from 1: write_at, commit_at, sync_data, create_zeroed, rename, remove,
// make_directories, sync_directory, the creation of a file by open; replace is five of them. A call
// refused for its arguments (no such file) is none. A commit in a commit_queue is a write point
// when it is begun: faults and planned crashes happen there. It ends when the test says so; until
// then its blocks are those of an interrupted write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "storage/base/prng.hpp"
#include "storage/io/file_system.hpp"
#include "tests/sim/disk_names.hpp"

namespace troupe::sim {

class disk_commit_queue;

struct disk_options {
  std::uint64_t seed = 1;
  std::uint32_t alignment = 512;
  std::uint64_t capacity_bytes = std::uint64_t{1} << 40;
};

/// What happens at one planned write point.
enum class write_fault : std::uint8_t {
  fail,          ///< io_failed, nothing of it reached the disk
  fail_partial,  ///< io_failed, any of its blocks reached the disk
  no_space,      ///< no_space, nothing of it reached the disk
  lose,          ///< success is reported and nothing written (write_at, commit_at, syncs)
  forget,        ///< success is reported, the bytes are read back until a crash undoes any of them
  no_space_partial,  ///< no_space, any of its blocks reached the disk
};

/// The simulated file system. After crash() every call fails with io_failed until restart().
class disk final : public io::file_system {
 public:
  explicit disk(disk_options options);

  result<std::unique_ptr<io::file>> open(const std::string& path, io::access mode) override;
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
  [[nodiscard]] result<std::unique_ptr<io::commit_queue>> make_commit_queue(
      const std::string& like) override;
  result<std::unique_ptr<io::directory_lock>> lock_directory(const std::string& path) override;

  /// Lets all commits end that are under way in commit queues; returns how many those were.
  std::size_t end_commits();

  /// Power fails now: what was not promised is decided, open files and locks are gone.
  void crash();
  /// Power fails inside write point `n` (n > write_points()), which fails like all after it.
  void crash_at_write(std::uint64_t n);
  /// The machine or, without a crash before, only the process starts again. Without a crash no
  /// bytes are lost. Files opened before fail for ever; locks are free; a planned crash is off.
  void restart();
  [[nodiscard]] bool crashed() const;

  /// Write points so far, the interrupted one included.
  [[nodiscard]] std::uint64_t write_points() const;
  /// Calls of read_at so far.
  [[nodiscard]] std::uint64_t read_points() const;
  /// Plans a fault for write point `n` (n > write_points()).
  void plan_write_fault(std::uint64_t n, write_fault fault);
  /// Read `n` (n > read_points()) fails with io_failed after filling some of the buffer.
  void plan_read_fault(std::uint64_t n);
  /// Bytes the disk holds in all; no_space beyond. May fall below what is in use.
  void set_capacity(std::uint64_t bytes);
  /// Flips one bit of a file, `bit` counted from its start, in memory and on the medium.
  /// Precondition: it lies inside the file.
  void flip_bit(const std::string& path, std::uint64_t bit);
  /// A second name for a file, durable at once; such a file has link_count 2.
  void add_link(const std::string& path, const std::string& link);

 private:
  friend class disk_commit_queue;
  friend class disk_file;
  friend class disk_lock;

  /// What a write point must do, decided when it begins.
  enum class verdict : std::uint8_t {
    proceed,
    fail,
    fail_partial,
    no_space,
    no_space_partial,
    lose,
    forget,
    crash
  };

  // All of these want mutex_ held.
  [[nodiscard]] verdict begin_write();
  void power_off();
  [[nodiscard]] std::uint64_t bytes_free() const;
  result<void> require_power(const std::string& path) const;
  result<void> require_directory(const std::string& path) const;
  result<std::shared_ptr<disk_image>> require_file(const std::string& path) const;
  result<void> change_names(std::string_view action, name_change change);
  result<std::shared_ptr<disk_image>> create(const std::string& path);
  result<void> write(disk_image& image, const std::string& path, std::uint64_t offset,
                     std::string_view bytes, promise wanted);
  result<std::size_t> read(const disk_image& image, const std::string& path, std::uint64_t offset,
                           std::span<char> into);
  result<void> sync(disk_image& image, const std::string& path);
  result<void> sync_names(const std::string& directory);
  result<void> replace_steps(const std::string& path, const std::string& temporary,
                             std::string_view bytes);

  const disk_options options_;
  mutable std::mutex mutex_;
  prng random_;
  std::uint64_t capacity_bytes_;
  disk_names names_;
  std::set<std::string> locks_;
  std::set<disk_commit_queue*> queues_;
  std::map<std::uint64_t, write_fault> write_faults_;
  std::set<std::uint64_t> read_faults_;
  std::uint64_t write_points_ = 0;
  std::uint64_t read_points_ = 0;
  std::uint64_t crash_point_ = 0;  ///< 0 = none planned
  std::uint64_t generation_ = 0;   ///< of open files; grows with every crash and restart
  bool crashed_ = false;
};

}  // namespace troupe::sim
