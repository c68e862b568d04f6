#include "storage/log/manifest_store.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/base/coding.hpp"

namespace troupe::log {
namespace {

constexpr std::uint64_t file_bytes_min = 16 * 1024;
constexpr std::uint64_t block_bytes = io::aligned_buffer::alignment;
// No manifest within limits.hpp is larger; more is damage and must not be allocated.
constexpr std::uint64_t file_bytes_max = 256ull << 20;

std::string copy_path(const std::string& directory, std::size_t index) {
  return directory + "/" + manifest_names[index];
}

}  // namespace

result<manifest> read_manifest_file(io::file_system& files, const std::string& path) {
  TRY(const auto file, files.open(path, io::access::read));
  TRY(const std::uint64_t size, file->size());
  if (size > file_bytes_max) {
    return failure{errc::corrupt, fmt::format("manifest: impossible size {}", size)};
  }
  std::string bytes(size, '\0');
  TRY(const std::size_t got, file->read_at(0, bytes));
  return decode_manifest(std::string_view(bytes).substr(0, got));
}

result<std::optional<loaded_manifest>> load_manifest(io::file_system& files,
                                                     const std::string& directory) {
  std::optional<loaded_manifest> newest;
  std::string damage;
  std::size_t missing = 0;
  for (std::size_t index = 0; index < manifest_names.size(); ++index) {
    const std::string path = copy_path(directory, index);
    TRY(const bool exists, files.exists(path));
    if (!exists) {
      ++missing;
      damage += fmt::format("{}{} is missing", damage.empty() ? "" : "; ", manifest_names[index]);
      continue;
    }
    auto content = read_manifest_file(files, path);
    if (!content) {
      if (content.error().code != errc::corrupt) return content.error().in(path);
      damage += fmt::format("{}{}: {}", damage.empty() ? "" : "; ", manifest_names[index],
                            content.error().message);
    } else if (!newest || content->generation > newest->content.generation) {
      newest = loaded_manifest{std::move(*content), index};
    }
  }
  if (missing == manifest_names.size()) return std::optional<loaded_manifest>{};
  if (!newest) {
    return failure{errc::corrupt,
                   fmt::format("{}: no copy of the manifest is intact: {}", directory, damage)};
  }
  newest->damage = std::move(damage);
  return newest;
}

manifest_store::manifest_store(io::file_system& files, std::string directory,
                               std::size_t newest_copy)
    : files_(files), directory_(std::move(directory)), newest_copy_(newest_copy) {}

result<void> manifest_store::open_copies() {
  if (opened_) return {};
  for (std::size_t index = 0; index < copies_.size(); ++index) {
    const std::string path = copy_path(directory_, index);
    TRY(const bool exists, files_.exists(path));
    if (!exists) continue;
    TRY(copies_[index].file, files_.open(path, io::access::commit));
    TRY(copies_[index].capacity, copies_[index].file->size());
  }
  opened_ = true;
  return {};
}

result<std::uint32_t> manifest_store::alignment() {
  TRY_VOID(open_copies());
  for (const copy& each : copies_) {
    if (each.file) return each.file->alignment();
  }
  return failure{errc::not_found, directory_ + ": there is no manifest"};
}

result<void> manifest_store::commit(manifest& content) {
  TRY_VOID(open_copies());
  ++content.generation;
  encoded_ = encode_manifest(content);
  const std::uint64_t needed = align_up(encoded_.size(), block_bytes);
  const bool in_new_files = std::any_of(copies_.begin(), copies_.end(),
                                        [&](const copy& each) { return each.capacity < needed; });
  if (in_new_files) {
    if (auto made = make_files(std::max(2 * needed, file_bytes_min)); !made) {
      --content.generation;
      return made;
    }
  }
  for (const std::size_t index : {1 - newest_copy_, newest_copy_}) {
    auto written = write_copy(index, in_new_files);
    if (!written) {
      failure why = written.error().in(copy_path(directory_, index));
      // Something may have changed by now, which no_space would deny.
      if (why.code == errc::no_space) why.code = errc::io_failed;
      return why;
    }
  }
  return {};
}

result<void> manifest_store::make_files(std::uint64_t capacity) {
  for (std::size_t index = 0; index < copies_.size(); ++index) {
    const std::string path = copy_path(directory_, index) + unfinished_suffix;
    TRY(const bool exists, files_.exists(path));
    if (exists) TRY_VOID(files_.remove(path));
    auto made = files_.create_zeroed(path, capacity);
    if (!made) {
      if (index > 0) TRY_VOID(files_.remove(copy_path(directory_, 0) + unfinished_suffix));
      return made;
    }
  }
  return {};
}

result<void> manifest_store::write_copy(std::size_t index, bool in_new_file) {
  copy& target = copies_[index];
  if (!in_new_file) return fill(*target.file);
  const std::string path = copy_path(directory_, index);
  TRY(auto file, files_.open(path + unfinished_suffix, io::access::commit));
  TRY_VOID(fill(*file));
  file.reset();
  TRY_VOID(files_.rename(path + unfinished_suffix, path));
  TRY_VOID(files_.sync_directory(directory_));
  TRY(target.file, files_.open(path, io::access::commit));
  TRY(target.capacity, target.file->size());
  return {};
}

result<void> manifest_store::fill(io::file& file) {
  buffer_.clear();
  buffer_.append(encoded_);
  buffer_.pad_to(block_bytes);
  return file.commit_at(0, buffer_.view());
}

}  // namespace troupe::log
