#include "actors/node_children.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "actors/data_reader.hpp"
#include "actors/data_writer.hpp"
#include "actors/log_worker.hpp"
#include "actors/metrics.hpp"
#include "actors/wal_flusher.hpp"

namespace troupe::actors {

namespace {

class stored_children final : public node_children {
 public:
  stored_children(caf::actor_system& system, node_parts parts)
      : system_(system), parts_(std::move(parts)) {}

  [[nodiscard]] std::uint32_t shard_count() const override {
    return parts_.storage.identity.shard_count;
  }
  [[nodiscard]] std::uint32_t gateway_count() const override {
    return static_cast<std::uint32_t>(parts_.listeners.size());
  }

  [[nodiscard]] shard_family make_shard(std::uint32_t index) override {
    auto& opened = parts_.storage.shards[index];
    const shard_id shard{index};
    const auto pattern = opened.log.writer->order_segment();
    shard_family made;
    made.writer = spawn_data_writer(system_, *parts_.files, pattern);
    const auto home = index % static_cast<std::uint32_t>(parts_.reactors->size());
    auto& reactor = *(*parts_.reactors)[home];
    flusher_parts of_flusher;
    of_flusher.writer = std::move(opened.log.writer);
    made.worker = spawn_log_worker(system_, of_flusher.writer);
    of_flusher.worker = made.worker;
    of_flusher.file_maker = made.writer;
    of_flusher.commits = commits_beside(opened.directory);
    const auto commits_by = of_flusher.commits ? log_commits::io_uring : log_commits::thread;
    made.flusher = spawn_wal_flusher(reactor, std::move(of_flusher));
    made.reader = spawn_data_reader(system_, *parts_.files, shard, opened.directory);
    shard_parts of_shard;
    of_shard.options = {{shard, shard_count()}, random_seed()};
    of_shard.tail = std::move(opened.tail);
    of_shard.store = std::move(opened.store);
    of_shard.segments = std::move(opened.log.segments);
    of_shard.segment_bytes = parts_.storage.identity.segment_bytes;
    of_shard.commits_by = commits_by;
    of_shard.epoch = opened.log.start.epoch;
    of_shard.history = opened.log.start.history;
    made.shard = spawn_shard(reactor, (*parts_.directories)[home], home, std::move(of_shard),
                             {made.flusher, made.reader});
    return made;
  }

  [[nodiscard]] gateway_actor make_gateway(std::uint32_t index,
                                           const std::vector<shard_actor>& shards,
                                           const node_actor& node) override {
    gateway_parts made;
    made.index = index;
    made.shard_count = shard_count();
    made.segment_bytes = parts_.storage.identity.segment_bytes;
    made.hash_seed = parts_.storage.identity.hash_seed;
    made.listener = std::move(parts_.listeners[index]);
    made.shards = shards;
    made.node = node;
    made.places = parts_.places;
    made.facts = parts_.facts;
    return spawn_gateway(*(*parts_.reactors)[index], (*parts_.directories)[index], *parts_.config,
                         std::move(made));
  }

  [[nodiscard]] metrics_actor make_metrics(const std::vector<shard_actor>& shards,
                                           const std::vector<gateway_actor>& gateways) override {
    return spawn_metrics(system_, shards, gateways);
  }

  [[nodiscard]] link_listener_actor make_link_listener() override {
    const auto& identity = parts_.storage.identity;
    return spawn_link_listener(
        *parts_.reactors->front(),
        {parts_.peer_listener, identity.cluster, identity.node, &parts_.config->cluster_secret});
  }

  [[nodiscard]] admin_actor make_admin(admin_parts whom) override {
    return spawn_admin(system_, std::move(whom));
  }

 private:
  /// Null if there is none: then the log workers write everything. Said once for the node.
  std::unique_ptr<io::commit_queue> commits_beside(const std::string& directory) {
    auto made = parts_.files->make_commit_queue(directory + "/" + log::manifest_names.front());
    if (made) return std::move(*made);
    if (!std::exchange(told_, true)) {
      spdlog::warn("log commits go to threads, which costs two wake-ups each: {}",
                   made.error().message);
    }
    return nullptr;
  }

  caf::actor_system& system_;
  node_parts parts_;
  bool told_ = false;  // that there is no commit queue
};

}  // namespace

std::unique_ptr<node_children> storage_children(caf::actor_system& system, node_parts parts) {
  return std::make_unique<stored_children>(system, std::move(parts));
}

}  // namespace troupe::actors
