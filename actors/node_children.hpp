// node_children: what the supervisor makes its actors with.
//
// Place: actors; owned by the supervisor. `storage_children` makes the real ones of an opened data
// directory. An interface, so that who lives and dies when can be tried without a node.
// Invariant: each child is made once, but for those that the supervisor makes anew.
#pragma once

#include <memory>
#include <vector>

#include "actors/admin.hpp"
#include "actors/gateway.hpp"
#include "actors/interfaces.hpp"
#include "actors/link_listener.hpp"
#include "actors/node_storage.hpp"
#include "actors/shard.hpp"

namespace troupe::actors {

/// A shard and the actors that work for its disk.
struct shard_family {
  data_writer_actor writer;
  log_worker_actor worker;
  wal_flusher_actor flusher;
  data_reader_actor reader;
  shard_actor shard;
};

class node_children {
 public:
  virtual ~node_children() = default;
  [[nodiscard]] virtual std::uint32_t shard_count() const = 0;
  [[nodiscard]] virtual std::uint32_t gateway_count() const = 0;
  /// In the order of its members. Precondition: index < shard_count().
  [[nodiscard]] virtual shard_family make_shard(std::uint32_t index) = 0;
  /// `node` is the supervisor. Precondition: index < gateway_count(), all shards are made.
  [[nodiscard]] virtual gateway_actor make_gateway(std::uint32_t index,
                                                   const std::vector<shard_actor>& shards,
                                                   const node_actor& node) = 0;
  [[nodiscard]] virtual metrics_actor make_metrics(const std::vector<shard_actor>& shards,
                                                   const std::vector<gateway_actor>& gateways) = 0;
  /// Again whenever the one before died.
  [[nodiscard]] virtual link_listener_actor make_link_listener() = 0;
  /// Likewise.
  [[nodiscard]] virtual admin_actor make_admin(admin_parts whom) = 0;
};

/// What a node is made of. Borrowed parts must outlive the actors.
struct node_parts {
  const node_config* config = nullptr;
  io::file_system* files = nullptr;
  node_storage storage;
  std::vector<runtime::descriptor> listeners;  ///< one per reactor
  const runtime::descriptor* peer_listener = nullptr;
  std::vector<std::unique_ptr<runtime::reactor>>* reactors = nullptr;
  std::vector<shard_directory>* directories = nullptr;  ///< one per reactor
  client_places* places = nullptr;
  const node_facts* facts = nullptr;
};

/// The actors of `parts`, shards and gateways pinned to its reactors in turn.
[[nodiscard]] std::unique_ptr<node_children> storage_children(caf::actor_system& system,
                                                              node_parts parts);

}  // namespace troupe::actors
