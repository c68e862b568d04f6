// shard: the actor around one shard_core. Pinned to a reactor.
//
// Owner: the node. Policy when it dies: the node stops; a restart recovers from the log.
// Inline calls: gateways pinned to the same reactor find the core in that reactor's shard_directory
// and may call accepts_inline, run_inline, and the watch functions of its store; nothing else.
#pragma once

#include <caf/exit_reason.hpp>
#include <memory>
#include <vector>

#include "actors/interfaces.hpp"
#include "actors/runtime/reactor.hpp"
#include "actors/shard_core.hpp"

namespace troupe::actors {

/// The shards that live on one reactor, by shard number; null where a shard lives elsewhere. Owned
/// by the node, touched on that reactor's thread only.
struct shard_directory {
  std::vector<shard_core*> local;
};

/// Everything recovery made for one shard; the actor owns it from its start.
struct shard_parts {
  shard_options options;
  std::unique_ptr<log::log_tail> tail;
  std::unique_ptr<kv::store> store;
  std::vector<log::prepared_segment> segments;  ///< all listed, spares included
  std::uint64_t segment_bytes = 0;
  log_commits commits_by = log_commits::thread;  ///< as its flusher does them
  epoch_number epoch;                            ///< of what it writes
  history_id history;
};

/// Handles a shard works with.
struct shard_neighbours {
  wal_flusher_actor flusher;
  data_reader_actor reader;
};

/// How a shard ends that was told to stop and has accepted what its log does not hold.
inline constexpr auto not_all_written = caf::exit_reason::unhandled_exception;

/// Spawns the shard on `home`. `home` and `directory` must outlive the actor.
[[nodiscard]] shard_actor spawn_shard(runtime::reactor& home, shard_directory& directory,
                                      std::uint32_t home_index, shard_parts parts,
                                      shard_neighbours neighbours);

}  // namespace troupe::actors
