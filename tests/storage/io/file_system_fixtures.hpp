// The file systems that must all behave the same: each fixture is a file system with an empty,
// existing directory of its own. Used with TEST_CASE_TEMPLATE.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "storage/base/ensure.hpp"
#include "storage/io/posix_file_system.hpp"
#include "tests/sim/disk.hpp"
#include "tests/support/temporary_directory.hpp"

namespace troupe::tests {

class posix_direct {
 public:
  io::file_system& files() { return *files_; }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }

 private:
  temporary_directory directory_;
  std::unique_ptr<io::file_system> files_ = io::make_posix_file_system();
};

class posix_buffered {
 public:
  io::file_system& files() { return *files_; }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }

 private:
  temporary_directory directory_;
  std::unique_ptr<io::file_system> files_ = io::make_posix_file_system(io::direct_io::never);
};

/// On tmpfs where the machine has one: direct I/O depends on the kernel there.
class posix_tmpfs {
 public:
  io::file_system& files() { return *files_; }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_.path(name); }
  [[nodiscard]] const std::string& directory() const { return directory_.path(); }

 private:
  static std::string parent() {
    return std::filesystem::is_directory("/dev/shm")
               ? "/dev/shm"
               : std::filesystem::temp_directory_path().string();
  }

  temporary_directory directory_{parent()};
  std::unique_ptr<io::file_system> files_ = io::make_posix_file_system();
};

class simulated {
 public:
  simulated() { ENSURE(disk_.make_directories(directory_).has_value()); }
  io::file_system& files() { return disk_; }
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }
  [[nodiscard]] const std::string& directory() const { return directory_; }

 private:
  const std::string directory_ = "/data";
  sim::disk disk_{{}};
};

}  // namespace troupe::tests
