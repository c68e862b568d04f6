// Who a data directory belongs to, and how it was laid out: the file NODE at its root.
//
// Place: storage/log; read once when a node starts, written twice when the directory is created.
// Layout: storage/FORMAT.md, "Node".
//
//   no file --first start begins--> creating --every shard has its log--> complete
//
// Invariants:
//  I1. It is replaced as a whole, so a copy that is damaged is damage and not a crash.
//  I2. `creating` is durable before the directory of any shard is made: without the file nothing of
//      ours is there but what the steps before it leave.
//  I3. `complete` is written after the log of every shard is durable and before the first client is
//      answered. So under `creating` no shard holds anything that was acknowledged, and missing
//      ones may be made; under `complete` a missing one is lost data, never an interrupted start.
//  I4. Only the state ever changes, and only in this direction.
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

/// How far the first start came. The numbers are those on disk.
enum class node_state : std::uint32_t { complete = 0, creating = 1 };

/// Ids and geometry of a data directory.
struct node_identity {
  cluster_id cluster{};
  node_id node{};
  std::uint32_t shard_count = 0;
  node_state state = node_state::complete;
  std::uint64_t segment_bytes = 0;
  std::uint64_t hash_seed = 0;  ///< of the key index; keeps SCAN cursors valid over restarts

  friend bool operator==(const node_identity&, const node_identity&) = default;
};

[[nodiscard]] std::string encode_node_identity(const node_identity& who);
/// `corrupt` if damaged, `foreign` if of a newer version or state.
[[nodiscard]] result<node_identity> decode_node_identity(std::string_view bytes);

/// Reads the identity of `directory`; not_found if it has none yet.
[[nodiscard]] result<node_identity> read_node_identity(io::file_system& files,
                                                       const std::string& directory);
/// Makes it durable in place of the one that is there, if any.
[[nodiscard]] result<void> write_node_identity(io::file_system& files, const std::string& directory,
                                               const node_identity& who);

}  // namespace troupe::log
