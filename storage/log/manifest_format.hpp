// The manifest: which segments make up a shard's log, and as whom it was written.
//
// Place: storage/log; pure functions, any thread. Layout: storage/FORMAT.md, "Manifest".
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"
#include "storage/log/segment_format.hpp"

namespace troupe::log {

inline constexpr std::uint32_t manifest_magic = 0x314d5254;  // "TRM1"
inline constexpr std::uint32_t manifest_version = 1;

/// One leader's reign: the records from `first` on, up to the next entry's.
struct epoch_entry {
  epoch_number epoch{};
  history_id history{};
  lsn first{};
  node_id leader{};

  friend bool operator==(const epoch_entry&, const epoch_entry&) = default;
};

/// One segment of the log. Spares, not yet written, stand at the end in the order of their use.
struct segment_entry {
  use_id use{};
  lsn first{};                      ///< 0 = unknown or none
  lsn last{};                       ///< 0 = unknown or none
  std::uint64_t sealed_length = 0;  ///< end of the last frame; 0 = not sealed
  lsn consistent_from{};            ///< a reader from the start is consistent only from here on

  friend bool operator==(const segment_entry&, const segment_entry&) = default;
};

struct manifest {
  std::uint64_t generation = 0;
  store_identity store{};
  node_id node{};
  std::uint32_t alignment = 0;
  std::uint32_t next_use_counter = 1;
  lsn purged{};
  epoch_number promised{};
  std::vector<epoch_entry> epochs{};
  std::vector<segment_entry> segments{};

  friend bool operator==(const manifest&, const manifest&) = default;
};

/// Encoded size, without padding.
[[nodiscard]] std::size_t encoded_size(const manifest& content) noexcept;
[[nodiscard]] std::string encode_manifest(const manifest& content);
/// Reads a manifest; bytes may go on behind it. errc::corrupt if damaged, errc::foreign if of a
/// newer version.
[[nodiscard]] result<manifest> decode_manifest(std::string_view bytes);

}  // namespace troupe::log
