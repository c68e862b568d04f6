#include "tests/sim/log_driver.hpp"

#include <fmt/format.h>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/io/aligned_buffer.hpp"
#include "storage/log/manifest_store.hpp"
#include "storage/log/read_record.hpp"

namespace troupe::sim {
namespace {

const std::string directory = "/data/shard-0001";
constexpr shard_id shard{1};

unique_id numbered(std::uint8_t number) {
  unique_id id;
  id.bytes.fill(number);
  return id;
}

log::open_options options_for(const driver_options& options, std::uint64_t seed) {
  return {.cluster = {numbered(1)},
          .node = {numbered(2)},
          .shard = shard,
          .shard_count = 2,
          .segment_bytes = options.segment_bytes,
          .seed = seed};
}

}  // namespace

log_driver::log_driver(disk& disk, driver_options options)
    : disk_(disk), options_(options), errors_(options.errors), random_(options.seed) {}

bool log_driver::went_well(const result<void>& outcome, const char* what) {
  if (outcome) return true;
  if (!disk_.crashed() && errors_ == failures::unexpected)
    checker_.complain(fmt::format("{}: {}", what, outcome.error().message));
  return false;
}

void log_driver::close() {
  tail_.reset();
  log_ = {};
}

bool log_driver::open() {
  close();
  if (options_.bug == canary::torn_is_corrupt && !refuse_torn_tail()) return false;
  if (options_.bug == canary::append_after_torn_tail && !write_behind_torn_tail()) return false;
  std::vector<logged_record> found;
  auto opened =
      log::open_log(disk_, directory, options_for(options_, random_.next()),
                    [&](const log::record_view& record, log::position where) {
                      if (record.type == log::record_type::batch) return;
                      found.push_back({record.sequence, where, record.size, content_of(record)});
                    });
  if (!opened) return went_well(opened.error(), "open");
  log_ = std::move(*opened);
  checker_.recovered(found, log_.start);
  if (checker_.violation() || !read_back(found)) return false;
  if (options_.bug == canary::reuse_epoch && earlier_start_) {
    log_.start.epoch = earlier_start_->epoch;
    log_.start.history = earlier_start_->history;
  }
  earlier_start_ = log_.start;
  tail_.emplace(log_.start, log_.spares);
  std::string opening;
  log::append_epoch_opening(opening, {log_.start.epoch, log_.start.history, log_.start.node});
  checker_.appended(log_.start.epoch, log_.start.next,
                    {log_.spares[0].ordinal, log::segment_header_bytes + log::frame_header_bytes},
                    {.type = log::record_type::no_op, .value = opening}, 0);
  return flush();
}

// Positions must lead to the records, in trimmed files too.
bool log_driver::read_back(const std::vector<logged_record>& found) {
  std::string buffer;
  for (const logged_record& each : found) {
    auto path = log_.writer->path_of(each.where.segment);
    if (!path) return went_well(path.error(), "path");
    auto file = disk_.open(*path, io::access::read);
    if (!file) return went_well(file.error(), "open segment");
    auto record = log::read_record(**file, each.where, each.size, shard, buffer);
    if (!record) return went_well(record.error(), "read record");
    if (record->sequence != each.sequence || content_of(*record) != each.content) {
      checker_.complain("a position leads to another record");
      return false;
    }
  }
  return true;
}

bool log_driver::live(std::uint32_t steps) {
  for (std::uint32_t step = 0; step < steps; ++step) {
    bool good = true;
    switch (random_.below(8)) {
      case 0: good = append_batch(); break;
      case 1: good = append_large(); break;
      case 2: good = step < steps / 2 || random_.one_in(2) || retire(); break;
      default: good = append_some(); break;
    }
    wall_ms_ += static_cast<std::int64_t>(random_.below(100)) - 20;
    if (good && random_.one_in(2)) good = flush();
    if (!good || !keep_prepared()) return false;
  }
  return true;
}

std::string log_driver::random_bytes(std::uint64_t size_max) {
  std::string bytes(random_.below(size_max + 1), '\0');
  for (char& byte : bytes) byte = static_cast<char>(random_.next());
  return bytes;
}

bool log_driver::append(const log::record_fields& fields, log::space use, std::uint64_t batch) {
  const auto appended = tail_->append(fields, use);
  if (!appended) {
    // The script outran the prepared segments: they come with the next keep_prepared.
    if (appended.error().code == errc::no_space) return true;
    return went_well(appended.error(), "append");
  }
  checker_.appended(tail_->epoch(), appended->sequence, appended->where, fields, batch);
  return true;
}

bool log_driver::append_some() {
  for (std::uint64_t left = 1 + random_.below(4); left > 0; --left) {
    const std::string key = fmt::format("key{}", random_.below(50));
    const std::string member = random_.one_in(4) ? random_bytes(20) : "";
    const std::string value = random_bytes(random_.one_in(3) ? 6000 : 60);
    const bool deletes = random_.one_in(4);
    const log::record_fields fields{.type = deletes ? log::record_type::del : log::record_type::put,
                                    .collection = {static_cast<std::uint32_t>(random_.below(3))},
                                    .key = key,
                                    .member = member,
                                    .value = deletes ? std::string_view() : std::string_view(value),
                                    .deadline_ms = random_.one_in(3) ? wall_ms_ + 500 : 0};
    if (!append(fields, deletes ? log::space::reserved : log::space::normal, 0)) return false;
  }
  return true;
}

bool log_driver::append_batch() {
  const std::uint64_t count = random_.below(5);
  ++batches_;
  tail_->begin_batch();
  for (std::uint64_t index = 0; index < count; ++index) {
    const std::string key = fmt::format("batch{}", index);
    const std::string value = random_bytes(9000);
    const log::record_fields fields{.key = key, .value = value};
    if (!append(fields, log::space::reserved, batches_)) return false;
  }
  tail_->end_batch();
  return true;
}

bool log_driver::append_large() {
  std::string head;
  const std::uint32_t parts = 2;
  std::vector<std::string> pieces;
  for (std::uint32_t index = 0; index < parts; ++index) pieces.push_back(random_bytes(9000));
  log::append_head_prefix(
      head, {pieces[0].size() + pieces[1].size(), crc32c(pieces[1], crc32c(pieces[0])), parts});
  for (const std::string& piece : pieces) {
    if (!append({.type = log::record_type::part, .key = "large", .value = piece},
                log::space::normal, 0)) {
      return false;
    }
    append_le(head, tail_->appended().value);
  }
  return append({.type = log::record_type::head, .key = "large", .value = head}, log::space::normal,
                0);
}

bool log_driver::flush() {
  while (auto frame = tail_->take_frame(wall_ms_)) {
    if (options_.bug == canary::acknowledge_before_durable) checker_.acknowledged(frame->settled);
    const auto written = log_.writer->write(*frame);
    last_sent_ = std::move(*frame);
    if (!written) return went_well(written.error(), "write");
    checker_.acknowledged(*written);
    tail_->recycle(std::string(last_sent_->payload));
  }
  return true;
}

bool log_driver::keep_prepared() {
  while (log_.writer->wants_spare()) {
    const log::segment_order order = log_.writer->order_segment();
    const auto made = log::make_segment_file(disk_, order);
    if (!made) return went_well(made.error(), "make segment");
    const auto spare = log_.writer->adopt(*made);
    if (!spare) return went_well(spare.error(), "adopt");
    tail_->add_spare(*spare);
  }
  return true;
}

bool log_driver::retire() {
  const std::uint32_t active = tail_->active_segment();
  const std::uint32_t first_live = active > 1 ? active - 1 : 0;
  checker_.retirable(first_live);
  const auto retired = log_.writer->retire_prefix(first_live, {}, {});
  if (!retired) return went_well(retired.error(), "retire");
  return true;
}

bool log_driver::stop() {
  if (random_.one_in(3)) return true;
  if (options_.bug == canary::seal_before_last_frame) return seal_too_early();
  return flush() && went_well(log_.writer->seal(), "seal");
}

// What a stop would do that knows where the last frame will end and does not wait for it.
bool log_driver::seal_too_early() {
  auto last = tail_->take_frame(wall_ms_);
  if (!last) return true;
  while (auto next = tail_->take_frame(wall_ms_)) {
    const auto written = log_.writer->write(*last);
    if (!written) return went_well(written.error(), "write");
    last = std::move(next);
  }
  auto loaded = log::load_manifest(disk_, directory);
  if (!loaded) return went_well(loaded.error(), "load manifest");
  log::manifest& content = (*loaded)->content;
  for (log::segment_entry& each : content.segments) {
    if (each.use != last->use) continue;
    each.sealed_length = last->offset + log::frame_bytes(last->payload.size(), content.alignment);
  }
  log::manifest_store store(disk_, directory, (*loaded)->newest_copy);
  if (auto committed = store.commit(content); !committed) return went_well(committed, "seal");
  const auto written = log_.writer->write(*last);
  if (!written) return went_well(written.error(), "write");
  checker_.acknowledged(*written);
  return true;
}

bool log_driver::refuse_torn_tail() {
  const auto loaded = log::load_manifest(disk_, directory);
  if (!loaded || !*loaded) return true;
  const log::manifest& content = (*loaded)->content;
  const auto scanned = log::scan_log(disk_, directory, content, {});
  if (!scanned) return went_well(scanned.error(), "scan");
  for (std::size_t index = 0; index < content.segments.size(); ++index) {
    if (content.segments[index].sealed_length != 0) continue;
    const log::scanned_segment& segment = scanned->segments[index];
    const auto file = disk_.open(log::segment_path(directory, segment.use), io::access::read);
    std::string bytes(log::frame_header_bytes, '\0');
    if (!file || !(*file)->read_at(segment.end, bytes)) continue;
    const log::frame_place place{segment.use, segment.end, options_.segment_bytes};
    if (!log::decode_frame_header(bytes, place)) continue;
    checker_.complain("a log with a torn last frame was refused");
    return false;
  }
  return true;
}

// What a writer would do that trusts the place it had in memory instead of the scan.
bool log_driver::write_behind_torn_tail() {
  const auto loaded = log::load_manifest(disk_, directory);
  if (!loaded || !*loaded || !last_sent_) return true;
  const auto scanned = log::scan_log(disk_, directory, (*loaded)->content, {});
  if (!scanned) return went_well(scanned.error(), "scan");
  const log::frame before = std::move(*last_sent_);
  last_sent_.reset();
  const std::uint64_t offset = before.offset + log::frame_bytes(before.payload.size(), 512);
  if (before.last <= scanned->last || offset + 4096 > options_.segment_bytes) return true;
  std::string payload;
  const log::record_fields fields{.key = "behind", .value = "the torn tail"};
  log::append_record(payload, shard, next(before.last), fields);
  io::aligned_buffer bytes;
  bytes.resize(log::frame_header_bytes);
  log::encode_frame_header({.use = before.use,
                            .number = before.number + 1,
                            .offset = offset,
                            .payload_length = static_cast<std::uint32_t>(payload.size()),
                            .payload_crc = crc32c(payload),
                            .first = next(before.last),
                            .last = next(before.last),
                            .epoch = before.epoch,
                            .history = before.history,
                            .time_ms = before.time_ms,
                            .previous_header = scanned->last_header_crc,
                            .record_count = 1},
                           bytes.data());
  bytes.append(payload);
  bytes.pad_to(512);
  const auto file = disk_.open(log::segment_path(directory, before.use), io::access::commit);
  if (!file) return went_well(file.error(), "open torn segment");
  if (!(*file)->commit_at(offset, bytes.view())) return false;
  checker_.acknowledged(next(before.last));
  return true;
}

}  // namespace troupe::sim
