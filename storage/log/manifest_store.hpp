// The two copies of a manifest on disk, MANIFEST-a and MANIFEST-b, written in place.
//
// Place: storage/log; owned by log_writer, on whose thread it is used. load_manifest only reads.
// Invariants:
//  I1. A commit writes generation g to one copy and, when that is durable, to the other. So at any
//      moment one copy is whole: a crash tears at most the copy being written, and damage to one
//      copy after a finished commit loses nothing, because the other has the same generation.
//  I2. The copy written first is never the only good one: after a torn or damaged copy was found,
//      that one is written first.
//  I3. A file has its real name only after it held a whole manifest (made under ".new", filled,
//      renamed, directory synced). So a copy that is there but invalid is torn or damaged, never
//      unfinished, and a directory without either name was never a store.
//  I4. The files are pre-written, so a commit needs no disk space unless the manifest outgrows
//      them; then both larger files are made before anything changes. no_space from commit thus
//      means: nothing changed. After any other failure the outcome is unknown until reopened.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "storage/io/aligned_buffer.hpp"
#include "storage/io/file_system.hpp"
#include "storage/log/manifest_format.hpp"

namespace troupe::log {

inline constexpr std::array<const char*, 2> manifest_names = {"MANIFEST-a", "MANIFEST-b"};
/// Names with this ending are unfinished files, removed when a store is opened.
inline constexpr const char* unfinished_suffix = ".new";

/// One copy by its path. Changes nothing.
result<manifest> read_manifest_file(io::file_system& files, const std::string& path);

/// What load_manifest found.
struct loaded_manifest {
  manifest content;
  std::size_t newest_copy = 0;  ///< index into manifest_names
  std::string damage{};         ///< what is wrong with the other copy; empty if nothing is
};

/// The newest valid copy; nothing if neither file exists. corrupt if no copy is valid, foreign if
/// a copy is of a newer version. Changes nothing.
result<std::optional<loaded_manifest>> load_manifest(io::file_system& files,
                                                     const std::string& directory);

class manifest_store {
 public:
  /// `newest_copy`: where load_manifest found the content. `files` must outlive this.
  manifest_store(io::file_system& files, std::string directory, std::size_t newest_copy);

  /// Makes `content` durable as the next generation (its `generation` is raised). Creates missing
  /// copies. See I4 for failures.
  result<void> commit(manifest& content);
  /// Block size that the disk wants for direct writes; not_found before the first commit.
  result<std::uint32_t> alignment();

 private:
  struct copy {
    std::unique_ptr<io::file> file{};
    std::uint64_t capacity = 0;  ///< 0 = missing, or too damaged to be opened
  };

  result<void> open_copies();
  result<void> make_files(std::uint64_t capacity);
  result<void> write_copy(std::size_t index, bool in_new_file);
  result<void> fill(io::file& file);

  io::file_system& files_;
  const std::string directory_;
  std::size_t newest_copy_;
  bool opened_ = false;
  std::array<copy, 2> copies_;
  io::aligned_buffer buffer_;
  std::string encoded_;
};

}  // namespace troupe::log
