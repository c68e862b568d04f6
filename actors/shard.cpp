#include "actors/shard.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "actors/command_codec.hpp"
#include "actors/failure_codec.hpp"
#include "actors/log_codec.hpp"
#include "actors/paced_warning.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/shard_steering.hpp"
#include "actors/statistics_codec.hpp"
#include "actors/stream_codec.hpp"
#include "actors/wal_flusher.hpp"

namespace troupe::actors {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds(100);

class shard_state final : public shard_outputs, public runtime::round_hook {
 public:
  static constexpr const char* name = "shard";

  shard_state(shard_actor::pointer self, runtime::reactor* home, shard_directory* directory,
              std::uint32_t home_index, shard_parts parts, shard_neighbours neighbours)
      : self_(self),
        home_(*home),
        directory_(*directory),
        home_index_(home_index),
        tail_(std::move(parts.tail)),
        store_(std::move(parts.store)),
        place_(parts.options.place),
        segment_bytes_(parts.segment_bytes),
        commits_by_(parts.commits_by),
        epoch_(parts.epoch),
        history_(parts.history),
        neighbours_(std::move(neighbours)),
        core_(parts.options, *store_, *tail_, home->time(), *this),
        steering_(core_) {
    for (const auto& segment : parts.segments) learn_segment(segment.use, segment.ordinal);
    segment_count_ = parts.segments.size();
    directory_.local.at(place_.shard.value) = &core_;
    home_.add_hook(*this);
  }

  ~shard_state() override {
    allow_polling();
    home_.remove_hook(*this);
    directory_.local.at(place_.shard.value) = nullptr;
  }

  shard_actor::behavior_type make_behavior() {
    introduce();
    self_->delayed_send(self_, tick_interval, caf::tick_atom::value);
    return {
        [this](const envelope<schemas::FrameWritten>& message) { on_frame(message); },
        [this](const envelope<schemas::SegmentOutcome>& message) { on_segment(message); },
        [this](const envelope<schemas::RecordRead>& message) { on_record(message); },
        [this](const envelope<schemas::Attach>& message, const gateway_actor& from) {
          attach(message, from);
        },
        [this](const envelope<schemas::CommandBatch>& message) { on_commands(message); },
        [this](const envelope<schemas::StreamOrders>& message) { on_stream_orders(message); },
        [this](const envelope<schemas::TransactionStep>& message) { on_transaction(message); },
        [this](const envelope<schemas::CommitDemand>& message) { on_demand(message); },
        [this](const envelope<schemas::StatisticsRequest>& request) { return statistics(request); },
        [this](const envelope<schemas::SteerShard>& order) {
          auto asker = self_->make_response_promise<envelope<schemas::ShardSteered>>();
          steering_.take(order, asker, home_.time().monotonic_us());
          return asker;
        },
        [this](const envelope<schemas::Stop>& message) { on_stop(message); },
        [this](caf::tick_atom) { on_tick(); },
    };
  }

  // ---- round_hook -------------------------------------------------------------------------------
  void on_round_end() override {
    core_.end_round();
    steering_.on_round_end();
    for (std::size_t i = 0; i < gateways_.size(); ++i) send_replies(gateways_[i]);
    if (stopping_ && core_.settled() && !stop_sent_) {
      // quit() outside of a handler would not end the actor: handle one more message.
      stop_sent_ = true;
      self_->send(self_, envelope<schemas::Stop>::builder().finish());
    }
  }
  std::optional<std::uint64_t> next_deadline_us() const override {
    return core_.next_deadline_us();
  }

  // ---- shard_outputs ----------------------------------------------------------------------------
  void send_frame(log::frame&& closed) override {
    auto message = log_frame(closed);
    // The log worker wants a core to check and copy a large frame; a small one only keeps the disk
    // busy.
    if (closed.payload.size() > small_frame_bytes) forbid_polling();
    tail_->recycle(std::move(closed.payload));
    self_->send(neighbours_.flusher, std::move(message));
  }

  void send_reply(shard_reply&& answer) override {
    auto& to = gateways_.at(answer.lane.gateway);
    to.awaited = std::max(to.awaited, answer.outcome.hold);
    to.replies.push_back(std::move(answer));
  }

  void send_transaction_reply(lane_key transaction, std::vector<shard_reply>&& answers) override {
    if (shard_steering::is_ours(transaction)) return steering_.on_granted();
    auto& to = gateways_.at(transaction.gateway);
    auto bytes = std::size_t{128};
    for (const auto& answer : answers) bytes += message_bytes(answer);
    envelope<schemas::TransactionReply>::builder message(bytes);
    message->setShard(place_.shard.value);
    message->setTransaction(transaction.connection);
    auto list = message->initReplies(static_cast<unsigned>(answers.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      to.awaited = std::max(to.awaited, answers[i].outcome.hold);
      actors::encode(answers[i], list[i]);
    }
    self_->send(to.handle, message.finish());
  }

  void send_part(const streamed_part& part) override {
    self_->send(gateways_.at(part.to.gateway).handle,
                actors::encode(part, place_.shard, record_bytes_), record_read_);
  }

  void announce(lsn durable, const failure* failed) override {
    for (std::size_t i = 0; i < gateways_.size(); ++i) {
      auto& to = gateways_[i];
      // A gateway on this reactor holds replies of inline commands that were never counted here.
      if (!to.handle || !(to.awaited > to.announced || i == home_index_ || failed != nullptr))
        continue;
      to.announced = durable;
      // Replies first: they must know their holds before the watermark that releases them.
      send_replies(to);
      envelope<schemas::Watermark>::builder message;
      message->setShard(place_.shard.value);
      message->setDurable(durable.value);
      if (failed != nullptr) message->setFailure(schemas::text(failed->message));
      self_->send(to.handle, message.finish());
    }
  }

  void prepare_segment() override {
    self_->send(neighbours_.flusher, envelope<schemas::PrepareSegment>::builder().finish());
  }

  void retire(const kv::retirable_prefix& dead) override {
    envelope<schemas::RetireSegments>::builder message;
    message->setFirstLive(dead.first_live_ordinal);
    message->setConsistentFrom(dead.consistent_from.value);
    message->setPurged(dead.purged.value);
    self_->send(neighbours_.flusher, message.finish());
    segment_count_ -= dead.first_live_ordinal - first_segment_;
    first_segment_ = dead.first_live_ordinal;
  }

  void read_record(std::uint64_t ticket, log::position where, std::uint32_t size) override {
    envelope<schemas::ReadRecord>::builder message;
    message->setTicket(ticket);
    message->setUse(uses_.at(where.segment).value);
    message->setSegment(where.segment);
    message->setOffset(where.offset);
    message->setSize(size);
    self_->send(neighbours_.reader, message.finish());
  }

 private:
  struct gateway_link {
    gateway_actor handle;
    std::vector<shard_reply> replies;  // of this round
    lsn awaited{};                     // highest watermark it waits for, as far as known here
    lsn announced{};                   // the last one it was told
  };

  void forbid_polling() {
    home_.set_busy_poll(runtime::busy_poll::forbidden);
    polling_forbidden_ = true;
  }
  void allow_polling() {
    if (!std::exchange(polling_forbidden_, false)) return;
    home_.set_busy_poll(runtime::busy_poll::allowed);
  }

  void introduce() {
    envelope<schemas::Attach>::builder message;
    message->setIndex(place_.shard.value);
    const auto introduction = message.finish();
    const auto me = caf::actor_cast<disk_client>(caf::strong_actor_ptr(self_->ctrl()));
    self_->send(neighbours_.flusher, introduction, me);
    self_->send(neighbours_.reader, introduction, me);
  }

  void attach(const envelope<schemas::Attach>& message, const gateway_actor& from) {
    const auto index = envelope<schemas::Attach>::reader(message)->getIndex();
    if (index >= gateways_.size()) gateways_.resize(index + 1);
    gateways_[index].handle = from;
  }

  void send_replies(gateway_link& to) {
    if (to.replies.empty()) return;
    auto bytes = std::size_t{128};
    for (const auto& reply : to.replies) bytes += message_bytes(reply);
    envelope<schemas::ReplyBatch>::builder message(bytes);
    message->setShard(place_.shard.value);
    auto list = message->initReplies(static_cast<unsigned>(to.replies.size()));
    for (unsigned i = 0; i < list.size(); ++i) actors::encode(to.replies[i], list[i]);
    self_->send(to.handle, message.finish());
    to.replies.clear();
  }

  /// One reader for a whole message, shared by the commands whose words point into it.
  template <class T>
  static std::shared_ptr<typename envelope<T>::reader> share(const envelope<T>& message) {
    struct held {
      envelope<T> kept;
      typename envelope<T>::reader reader{kept};
      explicit held(envelope<T> from) : kept(std::move(from)) {}
    };
    auto both = std::make_shared<held>(message);
    return {both, &both->reader};
  }

  void on_commands(const envelope<schemas::CommandBatch>& message) {
    const auto batch = share(message);
    const auto gateway = (*batch)->getGateway();
    for (const auto command : (*batch)->getCommands()) {
      core_.enqueue({gateway, command.getConnection()}, actors::decode(command, batch));
    }
  }

  void on_transaction(const envelope<schemas::TransactionStep>& message) {
    const auto step = share(message);
    const lane_key key{(*step)->getGateway(), (*step)->getTransaction()};
    switch ((*step)->which()) {
      case schemas::TransactionStep::PAUSE: core_.pause(key); return;
      case schemas::TransactionStep::RELEASE: core_.release(key); return;
      case schemas::TransactionStep::RUN: break;
    }
    std::vector<queued_command> pieces;
    for (const auto piece : (*step)->getRun()) pieces.push_back(actors::decode(piece, step));
    core_.run_pieces(key, std::move(pieces));
  }

  void on_frame(const envelope<schemas::FrameWritten>& message) {
    const envelope<schemas::FrameWritten>::reader written(message);
    allow_polling();
    if (written->isDurable()) {
      core_.on_frame_durable({written->getSettled()}, written->getBytes());
    } else {
      core_.on_log_failed(actors::decode(written->getFailed()));
    }
  }

  void on_segment(const envelope<schemas::SegmentOutcome>& message) {
    const envelope<schemas::SegmentOutcome>::reader outcome(message);
    if (outcome->isFailed()) {
      core_.on_segment_failed(actors::decode(outcome->getFailed()));
      return;
    }
    const auto adopted = outcome->getAdopted();
    learn_segment({adopted.getUse()}, adopted.getOrdinal());
    ++segment_count_;
    core_.on_segment({adopted.getUse()}, adopted.getOrdinal());
  }

  void on_record(const envelope<schemas::RecordRead>& message) {
    const envelope<schemas::RecordRead>::reader read(message);
    record_read_ = message;
    if (read->isRecord()) {
      record_bytes_ = schemas::view(read->getRecord());
      core_.on_record(read->getTicket(), record_bytes_);
    } else {
      auto why = actors::decode(read->getFailed());
      if (const auto times = unread_.failed(home_.time().monotonic_us())) {
        spdlog::error("shard {}: a record cannot be read ({} reads failed since the last line): {}",
                      place_.shard.value, *times, why.message);
      }
      core_.on_record(read->getTicket(), std::move(why));
    }
    record_read_ = envelope<schemas::RecordRead>();
  }

  void on_stream_orders(const envelope<schemas::StreamOrders>& message) {
    const envelope<schemas::StreamOrders>::reader all(message);
    for (const auto order : all->getOrders()) {
      if (order.getParts() > 0) {
        core_.credit_stream(order.getStream(), order.getParts());
      } else {
        core_.drop_stream(order.getStream());
      }
    }
  }

  void on_demand(const envelope<schemas::CommitDemand>& message) {
    const envelope<schemas::CommitDemand>::reader demand(message);
    auto& from = gateways_.at(demand->getGateway());
    from.awaited = std::max(from.awaited, lsn{demand->getUpTo()});
    core_.demand_commit();
    if (core_.durable().value >= demand->getUpTo() || core_.failed()) {
      announce(core_.durable(), core_.failed() ? &*core_.failed() : nullptr);
    }
  }

  void on_stop(const envelope<schemas::Stop>& message) {
    const envelope<schemas::Stop>::reader order(message);
    if (!stopping_) {
      stopping_ = true;
      steering_.resume();
      stop_at_us_ = home_.time().monotonic_us() + order->getGraceMs() * 1000ull;
      core_.demand_commit();
    }
    if (!core_.settled()) return;
    if (!core_.failed()) {
      self_->quit();
      return;
    }
    spdlog::error("shard {}: stopped with a failed log: {}", place_.shard.value,
                  core_.failed()->message);
    self_->quit(caf::make_error(not_all_written));
  }

  void on_tick() {
    core_.tick();
    steering_.on_tick(home_.time().monotonic_us());
    if (stopping_ && home_.time().monotonic_us() >= stop_at_us_) {
      spdlog::error("shard {}: stopped before everything was written", place_.shard.value);
      self_->quit(caf::make_error(not_all_written));
      return;
    }
    self_->delayed_send(self_, tick_interval, caf::tick_atom::value);
  }

  envelope<schemas::ShardStatistics> statistics(
      const envelope<schemas::StatisticsRequest>& request) {
    auto counted = core_.statistics();
    if (envelope<schemas::StatisticsRequest>::reader(request)->getReset()) {
      core_.reset_statistics();
    }
    counted.segments = segment_count_;
    counted.segment_bytes = segment_count_ * segment_bytes_;
    counted.commits_by = commits_by_;
    counted.epoch = epoch_;
    counted.history = history_;
    envelope<schemas::ShardStatistics>::builder answer(1024);
    actors::encode(counted, *answer);
    return answer.finish();
  }

  void learn_segment(use_id use, std::uint32_t ordinal) {
    if (ordinal >= uses_.size()) uses_.resize(ordinal + 1);
    uses_[ordinal] = use;
  }

  shard_actor::pointer self_;
  runtime::reactor& home_;
  shard_directory& directory_;
  std::uint32_t home_index_;
  std::unique_ptr<log::log_tail> tail_;
  std::unique_ptr<kv::store> store_;
  resp::shard_place place_;
  std::uint64_t segment_bytes_;
  log_commits commits_by_;
  epoch_number epoch_;
  history_id history_;
  shard_neighbours neighbours_;
  std::vector<gateway_link> gateways_;
  std::vector<use_id> uses_;  // by ordinal
  std::uint64_t segment_count_ = 0;
  std::uint32_t first_segment_ = 0;
  // While a record read is handled: its message, which is passed on to who streams it.
  envelope<schemas::RecordRead> record_read_;
  std::string_view record_bytes_;
  paced_warning unread_;
  bool polling_forbidden_ = false;
  bool stopping_ = false;
  bool stop_sent_ = false;
  std::uint64_t stop_at_us_ = 0;
  shard_core core_;  // nearly last: its constructor may use all of the above
  shard_steering steering_;
};

}  // namespace

shard_actor spawn_shard(runtime::reactor& home, shard_directory& directory,
                        std::uint32_t home_index, shard_parts parts, shard_neighbours neighbours) {
  return runtime::spawn_pinned<shard_state, shard_actor>(home, &home, &directory, home_index,
                                                         std::move(parts), std::move(neighbours));
}

}  // namespace troupe::actors
