#include "actors/node_storage.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "storage/base/prng.hpp"
#include "storage/log/segment_format.hpp"

namespace troupe::actors {

namespace {

unique_id new_id(prng& random) {
  unique_id id;
  const std::uint64_t words[2] = {random.next(), random.next()};
  std::memcpy(id.bytes.data(), words, id.bytes.size());
  return id;
}

result<log::node_identity> create_identity(io::file_system& files, const node_config& config) {
  TRY(const auto present, files.list(config.data_dir));
  for (const auto& name : present) {
    if (name.starts_with("shard-")) {
      return failure{errc::corrupt,
                     fmt::format("{} holds {} but no file {}: restore that file from "
                                 "a backup, or choose an empty directory",
                                 config.data_dir, name, log::node_identity_name)};
    }
  }
  prng random(random_seed());
  log::node_identity who;
  who.cluster = {new_id(random)};
  who.node = {new_id(random)};
  who.shard_count = config.shards.value_or(config.reactors);
  who.segment_bytes = config.segment_bytes;
  who.hash_seed = random.next();
  TRY_VOID(log::write_node_identity(files, config.data_dir, who));
  return who;
}

result<log::node_identity> identity_of(io::file_system& files, const node_config& config) {
  auto who = log::read_node_identity(files, config.data_dir);
  if (!who) {
    if (who.error().code != errc::not_found) return who.error();
    return create_identity(files, config);
  }
  if (config.shards && *config.shards != who->shard_count) {
    return failure{
        errc::foreign,
        fmt::format("{} was created with shards = {}, not {}: leave the setting out or "
                    "give {}",
                    config.data_dir, who->shard_count, *config.shards, who->shard_count)};
  }
  if (config.segment_bytes != who->segment_bytes) {
    spdlog::info("segments stay at {} bytes, as {} was created", who->segment_bytes,
                 config.data_dir);
  }
  return who;
}

result<opened_shard> open_shard(io::file_system& files, const node_config& config,
                                const log::node_identity& who, shard_id shard, const clock& time) {
  opened_shard opened;
  opened.directory = fmt::format("{}/{}", config.data_dir, log::shard_directory_name(shard));
  opened.store = std::make_unique<kv::store>(
      kv::store_options{shard, who.hash_seed, config.memory_bytes / who.shard_count}, time);
  const log::open_options options{who.cluster,     who.node,          shard,
                                  who.shard_count, who.segment_bytes, random_seed()};
  auto& store = *opened.store;
  result<void> applied;
  const auto apply = [&](const log::record_view& record, log::position where) {
    if (applied) applied = store.apply(record, where);
  };
  TRY(opened.log, log::open_log(files, opened.directory, options, apply));
  if (applied) applied = store.check_recovered();
  if (!applied) return applied.error().in(opened.directory);
  opened.tail = std::make_unique<log::log_tail>(opened.log.start, opened.log.spares);
  opened.store->finish_recovery(*opened.tail);
  return opened;
}

}  // namespace

result<node_storage> open_node_storage(io::file_system& files, const node_config& config,
                                       std::span<const clock* const> clocks) {
  node_storage storage;
  TRY_VOID(files.make_directories(config.data_dir));
  TRY(storage.lock, files.lock_directory(config.data_dir));
  TRY(storage.identity, identity_of(files, config));

  const auto count = storage.identity.shard_count;
  std::vector<std::optional<result<opened_shard>>> opened(count);
  std::atomic<std::uint32_t> next{0};
  const auto open_some = [&] {
    for (auto i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      opened[i] = open_shard(files, config, storage.identity, {i}, *clocks[i % clocks.size()]);
    }
  };
  std::vector<std::thread> helpers;
  const auto threads = std::min(count, std::max(1u, std::thread::hardware_concurrency()));
  for (std::uint32_t i = 1; i < threads; ++i) helpers.emplace_back(open_some);
  open_some();
  for (auto& helper : helpers) helper.join();

  for (std::uint32_t i = 0; i < count; ++i) {
    if (!*opened[i]) return opened[i]->error().in(fmt::format("shard {}", i));
    storage.shards.push_back(std::move(*opened[i]).value());
    const auto& report = storage.shards.back().log.report;
    if (!report.manifest_damage.empty()) spdlog::warn("shard {}: {}", i, report.manifest_damage);
  }
  return storage;
}

}  // namespace troupe::actors
