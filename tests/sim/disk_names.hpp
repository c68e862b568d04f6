// The names of a simulated disk: which path leads to which file now, and after a crash.
//
// Place: under tests/sim/disk. One thread. Paths are normal (no `.`, `..`, doubled or final slash).
// Invariants:
//  1. `live_` is `durable_` with all of `pending_` applied in order.
//  2. A change never becomes durable, by sync or crash, before an earlier pending change of one of
//     its names. Changes of unrelated names are independent.
//  3. Directories are durable from the start and never go.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "storage/base/prng.hpp"
#include "tests/sim/disk_image.hpp"

namespace troupe::sim {

/// `from` stops leading to `image`, `to` starts to. A creation has no `from`, a removal no `to`.
struct name_change {
  std::string from;
  std::string to;
  std::shared_ptr<disk_image> image;
};

/// The directory of a normal path: "." for a plain name.
[[nodiscard]] std::string parent_of(const std::string& path);

class disk_names {
 public:
  using map = std::map<std::string, std::shared_ptr<disk_image>>;

  [[nodiscard]] bool is_directory(const std::string& path) const;
  /// With its missing parents.
  void add_directory(const std::string& path);
  /// The file, or null.
  [[nodiscard]] std::shared_ptr<disk_image> find(const std::string& path) const;
  [[nodiscard]] const map& files() const noexcept { return live_; }
  /// Names of the files and directories in `directory`, sorted.
  [[nodiscard]] std::vector<std::string> list(const std::string& directory) const;

  /// Takes effect now, survives for certain after sync() of a directory it touches.
  void apply(name_change change);
  /// Takes effect and is durable at once.
  void add_durable(const std::string& path, std::shared_ptr<disk_image> image);
  /// Makes the changes in `directory` durable, and the earlier ones they rest on.
  void sync(const std::string& directory);
  /// Power failed: each pending change happened or did not.
  void resolve(prng& random);

 private:
  static void apply_to(map& names, const name_change& change);

  std::set<std::string> directories_{".", "/"};
  map live_;
  map durable_;
  std::vector<name_change> pending_;
};

}  // namespace troupe::sim
