#include "actors/node_children.hpp"

#include <utility>

#include "actors/data_reader.hpp"
#include "actors/data_writer.hpp"
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
    made.flusher = spawn_wal_flusher(system_, std::move(opened.log.writer), made.writer);
    made.reader = spawn_data_reader(system_, *parts_.files, shard, opened.directory);
    shard_parts of_shard;
    of_shard.options = {{shard, shard_count()}, random_seed()};
    of_shard.tail = std::move(opened.tail);
    of_shard.store = std::move(opened.store);
    of_shard.segments = std::move(opened.log.segments);
    of_shard.segment_bytes = parts_.storage.identity.segment_bytes;
    const auto home = index % static_cast<std::uint32_t>(parts_.reactors->size());
    made.shard = spawn_shard(*(*parts_.reactors)[home], (*parts_.directories)[home], home,
                             std::move(of_shard), {made.flusher, made.reader});
    return made;
  }

  [[nodiscard]] gateway_actor make_gateway(std::uint32_t index,
                                           const std::vector<shard_actor>& shards,
                                           const node_actor& node) override {
    gateway_parts made;
    made.index = index;
    made.shard_count = shard_count();
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

 private:
  caf::actor_system& system_;
  node_parts parts_;
};

}  // namespace

std::unique_ptr<node_children> storage_children(caf::actor_system& system, node_parts parts) {
  return std::make_unique<stored_children>(system, std::move(parts));
}

}  // namespace troupe::actors
