#include "tests/golden/log_golden.hpp"

#include <deque>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/log/frame_format.hpp"
#include "storage/log/segment_format.hpp"

namespace troupe::tests {
namespace {

constexpr std::uint32_t alignment = 512;
constexpr std::uint64_t segment_bytes = 64 * 1024;

unique_id counting_from(std::uint8_t first) {
  unique_id id;
  for (std::uint8_t& byte : id.bytes) byte = first++;
  return id;
}

const log::store_identity store{.cluster = {counting_from(0x10)},
                                .shard = golden_shard,
                                .shard_count = 8,
                                .segment_bytes = segment_bytes};

// Values that records borrow; a deque, so that they stay where they are.
const std::deque<std::string>& values() {
  static const std::deque<std::string> made = [] {
    std::deque<std::string> all(5);
    log::append_epoch_opening(all[0], {{2}, {0xabcdef}, {counting_from(0x20)}});
    log::append_head_prefix(all[1], {10, crc32c("0123456789"), 2});
    append_le(all[1], std::uint64_t{12});
    append_le(all[1], std::uint64_t{13});
    append_le(all[2], std::uint32_t{2});
    all[3].push_back(static_cast<char>(log::range_scope::prefix));
    append_le(all[4], std::uint64_t{11});
    return all;
  }();
  return made;
}

log::record_view numbered(std::uint64_t sequence, const log::record_fields& fields) {
  log::record_view view;
  static_cast<log::record_fields&>(view) = fields;
  view.sequence = {sequence};
  view.size = log::encoded_size(fields);
  return view;
}

std::string encoded_records(std::size_t from, std::size_t count) {
  std::string bytes;
  const auto records = golden_records();
  for (std::size_t index = from; index < from + count; ++index) {
    log::append_record(bytes, golden_shard, records[index].sequence, records[index]);
  }
  return bytes;
}

struct built_frame {
  std::string bytes;
  std::uint32_t crc;
};

built_frame frame_of(std::uint64_t number, std::uint64_t offset, std::size_t from,
                     std::size_t count, std::uint32_t previous) {
  const std::string payload = encoded_records(from, count);
  const auto records = golden_records();
  std::string bytes(log::frame_header_bytes, '\0');
  const std::uint32_t crc =
      log::encode_frame_header({.use = golden_use,
                                .number = number,
                                .offset = offset,
                                .payload_length = static_cast<std::uint32_t>(payload.size()),
                                .payload_crc = crc32c(payload),
                                .first = records[from].sequence,
                                .last = records[from + count - 1].sequence,
                                .epoch = {2},
                                .history = {0xabcdef},
                                .time_ms = 1'700'000'000'000 + static_cast<std::int64_t>(number),
                                .previous_header = previous,
                                .record_count = static_cast<std::uint32_t>(count)},
                               bytes.data());
  bytes += payload;
  bytes.resize(log::frame_bytes(payload.size(), alignment), '\0');
  return {std::move(bytes), crc};
}

}  // namespace

std::vector<log::record_view> golden_records() {
  using log::batching;
  using log::record_type;
  const auto& value = values();
  return {
      numbered(10, {.type = record_type::no_op, .value = value[0]}),
      numbered(11, {.type = record_type::put,
                    .collection = {7},
                    .key = "key",
                    .member = "member",
                    .value = "value",
                    .deadline_ms = 1'800'000'000'000}),
      numbered(12, {.type = record_type::part, .key = "large", .value = "01234"}),
      numbered(13, {.type = record_type::part, .key = "large", .value = "56789"}),
      numbered(14, {.type = record_type::head, .key = "large", .value = value[1]}),
      numbered(15, {.batched = batching::batched, .key = "a", .value = "1"}),
      numbered(16, {.type = record_type::del, .batched = batching::batched, .key = "b"}),
      numbered(17, {.type = record_type::batch, .value = value[2]}),
      numbered(18, {.type = record_type::del_range, .key = "pre", .value = value[3]}),
      numbered(19, {.type = record_type::expire,
                    .collection = {7},
                    .key = "key",
                    .member = "member",
                    .value = value[4],
                    .deadline_ms = 1'900'000'000'000}),
      numbered(20, {.type = record_type::config, .key = "name", .value = "setting"}),
  };
}

log::manifest golden_manifest() {
  return {.generation = 6,
          .store = store,
          .node = {counting_from(0x20)},
          .alignment = alignment,
          .next_use_counter = 7,
          .purged = {4},
          .promised = {2},
          .epochs = {{.epoch = {1}, .history = {0x123456}, .first = {1}, .leader = {}},
                     {.epoch = {2},
                      .history = {0xabcdef},
                      .first = {10},
                      .leader = {counting_from(0x20)}}},
          .segments = {{.use = {0x0000000400c0ffee},
                        .first = {5},
                        .last = {9},
                        .sealed_length = 8192,
                        .consistent_from = {8}},
                       {.use = golden_use, .first = {10}},
                       {.use = {0x0000000600c0ffee}}}};
}

std::map<std::string, std::string> golden_files() {
  const std::uint64_t first_at = log::segment_header_bytes;
  const built_frame first = frame_of(0, first_at, 0, 5, 0x01020304);
  const built_frame second = frame_of(1, first_at + first.bytes.size(), 5, 6, first.crc);
  return {{"records", encoded_records(0, golden_records().size())},
          {"frame", first.bytes},
          {log::segment_name(golden_use),
           log::encode_segment_header({store, golden_use, alignment}) + first.bytes + second.bytes},
          {"manifest", log::encode_manifest(golden_manifest())}};
}

}  // namespace troupe::tests
