#include "actors/node_storage.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "storage/base/limits.hpp"
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

bool is_leftover(std::string_view name) {
  constexpr std::array harmless{std::string_view("LOCK"), std::string_view("NODE.new"),
                                std::string_view("lost+found")};
  return std::ranges::find(harmless, name) != harmless.end();
}

/// Refuses a directory that has no identity and holds what no first start leaves behind. Changes
/// nothing.
result<void> check_claimable(io::file_system& files, const std::string& directory) {
  TRY(const auto exists, files.exists(directory));
  if (!exists) return {};
  TRY(auto names, files.list(directory));
  if (std::ranges::find(names, log::node_identity_name) != names.end()) return {};
  std::erase_if(names, is_leftover);
  if (names.empty()) return {};
  for (const auto& name : names) {
    if (name.starts_with("shard-")) {
      return failure{errc::corrupt, fmt::format("{} holds {} but no file {}: restore that file "
                                                "from a backup, or choose an empty directory",
                                                directory, name, log::node_identity_name)};
    }
  }
  const auto others = names.size() == 1 ? "" : fmt::format(" and {} more", names.size() - 1);
  return failure{errc::foreign,
                 fmt::format("{} holds {}{} but no file {}: it is not the directory of a node and "
                             "was left as it is; choose an empty or a new one",
                             directory, names.front(), others, log::node_identity_name)};
}

result<log::node_identity> create_identity(io::file_system& files, const node_config& config) {
  TRY_VOID(check_claimable(files, config.data_dir));
  prng random(random_seed());
  log::node_identity who;
  who.cluster = {new_id(random)};
  who.node = {new_id(random)};
  who.shard_count = config.shards.value_or(config.reactors);
  who.state = log::node_state::creating;
  who.segment_bytes = config.segment_bytes.value_or(limits::segment_bytes_default);
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
  if (config.segment_bytes && *config.segment_bytes != who->segment_bytes) {
    spdlog::info("segments stay at {} bytes, as {} was created", who->segment_bytes,
                 config.data_dir);
  }
  return who;
}

std::string shard_directory(const node_config& config, shard_id shard) {
  return fmt::format("{}/{}", config.data_dir, log::shard_directory_name(shard));
}

/// Of a directory whose first start was finished: refuses it, naming every shard that is gone,
/// before anything is changed.
result<void> check_shards(io::file_system& files, const node_config& config,
                          const log::node_identity& who) {
  std::string missing;
  for (std::uint32_t i = 0; i < who.shard_count; ++i) {
    const auto present = log::check_log_present(files, shard_directory(config, {i}));
    if (present) continue;
    if (present.error().code != errc::corrupt) return present;
    missing += (missing.empty() ? "" : "; ") + present.error().message;
  }
  if (missing.empty()) return {};
  return failure{errc::corrupt,
                 fmt::format("{}. By {} the node has {} shards with data: restore what is missing "
                             "from a backup, or give the data up and choose an empty directory",
                             missing, log::node_identity_name, who.shard_count)};
}

result<opened_shard> open_shard(io::file_system& files, const node_config& config,
                                const log::node_identity& who, shard_id shard, const clock& time) {
  opened_shard opened;
  opened.directory = shard_directory(config, shard);
  opened.store = std::make_unique<kv::store>(
      kv::store_options{shard, who.hash_seed, config.memory_bytes / who.shard_count}, time);
  const bool is_first_start = who.state == log::node_state::creating;
  const log::open_options options{
      .cluster = who.cluster,
      .node = who.node,
      .shard = shard,
      .shard_count = who.shard_count,
      .segment_bytes = who.segment_bytes,
      .seed = random_seed(),
      .presence = is_first_start ? log::log_presence::may_be_new : log::log_presence::required};
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

/// A failure to open a shard as the operator sees it: which one, and what to do about damage.
failure explain(failure why, const node_config& config, shard_id shard) {
  if (why.code == errc::corrupt) {
    const auto directory = shard_directory(config, shard);
    why.message += fmt::format(
        "; restore {0} from a backup, or give the data up and choose an empty directory (troupe "
        "inspect --records {0} lists what stands before the damage)",
        directory);
  }
  return why.in(fmt::format("shard {}", shard.value));
}

}  // namespace

result<node_storage> open_node_storage(io::file_system& files, const node_config& config,
                                       std::span<const clock* const> clocks,
                                       std::uint32_t threads_max) {
  node_storage storage;
  TRY_VOID(check_claimable(files, config.data_dir));
  TRY_VOID(files.make_directories(config.data_dir));
  TRY(storage.lock, files.lock_directory(config.data_dir));
  TRY(storage.identity, identity_of(files, config));
  auto& who = storage.identity;
  if (who.state == log::node_state::complete) TRY_VOID(check_shards(files, config, who));

  const auto count = who.shard_count;
  std::vector<std::optional<result<opened_shard>>> opened(count);
  std::atomic<std::uint32_t> next{0};
  const auto open_some = [&] {
    for (auto i = next.fetch_add(1); i < count; i = next.fetch_add(1)) {
      opened[i] = open_shard(files, config, who, {i}, *clocks[i % clocks.size()]);
    }
  };
  std::vector<std::thread> helpers;
  for (std::uint32_t i = 1; i < std::min(count, threads_max); ++i) helpers.emplace_back(open_some);
  open_some();
  for (auto& helper : helpers) helper.join();

  for (std::uint32_t i = 0; i < count; ++i) {
    if (!*opened[i]) return explain(opened[i]->error(), config, {i});
    storage.shards.push_back(std::move(*opened[i]).value());
    const auto& report = storage.shards.back().log.report;
    if (!report.manifest_damage.empty()) spdlog::warn("shard {}: {}", i, report.manifest_damage);
  }
  if (who.state == log::node_state::creating) {
    who.state = log::node_state::complete;
    TRY_VOID(log::write_node_identity(files, config.data_dir, who));
  }
  return storage;
}

}  // namespace troupe::actors
