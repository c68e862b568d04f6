#include "storage/log/trim_segment.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "storage/io/aligned_buffer.hpp"
#include "storage/log/manifest_store.hpp"
#include "storage/log/segment_format.hpp"

namespace troupe::log {
namespace {

constexpr std::uint64_t piece_bytes = 1 << 20;

result<void> copy_frames(io::file_system& files, const std::string& from, const std::string& to,
                         std::uint64_t length) {
  TRY(const auto source, files.open(from, io::access::read));
  TRY(const auto target, files.open(to, io::access::commit));
  io::aligned_buffer piece(std::min(piece_bytes, length));
  for (std::uint64_t offset = 0; offset < length; offset += piece.size()) {
    piece.resize(std::min(piece_bytes, length - offset));
    TRY(const std::size_t got, source->read_at(offset, piece.bytes()));
    if (got != piece.size()) {
      return failure{errc::corrupt,
                     fmt::format("{}: the file ends before offset {}", from, length)};
    }
    TRY_VOID(target->commit_at(offset, piece.view()));
  }
  return {};
}

}  // namespace

result<void> trim_segment(io::file_system& files, const std::string& directory, use_id use,
                          std::uint64_t sealed_length) {
  const std::string path = segment_path(directory, use);
  const std::string unfinished = path + unfinished_suffix;
  TRY_VOID(files.create_zeroed(unfinished, sealed_length));
  if (auto copied = copy_frames(files, path, unfinished, sealed_length); !copied) {
    TRY_VOID(files.remove(unfinished));
    return copied;
  }
  TRY_VOID(files.rename(unfinished, path));
  return files.sync_directory(directory);
}

}  // namespace troupe::log
