#include "storage/log/log_tail.hpp"

#include <doctest/doctest.h>

#include <vector>

#include "storage/base/limits.hpp"
#include "storage/log/frame_format.hpp"
#include "storage/log/segment_format.hpp"

namespace troupe::log {
namespace {

constexpr shard_id shard{2};

log_tail tail_with(std::uint32_t spare_count,
                   std::uint64_t segment_bytes = limits::segment_bytes_min) {
  std::vector<prepared_segment> spares;
  for (std::uint32_t ordinal = 0; ordinal < spare_count; ++ordinal) {
    spares.push_back({use_id{100 + ordinal}, ordinal});
  }
  const log_start start{.geometry = {shard, segment_bytes, 512},
                        .next = {50},
                        .epoch = {4},
                        .history = {99},
                        .last_time_ms = 1000};
  return log_tail(start, spares);
}

// The record at a position, read from the frames as they would stand on disk.
record_view at(const std::vector<frame>& frames, position where) {
  for (const frame& each : frames) {
    const std::uint64_t begin = each.offset + frame_header_bytes;
    if (each.segment != where.segment || where.offset < begin ||
        where.offset >= begin + each.payload.size()) {
      continue;
    }
    const auto record =
        decode_record(std::string_view(each.payload).substr(where.offset - begin), shard);
    REQUIRE(record);
    return *record;
  }
  FAIL("no frame holds the position");
  return {};
}

std::vector<frame> take_all(log_tail& tail) {
  std::vector<frame> frames;
  while (auto taken = tail.take_frame(2000)) frames.push_back(std::move(*taken));
  return frames;
}

}  // namespace

TEST_CASE("an opening begins with the no_op of its epoch") {
  log_tail tail = tail_with(1);
  CHECK(tail.appended() == lsn{50});
  const auto first = tail.take_frame(2000);
  REQUIRE(first);
  CHECK(first->number == 0);
  CHECK(first->offset == segment_header_bytes);
  const auto record = decode_record(first->payload, shard);
  REQUIRE(record);
  CHECK(record->type == record_type::no_op);
  const auto opening = decode_epoch_opening(record->value);
  REQUIRE(opening);
  CHECK(opening->epoch == epoch_number{4});
  CHECK(opening->history == history_id{99});
  CHECK_FALSE(tail.take_frame(2000));
}

TEST_CASE("positions lead to their records over frames and segments") {
  log_tail tail = tail_with(8);
  std::vector<frame> frames;
  std::vector<std::pair<log_tail::appended_record, std::size_t>> appended;
  for (std::size_t index = 0; index < 400; ++index) {
    const std::string value(index * 577 % 100'000, 'v');
    const auto record = tail.append({.key = "key", .value = value}, space::normal);
    REQUIRE(record);
    appended.emplace_back(*record, value.size());
    if (index % 7 == 0) {
      for (frame& each : take_all(tail)) frames.push_back(std::move(each));
    }
  }
  for (frame& each : take_all(tail)) frames.push_back(std::move(each));
  for (const auto& [where, size] : appended) {
    const record_view record = at(frames, where.where);
    CHECK(record.sequence == where.sequence);
    CHECK(record.value.size() == size);
  }
  CHECK(frames.back().segment >= 2);
  lsn expected{50};
  for (const frame& each : frames) {
    CHECK(each.first == expected);
    CHECK(each.last.value - each.first.value + 1 == each.record_count);
    CHECK(frame_bytes(each.payload.size(), 512) <= limits::frame_bytes_max);
    CHECK(each.offset + frame_bytes(each.payload.size(), 512) <= limits::segment_bytes_min);
    CHECK(each.offset % 512 == 0);
    expected = next(each.last);
  }
}

TEST_CASE("a burst is cut into frames of bounded size") {
  log_tail tail = tail_with(4);
  const std::string value(limits::part_bytes_max, 'v');
  for (int index = 0; index < 6; ++index) {
    REQUIRE(tail.append({.key = "k", .value = value}, space::normal));
  }
  CHECK(tail.pending_bytes() > 6 * limits::part_bytes_max);
  const auto frames = take_all(tail);
  CHECK(frames.size() >= 2);
  CHECK(tail.pending_bytes() == 0);
}

TEST_CASE("normal writes leave the reserve, deletes may use it") {
  log_tail tail = tail_with(1 + limits::reserved_segments);
  const std::string value(limits::part_bytes_max, 'v');
  int accepted = 0;
  while (tail.append({.key = "k", .value = value}, space::normal)) ++accepted;
  CHECK(accepted == 7);  // one segment of 8 MiB
  CHECK(tail.spare_count() == limits::reserved_segments);
  CHECK_FALSE(tail.has_room(value.size(), space::normal));
  CHECK(tail.has_room(value.size(), space::reserved));
  CHECK(tail.segments_missing(value.size(), space::normal) == 1);
  const lsn before = tail.appended();
  const auto refused = tail.append({.key = "k", .value = value}, space::normal);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::no_space);
  CHECK(tail.appended() == before);
  CHECK(tail.append({.key = "k", .value = value}, space::reserved));
  tail.add_spare({use_id{900}, 900});
  tail.add_spare({use_id{901}, 901});
  CHECK(tail.has_room(value.size(), space::normal));
}

TEST_CASE("has_room keeps its word for many records") {
  for (const std::size_t size : {1u, 100u, 5000u, 1u << 20}) {
    log_tail tail = tail_with(5);
    const std::string value(size, 'v');
    const std::size_t record = encoded_size({.key = "k", .value = value});
    std::size_t count = 1;
    while (count * record < (100u << 20) && tail.has_room(2 * count * record, space::normal)) {
      count *= 2;
    }
    for (std::size_t index = 0; index < count; ++index) {
      REQUIRE(tail.append({.key = "k", .value = value}, space::normal));
    }
  }
}

TEST_CASE("segments_missing says how many must come for a large value") {
  log_tail tail = tail_with(3);
  const std::size_t large = 100u << 20;
  const std::uint32_t missing = tail.segments_missing(large, space::normal);
  CHECK(missing > 0);
  for (std::uint32_t index = 0; index < missing; ++index) {
    CHECK_FALSE(tail.has_room(large, space::normal));
    tail.add_spare({use_id{500 + index}, 500 + index});
  }
  CHECK(tail.has_room(large, space::normal));
}

TEST_CASE("a batch is flagged, counted and closed, without its parts") {
  log_tail tail = tail_with(1);
  tail.take_frame(0);
  tail.begin_batch();
  tail.end_batch();
  CHECK_FALSE(tail.has_open_frame());
  tail.begin_batch();
  REQUIRE(tail.append({.key = "a"}, space::normal));
  REQUIRE(tail.append({.type = record_type::part, .key = "b"}, space::normal));
  REQUIRE(tail.append({.key = "c"}, space::normal));
  tail.end_batch();
  const auto taken = tail.take_frame(0);
  REQUIRE(taken);
  CHECK(taken->record_count == 4);
  CHECK(taken->settled == taken->last);
  std::string_view rest = taken->payload;
  std::vector<record_view> records;
  while (!rest.empty()) {
    const auto record = decode_record(rest, shard);
    REQUIRE(record);
    records.push_back(*record);
    rest.remove_prefix(record->size);
  }
  CHECK(records[0].batched == batching::batched);
  CHECK(records[1].batched == batching::alone);
  CHECK(records[2].batched == batching::batched);
  CHECK(records[3].type == record_type::batch);
  CHECK(*decode_batch(records[3].value) == 2);
}

TEST_CASE("a frame that ends inside a batch settles only what comes before the batch") {
  log_tail tail = tail_with(4);
  const std::string value(limits::part_bytes_max, 'v');
  REQUIRE(tail.append({.key = "before"}, space::normal));
  tail.begin_batch();
  for (int index = 0; index < 5; ++index) {
    REQUIRE(tail.append({.key = "k", .value = value}, space::normal));
  }
  tail.end_batch();
  const auto frames = take_all(tail);
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].settled == lsn{51});
  CHECK(frames[0].last > frames[0].settled);
  CHECK(frames[1].settled == tail.appended());
}

TEST_CASE("time of frames and clock never goes back") {
  log_tail tail = tail_with(1);
  CHECK(tail.now_ms(500) == 1000);
  CHECK(tail.now_ms(3000) == 3000);
  const auto taken = tail.take_frame(2000);
  REQUIRE(taken);
  CHECK(taken->time_ms == 3000);
}

TEST_CASE("a recycled payload buffer is used again") {
  log_tail tail = tail_with(1);
  auto first = tail.take_frame(0);
  REQUIRE(first);
  const char* memory = first->payload.data();
  tail.recycle(std::move(first->payload));
  REQUIRE(tail.append({.key = "k"}, space::normal));
  REQUIRE(tail.take_frame(0));  // was placed before the recycling
  REQUIRE(tail.append({.key = "k"}, space::normal));
  const auto third = tail.take_frame(0);
  REQUIRE(third);
  CHECK(third->payload.data() == memory);
}

TEST_CASE("a record that no segment could hold is refused") {
  log_tail tail = tail_with(4, 64 * 1024);
  const std::string value(70 * 1024, 'v');
  const auto refused = tail.append({.key = "k", .value = value}, space::reserved);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::refused);
}

}  // namespace troupe::log
