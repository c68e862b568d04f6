#include "tests/sim/node_shard.hpp"

#include <fmt/format.h>

#include "storage/base/ensure.hpp"
#include "storage/log/read_record.hpp"

namespace troupe::sim {
namespace {

constexpr std::uint64_t segment_bytes = std::uint64_t{4} << 20;
constexpr std::uint32_t shard_count = 2;
constexpr std::uint64_t hash_seed = 7;

}  // namespace

node_shard::node_shard(disk& disk, shard_id which, const troupe::clock& time, prng& random,
                       promise_time promises)
    : disk_(disk), which_(which), time_(time), random_(random), promises_(promises) {}

result<void> node_shard::open(std::uint64_t memory_bytes) {
  unique_id id;
  id.bytes.fill(1);
  const log::open_options options{.cluster = {id},
                                  .node = {id},
                                  .shard = which_,
                                  .shard_count = shard_count,
                                  .segment_bytes = segment_bytes,
                                  .seed = random_.next()};
  store_ = std::make_unique<kv::store>(kv::store_options{which_, hash_seed, memory_bytes}, time_);
  result<void> applied;
  TRY(log_, log::open_log(disk_, fmt::format("/data/shard-{:04}", which_.value), options,
                          [&](const log::record_view& record, log::position where) {
                            if (applied) applied = store_->apply(record, where);
                          }));
  TRY_VOID(applied);
  TRY_VOID(store_->check_recovered());
  tail_ = std::make_unique<log::log_tail>(log_.start, log_.spares);
  store_->finish_recovery(*tail_);
  core_.emplace(actors::shard_options{{which_, shard_count}, random_.next()}, *store_, *tail_,
                time_, *this);
  core_->tick();
  return {};
}

bool node_shard::is_idle() const {
  return core_->settled() && mailbox_.empty() && said_.empty() && reads_.empty() && !written_;
}

std::optional<shard_message> node_shard::take_message() {
  if (said_.empty()) return std::nullopt;
  auto message = std::move(said_.front());
  said_.pop_front();
  return message;
}

// ---- what it does ------------------------------------------------------------------------------

void node_shard::step() {
  switch (random_.below(8)) {
    case 0: core_->tick(); break;
    case 1: core_->end_round(); break;
    case 2:
    case 3:
      if (written_) {
        report();
      } else {
        flush();
      }
      break;
    case 4: read(); break;
    case 5:
      if (segments_wanted_ > 0) make_segment();
      break;
    default:
      if (mailbox_.empty()) break;
      const auto message = std::move(mailbox_.front());
      mailbox_.pop_front();
      message(*core_);
  }
}

void node_shard::flush() {
  if (frame_) {
    const auto before = log_.writer->statistics().written_bytes;
    auto settled = log_.writer->write(*frame_);
    written_ =
        written_frame{std::move(settled),
                      static_cast<std::uint32_t>(log_.writer->statistics().written_bytes - before)};
    frame_.reset();
  } else if (dead_) {
    // A failure poisons the writer and shows with the next frame.
    static_cast<void>(log_.writer->retire_prefix(dead_->first_live_ordinal, dead_->consistent_from,
                                                 dead_->purged));
    dead_.reset();
  }
}

void node_shard::report() {
  const auto done = std::move(*written_);
  written_.reset();
  if (disk_.crashed()) return;
  if (done.settled) {
    core_->on_frame_durable(*done.settled, done.bytes);
  } else {
    core_->on_log_failed(done.settled.error());
  }
}

void node_shard::make_segment() {
  --segments_wanted_;
  const auto adopted = log_.writer->prepare_segment();
  if (disk_.crashed()) return;
  if (adopted) {
    core_->on_segment(adopted->use, adopted->ordinal);
  } else {
    core_->on_segment_failed(adopted.error());
  }
}

void node_shard::read() {
  if (reads_.empty()) return;
  const auto wanted = reads_.front();
  reads_.pop_front();
  std::string buffer;
  const auto record = [&]() -> result<std::string_view> {
    TRY(const auto path, log_.writer->path_of(wanted.where.segment));
    TRY(const auto file, disk_.open(path, io::access::read));
    TRY_VOID(log::read_record(*file, wanted.where, wanted.size, log_.start.geometry.shard, buffer));
    return std::string_view(buffer);
  }();
  if (!disk_.crashed()) core_->on_record(wanted.ticket, record);
}

// ---- what its core wants -----------------------------------------------------------------------

void node_shard::send_frame(log::frame&& closed) {
  ENSURE(!frame_ && !written_);
  if (promises_ == promise_time::when_sent) {
    said_.push_back({shard_message::kind::watermark, {}, {}, closed.last, {}});
  }
  frame_ = std::move(closed);
}

void node_shard::send_reply(actors::shard_reply&& answer) {
  shard_message message{shard_message::kind::reply, {}, {}, {}, {}};
  message.answers.push_back(std::move(answer));
  said_.push_back(std::move(message));
}

void node_shard::send_transaction_reply(actors::lane_key transaction,
                                        std::vector<actors::shard_reply>&& answers) {
  said_.push_back({shard_message::kind::transaction, std::move(answers), transaction, {}, {}});
}

void node_shard::send_part(const actors::streamed_part&) { ENSURE(false); }

void node_shard::announce(lsn durable, const failure* failed) {
  said_.push_back({shard_message::kind::watermark,
                   {},
                   {},
                   durable,
                   failed != nullptr ? failed->message : std::string()});
}

}  // namespace troupe::sim
