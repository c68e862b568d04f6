#include "actors/wal_flusher.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <utility>

#include "actors/failure_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "storage/base/clock.hpp"

namespace troupe::actors {

namespace {

/// Writing a whole segment of zeros takes long on a slow disk.
constexpr auto make_file_deadline = std::chrono::minutes(10);

class wal_flusher_state {
 public:
  static constexpr const char* name = "wal_flusher";

  wal_flusher_state(wal_flusher_actor::pointer self, std::unique_ptr<log::log_writer> writer,
                    data_writer_actor file_maker)
      : self_(self), writer_(std::move(writer)), file_maker_(std::move(file_maker)) {}

  wal_flusher_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::Attach>&, const disk_client& shard) { shard_ = shard; },
        [this](const envelope<schemas::LogFrame>& frame) { write(frame); },
        [this](const envelope<schemas::PrepareSegment>&) { prepare(); },
        [this](const envelope<schemas::RetireSegments>& dead) { retire(dead); },
    };
  }

 private:
  void write(const envelope<schemas::LogFrame>& message) {
    const envelope<schemas::LogFrame>::reader from(message);
    log::frame_view frame;
    frame.use = {from->getUse()};
    frame.segment = from->getSegment();
    frame.offset = from->getOffset();
    frame.number = from->getNumber();
    frame.first = {from->getFirst()};
    frame.last = {from->getLast()};
    frame.settled = {from->getSettled()};
    frame.epoch = {from->getEpoch()};
    frame.history = {from->getHistory()};
    frame.time_ms = from->getTimeMs();
    frame.record_count = from->getRecordCount();
    frame.payload = schemas::view(from->getRecords());

    const auto written_before = writer_->statistics().written_bytes;
    const auto started_us = clock_.monotonic_us();
    const auto durable = writer_->write(frame);

    envelope<schemas::FrameWritten>::builder answer;
    answer->setWriteUs(static_cast<std::uint32_t>(clock_.monotonic_us() - started_us));
    answer->setBytes(
        static_cast<std::uint32_t>(writer_->statistics().written_bytes - written_before));
    if (durable) {
      answer->setSettled(durable->value);
      answer->setDurable();
    } else {
      spdlog::error("the log failed, its shard turns read-only: {}", durable.error().message);
      encode(durable.error(), answer->initFailed());
    }
    self_->send(shard_, answer.finish());
  }

  void prepare() {
    const auto order = writer_->order_segment();
    const auto use = order.header.use;
    envelope<schemas::MakeSegmentFile>::builder request;
    request->setUse(use.value);
    request->setRecycled(order.recycled ? order.recycled->value : 0);
    self_->request(file_maker_, make_file_deadline, request.finish())
        .then([this, use](const envelope<schemas::SegmentFile>& answer) { adopt(use, answer); },
              [this](const caf::error& why) {
                report_segment(failure{
                    errc::busy, "no answer from the data writer: " + self_->system().render(why)});
              });
  }

  void adopt(use_id use, const envelope<schemas::SegmentFile>& answer) {
    const envelope<schemas::SegmentFile>::reader from(answer);
    if (from->isFailed()) {
      report_segment(decode(from->getFailed()));
    } else {
      report_segment(writer_->adopt({use}));
    }
  }

  void report_segment(const result<log::prepared_segment>& prepared) {
    envelope<schemas::SegmentOutcome>::builder outcome;
    if (prepared) {
      auto adopted = outcome->initAdopted();
      adopted.setUse(prepared->use.value);
      adopted.setOrdinal(prepared->ordinal);
    } else {
      spdlog::warn("no new log segment: {}", prepared.error().message);
      encode(prepared.error(), outcome->initFailed());
    }
    self_->send(shard_, outcome.finish());
  }

  void retire(const envelope<schemas::RetireSegments>& message) {
    const envelope<schemas::RetireSegments>::reader from(message);
    const auto dropped = writer_->retire_prefix(from->getFirstLive(), {from->getConsistentFrom()},
                                                {from->getPurged()});
    if (!dropped) spdlog::error("cannot drop dead segments: {}", dropped.error().message);
  }

  wal_flusher_actor::pointer self_;
  std::unique_ptr<log::log_writer> writer_;
  data_writer_actor file_maker_;
  disk_client shard_;
  system_clock clock_;
};

}  // namespace

wal_flusher_actor spawn_wal_flusher(caf::actor_system& system,
                                    std::unique_ptr<log::log_writer> writer,
                                    data_writer_actor file_maker) {
  return runtime::spawn_detached<wal_flusher_state, wal_flusher_actor>(system, std::move(writer),
                                                                       std::move(file_maker));
}

}  // namespace troupe::actors
