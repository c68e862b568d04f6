// A commit queue of the simulated disk: what is begun ends when disk::end_commits() is called.
//
// Owner: whoever had it made; the disk knows it as long as it lives. Threads: as the interface
// says; end() may come from another thread (the disk's mutex).
// Invariant: the bytes of a commit under way do not change; a caller that reuses its buffer too
// early is caught when the commit ends.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "storage/io/file_system.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::sim {

class disk_commit_queue final : public io::commit_queue {
 public:
  explicit disk_commit_queue(disk& owner);
  ~disk_commit_queue() override;
  disk_commit_queue(const disk_commit_queue&) = delete;
  disk_commit_queue& operator=(const disk_commit_queue&) = delete;

  result<void> begin(io::file& into, std::uint64_t offset, std::string_view bytes) override;
  std::optional<result<void>> finished() override;
  [[nodiscard]] int descriptor() const override { return readable_; }

  /// Ends the commit under way; false if there is none. Wants the disk's mutex.
  bool end();

 private:
  /// Whether the blocks of a commit are durable when it has ended.
  enum class kept : std::uint8_t { surely, perhaps };
  struct commit {
    std::shared_ptr<disk_image> image;
    std::uint64_t offset;
    std::string_view bytes;
    std::string copy;  ///< of the bytes, as they were when it began
    std::uint64_t generation;
    result<void> outcome;
    kept blocks;
  };

  disk& disk_;
  const int readable_;
  std::optional<commit> under_way_;
  std::optional<result<void>> ended_;
};

}  // namespace troupe::sim
