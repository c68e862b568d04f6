#include "actors/log_worker.hpp"

#include <spdlog/spdlog.h>

#include <utility>

#include "actors/log_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "storage/base/clock.hpp"

namespace troupe::actors {

namespace {

class log_worker_state {
 public:
  static constexpr const char* name = "log_worker";

  log_worker_state(log_worker_actor::pointer, std::shared_ptr<log::log_writer> writer)
      : writer_(std::move(writer)) {}

  log_worker_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::LogFrame>& frame) { return write(frame); },
        [this](const envelope<schemas::AdoptSegment>& made) { return adopt(made); },
        [this](const envelope<schemas::RetireSegments>& dead) { return retire(dead); },
        [this](const envelope<schemas::SealLog>&) { return seal(); },
    };
  }

 private:
  envelope<schemas::FrameWritten> write(const envelope<schemas::LogFrame>& message) {
    const envelope<schemas::LogFrame>::reader from(message);
    const auto written_before = writer_->statistics().written_bytes;
    const auto started_us = clock_.monotonic_us();
    const auto durable = writer_->write(decode(*from));
    return frame_written(durable, {clock_.monotonic_us() - started_us,
                                   writer_->statistics().written_bytes - written_before});
  }

  envelope<schemas::SegmentOutcome> adopt(const envelope<schemas::AdoptSegment>& message) {
    const envelope<schemas::AdoptSegment>::reader made(message);
    return segment_outcome(writer_->adopt({use_id{made->getUse()}}));
  }

  envelope<schemas::SegmentsRetired> retire(const envelope<schemas::RetireSegments>& message) {
    const envelope<schemas::RetireSegments>::reader from(message);
    const auto dropped = writer_->retire_prefix(from->getFirstLive(), {from->getConsistentFrom()},
                                                {from->getPurged()});
    if (!dropped) spdlog::error("cannot drop dead segments: {}", dropped.error().message);
    return envelope<schemas::SegmentsRetired>::builder().finish();
  }

  envelope<schemas::LogSealed> seal() {
    if (const auto sealed = writer_->seal(); !sealed) {
      spdlog::warn("the end of the log is not recorded, it will be looked for as after a crash: {}",
                   sealed.error().message);
    }
    return envelope<schemas::LogSealed>::builder().finish();
  }

  std::shared_ptr<log::log_writer> writer_;
  system_clock clock_;
};

}  // namespace

log_worker_actor spawn_log_worker(caf::actor_system& system,
                                  std::shared_ptr<log::log_writer> writer) {
  return runtime::spawn_detached<log_worker_state, log_worker_actor>(system, std::move(writer));
}

}  // namespace troupe::actors
