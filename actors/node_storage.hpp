// node_storage: a node's data directory, opened: lock, identity, and every shard recovered.
//
// Place: actors, CAF-free; used once, before the actors start, on the starting thread and helpers
// of its own.
// Invariants:
//  1. Nothing is changed before the directory's lock is held, and a directory that is not ours does
//     not even get a lock: only an empty one, or one with what an interrupted first start or the
//     file system leaves (LOCK, NODE.new, lost+found), is taken over.
//  2. A directory of another geometry is refused, never converted.
//  3. A shard is made only while the first start is unfinished, when none can hold anything that
//  was
//     acknowledged (node_identity.hpp, I3). Afterwards one that is gone is named and refused.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "actors/node_config.hpp"
#include "storage/base/clock.hpp"
#include "storage/io/file_system.hpp"
#include "storage/kv/store.hpp"
#include "storage/log/log_tail.hpp"
#include "storage/log/node_identity.hpp"
#include "storage/log/open_log.hpp"

namespace troupe::actors {

/// One recovered shard.
struct opened_shard {
  std::string directory;
  log::opened log;
  std::unique_ptr<log::log_tail> tail;
  std::unique_ptr<kv::store> store;
};

struct node_storage {
  std::unique_ptr<io::directory_lock> lock;
  log::node_identity identity;
  std::vector<opened_shard> shards;
};

/// Opens or creates the data directory of `config`. Shard i uses clock i mod clocks.size(). Shards
/// are recovered in parallel by at most `threads_max` threads. `files` and the clocks must outlive
/// the result.
/// Errors name what to do: another process has it (busy), it is something else's, another cluster's
/// or has another geometry (foreign), its contents are damaged or gone (corrupt).
[[nodiscard]] result<node_storage> open_node_storage(io::file_system& files,
                                                     const node_config& config,
                                                     std::span<const clock* const> clocks,
                                                     std::uint32_t threads_max);

}  // namespace troupe::actors
