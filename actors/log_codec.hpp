// Frames, and the fate of what was asked of a log, as messages; for shard, wal_flusher and
// log_worker.
#pragma once

#include <cstdint>

#include "actors/failure_codec.hpp"
#include "schemas/envelope.hpp"
#include "schemas/log.capnp.h"
#include "storage/base/result.hpp"
#include "storage/log/log_types.hpp"
#include "storage/log/log_writer.hpp"

namespace troupe::actors {

/// The message that has a frame written; it holds a copy of the payload.
[[nodiscard]] inline schemas::envelope<schemas::LogFrame> log_frame(const log::frame& closed) {
  auto message = schemas::envelope<schemas::LogFrame>::builder::with_blob(closed.payload.size());
  message->setUse(closed.use.value);
  message->setSegment(closed.segment);
  message->setOffset(closed.offset);
  message->setNumber(closed.number);
  message->setFirst(closed.first.value);
  message->setLast(closed.last.value);
  message->setSettled(closed.settled.value);
  message->setEpoch(closed.epoch.value);
  message->setHistory(closed.history.value);
  message->setTimeMs(closed.time_ms);
  message->setRecordCount(closed.record_count);
  message->setRecords(schemas::data(closed.payload));
  return message.finish();
}

/// The frame of a message; its payload is the message's.
[[nodiscard]] inline log::frame_view decode(schemas::LogFrame::Reader from) {
  log::frame_view frame;
  frame.use = {from.getUse()};
  frame.segment = from.getSegment();
  frame.offset = from.getOffset();
  frame.number = from.getNumber();
  frame.first = {from.getFirst()};
  frame.last = {from.getLast()};
  frame.settled = {from.getSettled()};
  frame.epoch = {from.getEpoch()};
  frame.history = {from.getHistory()};
  frame.time_ms = from.getTimeMs();
  frame.record_count = from.getRecordCount();
  frame.payload = schemas::view(from.getRecords());
  return frame;
}

/// What one write cost.
struct write_effort {
  std::uint64_t us = 0;
  std::uint64_t bytes = 0;
};

[[nodiscard]] inline schemas::envelope<schemas::FrameWritten> frame_written(
    const result<lsn>& durable, write_effort effort) {
  schemas::envelope<schemas::FrameWritten>::builder answer;
  answer->setWriteUs(static_cast<std::uint32_t>(effort.us));
  answer->setBytes(static_cast<std::uint32_t>(effort.bytes));
  if (durable) {
    answer->setSettled(durable->value);
    answer->setDurable();
  } else {
    encode(durable.error(), answer->initFailed());
  }
  return answer.finish();
}

[[nodiscard]] inline schemas::envelope<schemas::SegmentOutcome> segment_outcome(
    const result<log::prepared_segment>& prepared) {
  schemas::envelope<schemas::SegmentOutcome>::builder outcome;
  if (prepared) {
    auto adopted = outcome->initAdopted();
    adopted.setUse(prepared->use.value);
    adopted.setOrdinal(prepared->ordinal);
  } else {
    encode(prepared.error(), outcome->initFailed());
  }
  return outcome.finish();
}

}  // namespace troupe::actors
