// A directory that lives as long as one test. Every test that touches the disk owns one.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "storage/base/ensure.hpp"

namespace troupe::tests {

/// A new, empty directory under TMPDIR (or /tmp); removed with all it holds by the destructor.
class temporary_directory {
 public:
  temporary_directory() : temporary_directory(std::filesystem::temp_directory_path().string()) {}
  /// Under `parent`, which must exist: to test on another file system.
  explicit temporary_directory(const std::string& parent);
  ~temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  /// Absolute, without a final slash.
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Path of an entry of it; `name` may hold slashes.
  [[nodiscard]] std::string path(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline temporary_directory::temporary_directory(const std::string& parent)
    : path_(parent + "/troupe-test-XXXXXX") {
  ENSURE(::mkdtemp(path_.data()) != nullptr);
}

inline temporary_directory::~temporary_directory() {
  std::error_code ignored;  // a directory left behind must not hide the test's own outcome
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace troupe::tests
