// A segment file: its name and the header block that says whose it is. Frames begin behind it.
//
// Place: storage/log; pure functions, any thread. Layout: storage/FORMAT.md, "Segment".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"

namespace troupe::log {

inline constexpr std::uint32_t segment_magic = 0x31535254;  // "TRS1"
inline constexpr std::uint32_t segment_version = 1;
/// Size of the header block; the offset of a segment's first frame.
inline constexpr std::uint32_t segment_header_bytes = 4096;

/// What makes a store this store: must agree between configuration, manifest and segments.
struct store_identity {
  cluster_id cluster{};
  shard_id shard{};
  std::uint32_t shard_count = 0;
  std::uint64_t segment_bytes = 0;

  friend bool operator==(const store_identity&, const store_identity&) = default;
};

/// "field cluster is X in the store but Y in the configuration" for the first field that differs;
/// empty if none does.
[[nodiscard]] std::string describe_difference(const store_identity& stored,
                                              const store_identity& expected);

/// The header block's content.
struct segment_header {
  store_identity store{};
  use_id use{};
  std::uint32_t alignment = 0;  ///< frames of this use start at multiples of it
};

/// The header block, segment_header_bytes long.
[[nodiscard]] std::string encode_segment_header(const segment_header& header);
/// Reads a header block. errc::corrupt if damaged, errc::foreign if of a newer version.
[[nodiscard]] result<segment_header> decode_segment_header(std::string_view bytes);

/// "<16 hex digits>.segment"
[[nodiscard]] std::string segment_name(use_id use);
/// The use a file name stands for; nothing if it is no segment's name.
[[nodiscard]] std::optional<use_id> parse_segment_name(std::string_view name);
/// Path of a segment in a shard's directory.
[[nodiscard]] std::string segment_path(const std::string& directory, use_id use);
/// "shard-0007": the directory of a shard inside the data directory.
[[nodiscard]] std::string shard_directory_name(shard_id shard);

/// Hexadecimal text of an id, for messages and file names.
[[nodiscard]] std::string to_hex(std::uint64_t number);
[[nodiscard]] std::string to_hex(const unique_id& id);

}  // namespace troupe::log
