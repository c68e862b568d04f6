// An open file and a held lock of the simulated disk. Made by disk; all state is there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "storage/io/file_system.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::sim {

class disk_file final : public io::file {
 public:
  disk_file(disk& owner, std::shared_ptr<disk_image> image, std::string path, io::access mode)
      : disk_(owner),
        image_(std::move(image)),
        path_(std::move(path)),
        mode_(mode),
        generation_(owner.generation_) {}

  result<std::size_t> read_at(std::uint64_t offset, std::span<char> into) override;
  result<void> write_at(std::uint64_t offset, std::string_view bytes) override;
  result<void> commit_at(std::uint64_t offset, std::string_view bytes) override;
  result<void> sync_data() override;
  [[nodiscard]] result<std::uint64_t> size() override;
  [[nodiscard]] std::uint32_t alignment() const override { return disk_.options_.alignment; }
  [[nodiscard]] bool direct() const override { return mode_ == io::access::commit; }

 private:
  friend class disk_commit_queue;

  result<void> require_open() const;
  /// What commit_at demands of its caller. Wants the disk's mutex.
  result<void> check_commit(std::uint64_t offset, std::string_view bytes) const;

  disk& disk_;
  const std::shared_ptr<disk_image> image_;
  const std::string path_;
  const io::access mode_;
  const std::uint64_t generation_;
};

class disk_lock final : public io::directory_lock {
 public:
  disk_lock(disk& owner, std::string directory)
      : disk_(owner), directory_(std::move(directory)), generation_(owner.generation_) {}
  ~disk_lock() override;
  disk_lock(const disk_lock&) = delete;
  disk_lock& operator=(const disk_lock&) = delete;

 private:
  disk& disk_;
  const std::string directory_;
  const std::uint64_t generation_;
};

}  // namespace troupe::sim
