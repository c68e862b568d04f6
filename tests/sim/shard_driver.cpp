#include "tests/sim/shard_driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <set>

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

const std::string directory = "/data/shard-0001";
constexpr shard_id shard{1};
constexpr std::uint64_t hash_seed = 7;
/// Far above what any life needs to come to rest.
constexpr std::uint32_t settle_steps_max = 20'000;

log::open_options options_for(std::uint64_t segment_bytes, std::uint64_t seed) {
  unique_id cluster;
  cluster.bytes.fill(1);
  unique_id node;
  node.bytes.fill(2);
  return {.cluster = {cluster},
          .node = {node},
          .shard = shard,
          .shard_count = 2,
          .segment_bytes = segment_bytes,
          .seed = seed};
}

}  // namespace

shard_driver::shard_driver(disk& disk, shard_driver_options options)
    : disk_(disk), options_(options), random_(options.seed) {}

void shard_driver::close() {
  core_.reset();
  store_.reset();
  tail_.reset();
  // Before the writer whose buffer it reads.
  commits_.reset();
  under_way_.reset();
  log_ = {};
  flusher_.clear();
  written_.reset();
  segments_wanted_ = 0;
  making_.reset();
  made_.reset();
  reads_.clear();
  clients_.clear();
  failed_ = false;
}

bool shard_driver::went_wrong() { return disk_.crashed() || model_.violation().has_value(); }

bool shard_driver::open() {
  close();
  store_ = std::make_unique<kv::store>(kv::store_options{shard, hash_seed, options_.memory_bytes},
                                       time_);
  result<void> applied;
  auto opened = log::open_log(disk_, directory, options_for(options_.segment_bytes, random_.next()),
                              [&](const log::record_view& record, log::position where) {
                                if (applied) applied = store_->apply(record, where);
                              });
  if (opened && applied) applied = store_->check_recovered();
  if (!opened || !applied) {
    const auto& why = opened ? applied.error() : opened.error();
    if (!disk_.crashed()) model_.complain(fmt::format("cannot open: {}", why.message));
    return false;
  }
  log_ = std::move(*opened);
  auto queue = disk_.make_commit_queue(directory + "/" + log::manifest_names.front());
  ENSURE(queue.has_value());
  commits_ = std::move(*queue);
  announced_ = {log_.start.next.value - 1};
  model_.on_recovered(announced_, log_.start.last_time_ms);
  tail_ = std::make_unique<log::log_tail>(log_.start, log_.spares);
  store_->finish_recovery(*tail_);
  core_.emplace(actors::shard_options{{shard, 2}, random_.next()}, *store_, *tail_, time_, *this);
  for (std::uint32_t i = 0; i < options_.clients; ++i) {
    sim_client client;
    client.lane = {0, i};
    client.transaction_lane = {1, i};
    client.level = static_cast<durability>(random_.below(3));
    clients_.push_back(std::move(client));
  }
  // A shard that could not prepare all its segments at once goes on asking.
  core_->tick();
  return compare();
}

// Every key, with its value and deadline, through the commands of a client.
bool shard_driver::compare() {
  if (went_wrong()) return false;
  store_->begin_command(durability::memory);
  const auto expected = model_.visible(store_->now_ms());
  std::set<std::string> found;
  for (std::uint64_t cursor = 0;;) {
    cursor = store_->scan(cursor, 100, [&](std::string_view key) { found.emplace(key); });
    if (cursor == 0) break;
  }
  if (found != expected) {
    model_.complain(fmt::format("after the restart there are {} keys instead of {}", found.size(),
                                expected.size()));
  }
  for (const auto& key : expected) {
    if (went_wrong()) return false;
    ask({"GET", key});
    ask({"PTTL", key});
  }
  return !went_wrong();
}

std::string shard_driver::ask(const std::vector<std::string>& words) {
  auto& client = clients_.front();
  send_command(client, words);
  for (std::uint32_t i = 0; i < settle_steps_max && !went_wrong(); ++i) {
    if (std::ranges::all_of(client.queue, &sent_command::answered)) {
      release_replies();
      if (client.queue.empty()) return last_reply_;
    }
    core_->demand_commit();
    work_disk();
  }
  if (!went_wrong()) model_.complain(fmt::format("{} is never answered", words.front()));
  return {};
}

void shard_driver::pass(std::chrono::milliseconds time) {
  for (auto left = time; left > 0ms && !went_wrong(); left -= 100ms) {
    time_.advance(std::min<std::chrono::milliseconds>(left, 100ms));
    core_->tick();
    for (int i = 0; i < 20 && !went_wrong(); ++i) work_disk();
  }
}

void shard_driver::pass_some_time() {
  // The pieces of a run are told to the model together, so they must see one time.
  if (runs_pieces()) return;
  time_.advance(std::chrono::microseconds(random_.below(4000)));
  if (random_.one_in(40)) time_.advance(150ms);
  if (random_.one_in(80)) {
    time_.jump_wall(
        std::chrono::milliseconds(static_cast<std::int64_t>(random_.below(1000)) - 500));
  }
}

bool shard_driver::step() {
  switch (random_.below(20)) {
    case 0: core_->tick(); break;
    case 1:
    case 2: pass_some_time(); break;
    case 3: core_->end_round(); break;
    case 4:
    case 5:
    case 6:
    case 7: flusher_step(); break;
    case 8:
    case 9:
    case 10: read_some(); break;
    case 11:
      if (random_.one_in(8)) core_->demand_commit();
      break;
    default: client_step(clients_[random_.below(clients_.size())]); break;
  }
  if (disk_.crashed()) return false;
  release_replies();
  return !went_wrong();
}

bool shard_driver::live(std::uint32_t steps) {
  for (std::uint32_t i = 0; i < steps; ++i) {
    if (!step()) return false;
  }
  return true;
}

bool shard_driver::is_idle() const {
  return core_->settled() && std::ranges::all_of(clients_, [](const auto& client) {
           return client.queue.empty() && !client.upload &&
                  client.state == sim_client::transaction::none;
         });
}

bool shard_driver::settle() {
  for (std::uint32_t i = 0; i < settle_steps_max; ++i) {
    if (is_idle()) return true;
    core_->demand_commit();
    for (auto& client : clients_) {
      if (client.upload) upload_step(client);
      if (client.state != sim_client::transaction::none) transaction_step(client);
    }
    work_disk();
    if (disk_.crashed()) return false;
    release_replies();
    if (went_wrong()) return false;
  }
  model_.complain("the shard never comes to rest");
  return false;
}

}  // namespace troupe::sim
