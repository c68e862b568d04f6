// Who a data directory belongs to, and how it was laid out: the file NODE at its root.
//
// Place: storage/log; read once when a node starts, written once when the directory is created.
// Layout: storage/FORMAT.md, "Node". Invariant: nothing in it ever changes, so a copy that is
// damaged is damage and not a crash.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"
#include "storage/io/file_system.hpp"

namespace troupe::log {

inline constexpr std::string_view node_identity_name = "NODE";
inline constexpr std::size_t node_identity_bytes = 80;

/// Ids and geometry of a data directory.
struct node_identity {
  cluster_id cluster{};
  node_id node{};
  std::uint32_t shard_count = 0;
  std::uint64_t segment_bytes = 0;
  std::uint64_t hash_seed = 0;  ///< of the key index; keeps SCAN cursors valid over restarts

  friend bool operator==(const node_identity&, const node_identity&) = default;
};

[[nodiscard]] std::string encode_node_identity(const node_identity& who);
/// `corrupt` if damaged, `foreign` if of a newer version.
[[nodiscard]] result<node_identity> decode_node_identity(std::string_view bytes);

/// Reads the identity of `directory`; not_found if it has none yet.
[[nodiscard]] result<node_identity> read_node_identity(io::file_system& files,
                                                       const std::string& directory);
/// Writes it durably. Precondition: there is none.
[[nodiscard]] result<void> write_node_identity(io::file_system& files, const std::string& directory,
                                               const node_identity& who);

}  // namespace troupe::log
