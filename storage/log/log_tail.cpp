#include "storage/log/log_tail.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/base/coding.hpp"
#include "storage/base/limits.hpp"
#include "storage/log/frame_format.hpp"
#include "storage/log/segment_format.hpp"

namespace troupe::log {
namespace {

constexpr std::size_t batch_record_bytes = record_header_bytes + batch_value_bytes;
// Payload buffers: made for the largest frame of level `memory`; what grew far beyond is given
// back, so that one large frame does not hold memory for ever.
constexpr std::size_t payload_reserve = limits::memory_frame_bytes + 64 * 1024;
constexpr std::size_t payload_keep_max = 1 << 20;
constexpr std::size_t payloads_kept = 3;

}  // namespace

log_tail::log_tail(const log_start& start, std::span<const prepared_segment> spares)
    : start_(start),
      seed_(start.geometry.shard),
      appended_{start.next.value - 1},
      clock_ms_(start.last_time_ms),
      spares_(spares.begin(), spares.end()) {
  ENSURE(!spares_.empty() && start.next.value > 0);
  ENSURE(start.geometry.segment_bytes % start.geometry.alignment == 0);
  ENSURE(segment_header_bytes % start.geometry.alignment == 0);
  roll();
  std::string opening;
  append_epoch_opening(opening, {start.epoch, start.history, start.node});
  ENSURE(append({.type = record_type::no_op, .value = opening}, space::reserved).has_value());
}

void log_tail::add_spare(prepared_segment spare) {
  ENSURE(spare.ordinal > (spares_.empty() ? open_.segment : spares_.back().ordinal));
  spares_.push_back(spare);
}

std::uint64_t log_tail::open_end() const noexcept {
  if (open_.payload.empty()) return open_.offset;
  return open_.offset + frame_bytes(open_.payload.size(), start_.geometry.alignment);
}

std::size_t log_tail::usable_spares(space use) const noexcept {
  const std::size_t kept = use == space::reserved ? 0 : limits::reserved_segments;
  return spares_.size() > kept ? spares_.size() - kept : 0;
}

// A frame closed for size holds more than frame_bytes_max less one record, one header and padding;
// so frames cost at most one header and padding per such piece, and a segment's end wastes less
// than one record and its frame.
std::uint64_t log_tail::surely_usable(std::uint64_t room) const noexcept {
  const std::uint64_t frame_cost = frame_header_bytes + start_.geometry.alignment;
  const std::uint64_t piece = limits::frame_bytes_max - limits::record_bytes_max - frame_cost;
  const std::uint64_t cost =
      limits::record_bytes_max + batch_record_bytes + (room / piece + 2) * frame_cost;
  return room > cost ? room - cost : 0;
}

bool log_tail::has_room(std::size_t record_bytes_total, space use) const noexcept {
  return segments_missing(record_bytes_total, use) == 0;
}

std::uint32_t log_tail::segments_missing(std::size_t record_bytes_total, space use) const noexcept {
  if (fits_open(record_bytes_total)) return 0;
  const std::uint64_t whole = start_.geometry.segment_bytes - segment_header_bytes;
  const std::uint64_t per_segment = std::max<std::uint64_t>(surely_usable(whole), 1);
  const std::uint64_t here = surely_usable(start_.geometry.segment_bytes - open_end());
  if (record_bytes_total <= here) return 0;
  const std::uint64_t wanted = (record_bytes_total - here + per_segment - 1) / per_segment;
  const std::size_t usable = usable_spares(use);
  return wanted > usable ? static_cast<std::uint32_t>(wanted - usable) : 0;
}

result<log_tail::appended_record> log_tail::append(const record_fields& fields, space use) {
  const std::size_t size = encoded_size(fields);
  ENSURE(size <= limits::record_bytes_max && fields.key.size() <= limits::key_bytes_max &&
         fields.member.size() <= limits::member_bytes_max);
  const std::size_t needed = size + (in_batch_ ? batch_record_bytes : 0);
  if (!fits_open(needed)) [[unlikely]] {
    TRY_VOID(make_room(needed, use));
  }
  return append_placed(fields);
}

// The payload is larger than the first cache levels: without this the next record's stores wait for
// memory, and whatever is read behind them waits too.
static void prefetch_for_write(const char* from) {
  constexpr std::size_t line = 64;
  for (std::size_t i = 0; i < 4; ++i) __builtin_prefetch(from + i * line, 1);
}

log_tail::appended_record log_tail::append_placed(const record_fields& fields) {
  appended_ = next(appended_);
  if (open_.record_count == 0) open_.first = appended_;
  open_.last = appended_;
  ++open_.record_count;
  const position where{open_.segment, static_cast<std::uint32_t>(open_.offset + frame_header_bytes +
                                                                 open_.payload.size())};
  // A part is reached through its head alone, so only the head need be all or nothing.
  if (in_batch_ && fields.type != record_type::part) {
    if (batch_count_ == 0) batch_first_ = appended_;
    ++batch_count_;
    record_fields flagged = fields;
    flagged.batched = batching::batched;
    append_record(open_.payload, seed_, appended_, flagged);
  } else {
    append_record(open_.payload, seed_, appended_, fields);
  }
  prefetch_for_write(open_.payload.data() + open_.payload.size());
  return {appended_, where};
}

result<void> log_tail::make_room(std::size_t bytes, space use) {
  const log_geometry& geometry = start_.geometry;
  const std::uint64_t size = frame_bytes(bytes, geometry.alignment);
  if (size > std::min<std::uint64_t>(geometry.segment_bytes - segment_header_bytes,
                                     limits::frame_bytes_max)) {
    return failure{errc::refused,
                   fmt::format("a record of {} bytes does not fit in a segment of {}", bytes,
                               geometry.segment_bytes)};
  }
  const std::uint64_t end = open_end();
  if (has_open_frame() && end + size <= geometry.segment_bytes) {
    const std::uint64_t number = open_.number + 1;
    close_open();
    place_open(end, number);
    return {};
  }
  if (usable_spares(use) == 0) {
    return failure{errc::no_space, "the log has no prepared segment left for this write"};
  }
  if (has_open_frame()) close_open();
  roll();
  return {};
}

void log_tail::close_open() {
  const bool inside_batch = in_batch_ && batch_count_ > 0;
  open_.settled = inside_batch ? lsn{batch_first_.value - 1} : open_.last;
  closed_bytes_ += open_.payload.size();
  closed_.push_back(std::move(open_));
  open_ = frame{};
  open_.use = closed_.back().use;
  open_.segment = closed_.back().segment;
}

void log_tail::place_open(std::uint64_t offset, std::uint64_t number) {
  open_.offset = offset;
  open_.number = number;
  open_.epoch = start_.epoch;
  open_.history = start_.history;
  const std::uint64_t room = start_.geometry.segment_bytes - offset;
  const std::uint64_t size = std::min<std::uint64_t>(room, limits::frame_bytes_max);
  payload_limit_ = size > frame_header_bytes ? size - frame_header_bytes : 0;
  if (open_.payload.capacity() < payload_reserve) {
    if (payloads_.empty()) {
      open_.payload.reserve(payload_reserve);
    } else {
      open_.payload = std::move(payloads_.back());
      payloads_.pop_back();
    }
  }
}

void log_tail::roll() {
  const prepared_segment spare = spares_.front();
  spares_.pop_front();
  open_.use = spare.use;
  open_.segment = spare.ordinal;
  place_open(segment_header_bytes, 0);
}

void log_tail::begin_batch() {
  ENSURE(!in_batch_);
  in_batch_ = true;
  batch_count_ = 0;
}

void log_tail::end_batch() {
  ENSURE(in_batch_);
  in_batch_ = false;
  if (batch_count_ == 0) return;
  std::string count;
  append_le(count, batch_count_);
  const record_fields fields{.type = record_type::batch, .value = count};
  ENSURE(fits_open(encoded_size(fields)));
  append_placed(fields);
}

std::optional<frame> log_tail::take_frame(std::int64_t wall_ms) {
  ENSURE(!in_batch_);
  if (closed_.empty()) {
    if (!has_open_frame()) return std::nullopt;
    const std::uint64_t end = open_end();
    const std::uint64_t number = open_.number + 1;
    close_open();
    place_open(end, number);
  }
  frame oldest = std::move(closed_.front());
  closed_.pop_front();
  closed_bytes_ -= oldest.payload.size();
  oldest.time_ms = now_ms(wall_ms);
  return oldest;
}

void log_tail::recycle(std::string&& payload) {
  if (payloads_.size() >= payloads_kept || payload.capacity() < payload_reserve ||
      payload.capacity() > payload_keep_max) {
    return;
  }
  payload.clear();
  payloads_.push_back(std::move(payload));
}

std::int64_t log_tail::now_ms(std::int64_t wall_ms) noexcept {
  clock_ms_ = std::max(clock_ms_, wall_ms);
  return clock_ms_;
}

}  // namespace troupe::log
