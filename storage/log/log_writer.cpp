#include "storage/log/log_writer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/base/crc32c.hpp"
#include "storage/log/frame_format.hpp"

namespace troupe::log {
namespace {

// Retired files kept for reuse. More would only hold disk space back from others.
constexpr std::size_t recyclable_max = limits::reserved_segments;
// Of a payload: small enough to stay in the first cache level.
constexpr std::size_t summed_at_once = 16 * 1024;
// How far ahead of the check its bytes are asked for.
constexpr std::size_t prefetch_distance = 1024;

[[gnu::always_inline]] inline void prefetch_record(const char* from) {
  constexpr std::size_t line = 64;
  for (std::size_t i = 0; i < 3; ++i) __builtin_prefetch(from + i * line);
}

result<bool> reusable(io::file_system& files, const std::string& path, std::uint64_t size) {
  TRY(const std::uint64_t links, files.link_count(path));
  if (links != 1) return false;
  TRY(const auto file, files.open(path, io::access::read));
  TRY(const std::uint64_t found, file->size());
  return found == size;
}

// True if the retired file now has the new name; otherwise it is gone.
result<bool> take_over(io::file_system& files, const segment_order& order,
                       const std::string& path) {
  if (!order.recycled) return false;
  const std::string old_path = segment_path(order.directory, *order.recycled);
  TRY(const bool good, reusable(files, old_path, order.header.store.segment_bytes));
  if (good) {
    TRY_VOID(files.rename(old_path, path));
    return true;
  }
  TRY_VOID(files.remove(old_path));
  return false;
}

result<void> write_header(io::file_system& files, const segment_order& order,
                          const std::string& path) {
  TRY(const auto file, files.open(path, io::access::commit));
  io::aligned_buffer block(segment_header_bytes);
  block.append(encode_segment_header(order.header));
  TRY_VOID(file->commit_at(0, block.view()));
  return files.sync_directory(order.directory);
}

}  // namespace

result<segment_file> make_segment_file(io::file_system& files, const segment_order& order) {
  const std::string path = segment_path(order.directory, order.header.use);
  TRY(const bool recycled, take_over(files, order, path));
  if (!recycled) TRY_VOID(files.create_zeroed(path, order.header.store.segment_bytes));
  if (auto written = write_header(files, order, path); !written) {
    failure why = written.error();
    if (auto removed = files.remove(path); !removed) {
      why.message += "; " + removed.error().message;
    }
    return why.in(path);
  }
  return segment_file{order.header.use, recycled};
}

log_writer::log_writer(io::file_system& files, std::string directory, writer_start start)
    : files_(files),
      directory_(std::move(directory)),
      manifest_(std::move(start.content)),
      store_(files, directory_, start.newest_copy),
      segments_(start.segments.begin(), start.segments.end()),
      used_(start.used),
      next_ordinal_(start.next_ordinal),
      previous_header_(start.previous_header),
      recyclable_(std::move(start.recyclable)),
      random_(start.seed),
      seed_(manifest_.store.shard) {
  ENSURE(manifest_.alignment != 0 && used_ <= segments_.size());
}

log_writer::~log_writer() = default;

failure log_writer::poison(failure why) {
  // What failed had its space; no_space would promise that freeing some helps.
  if (why.code == errc::no_space) why.code = errc::io_failed;
  if (!poison_) poison_ = std::move(why);
  return *poison_;
}

result<lsn> log_writer::write(const frame_view& to_write) {
  TRY(const pending_commit wanted, begin_write(to_write));
  return finish_write(wanted.into->commit_at(wanted.offset, wanted.bytes));
}

result<pending_commit> log_writer::begin_write(const frame_view& to_write) {
  ENSURE(!under_way_);
  if (poison_) return *poison_;
  const auto checksum = check_payload(to_write);
  if (!checksum) return poison(checksum.error());
  if (auto stepped = step_into(to_write); !stepped) return poison(stepped.error());
  ENSURE(to_write.offset == segments_[used_ - 1].length && to_write.number == next_number_);
  fill_buffer(to_write, *checksum);
  ENSURE(to_write.offset + buffer_.size() <= manifest_.store.segment_bytes);
  under_way_ = frame_in_buffer{to_write.first, to_write.last, to_write.settled,
                               to_write.record_count, to_write.payload.size()};
  return pending_commit{active_.get(), to_write.offset, buffer_.view()};
}

result<lsn> log_writer::finish_write(const result<void>& committed) {
  ENSURE(under_way_);
  const frame_in_buffer written = *under_way_;
  under_way_.reset();
  if (!committed) {
    // Which file and where in it, the file says.
    return poison(committed.error().in(
        fmt::format("records {} to {}", written.first.value, written.last.value)));
  }
  held_segment& target = segments_[used_ - 1];
  previous_header_ = written_header_;
  target.length += buffer_.size();
  if (target.entry.first.value == 0) target.entry.first = written.first;
  target.entry.last = written.last;
  ++next_number_;
  statistics_.commits += 1;
  statistics_.records += written.record_count;
  statistics_.payload_bytes += written.payload_bytes;
  statistics_.written_bytes += buffer_.size();
  return written.settled;
}

// One pass over bytes that another core has just written: each piece is summed while the check of
// its records has it in the nearest cache, and what comes next is asked for ahead.
result<std::uint32_t> log_writer::check_payload(const frame_view& to_write) const {
  const std::string_view payload = to_write.payload;
  lsn expected = to_write.first;
  std::uint32_t checksum = 0;
  std::size_t summed = 0;
  for (std::size_t at = 0; at < payload.size();) {
    if (at + prefetch_distance < payload.size())
      prefetch_record(payload.data() + at + prefetch_distance);
    const auto record = check_record(payload.substr(at), seed_);
    if (!record) {
      return record.error().in(
          fmt::format("frame with LSN {}: damaged in memory", to_write.first.value));
    }
    ENSURE(record->sequence == expected);
    expected = next(expected);
    at += record->size;
    if (at - summed >= summed_at_once || at == payload.size()) {
      checksum = crc32c(payload.substr(summed, at - summed), checksum);
      summed = at;
    }
  }
  ENSURE(expected == next(to_write.last));
  ENSURE(expected.value - to_write.first.value == to_write.record_count);
  return checksum;
}

// Makes the frame's segment the active one.
result<void> log_writer::step_into(const frame_view& to_write) {
  if (active_ && segments_[used_ - 1].ordinal == to_write.segment) return {};
  ENSURE(used_ < segments_.size() && segments_[used_].ordinal == to_write.segment);
  ENSURE(segments_[used_].entry.use == to_write.use && to_write.number == 0);
  const std::string path = segment_path(directory_, to_write.use);
  TRY(auto file, files_.open(path, io::access::commit));
  if (active_) {
    held_segment& before = segments_[used_ - 1];
    before.entry.sealed_length = before.length;
  }
  active_ = std::move(file);
  ++used_;
  next_number_ = 0;
  return {};
}

void log_writer::fill_buffer(const frame_view& to_write, std::uint32_t payload_crc) {
  const frame_header header{
      .use = to_write.use,
      .number = to_write.number,
      .offset = to_write.offset,
      .payload_length = static_cast<std::uint32_t>(to_write.payload.size()),
      .payload_crc = payload_crc,
      .first = to_write.first,
      .last = to_write.last,
      .epoch = to_write.epoch,
      .history = to_write.history,
      .time_ms = to_write.time_ms,
      .previous_header = previous_header_,
      .record_count = to_write.record_count,
  };
  buffer_.clear();
  buffer_.resize(frame_header_bytes);
  written_header_ = encode_frame_header(header, buffer_.data());
  buffer_.append(to_write.payload);
  buffer_.pad_to(manifest_.alignment);
}

result<void> log_writer::seal() {
  ENSURE(!under_way_);
  if (poison_) return *poison_;
  result<void> sealed;
  // Without an active one nothing was written since the opening, which sealed what was there.
  if (active_) {
    held_segment& last = segments_[used_ - 1];
    last.entry.sealed_length = last.length;
    sealed = commit_manifest(listing());
  }
  poison({errc::refused, directory_ + ": the log was closed, since the node stops"});
  return sealed;
}

manifest log_writer::listing() const {
  manifest next = manifest_;
  next.segments.clear();
  for (const held_segment& each : segments_) {
    next.segments.push_back(each.entry);
    // Still growing: what it will hold is not known yet.
    if (each.entry.sealed_length == 0) next.segments.back().last = {};
  }
  return next;
}

result<void> log_writer::commit_manifest(manifest next) {
  ENSURE(!under_way_);
  if (poison_) return *poison_;
  if (auto committed = store_.commit(next); !committed) {
    if (committed.error().code == errc::no_space) return committed;
    return poison(committed.error());
  }
  statistics_.manifest_commits += 1;
  manifest_ = std::move(next);
  return {};
}

segment_order log_writer::order_segment() {
  const use_id use{std::uint64_t{manifest_.next_use_counter} << 32 |
                   (random_.next() & 0xffffffffu)};
  ++manifest_.next_use_counter;
  segment_order order{.directory = directory_,
                      .header = {manifest_.store, use, manifest_.alignment}};
  if (!recyclable_.empty()) {
    order.recycled = recyclable_.back();
    recyclable_.pop_back();
  }
  return order;
}

result<prepared_segment> log_writer::adopt(const segment_file& made) {
  manifest next = listing();
  if (next.segments.size() >= limits::segments_max) {
    return failure{errc::no_space, fmt::format("{}: the log has {} segments, the most it may have",
                                               directory_, next.segments.size())};
  }
  next.segments.push_back({.use = made.use});
  TRY_VOID(commit_manifest(std::move(next)));
  segments_.push_back({.entry = {.use = made.use}, .ordinal = next_ordinal_});
  ++next_ordinal_;
  (made.recycled ? statistics_.segments_recycled : statistics_.segments_created) += 1;
  return prepared_segment{made.use, segments_.back().ordinal};
}

result<prepared_segment> log_writer::prepare_segment() {
  if (poison_) return *poison_;
  const segment_order order = order_segment();
  TRY(const segment_file made, make_segment_file(files_, order));
  return adopt(made);
}

result<std::size_t> log_writer::retire_prefix(std::uint32_t first_live_ordinal, lsn consistent_from,
                                              lsn purged) {
  // The newest segment that was begun always stays: it alone proves how far the LSNs got.
  std::size_t count = 0;
  while (count + 1 < used_ && segments_[count].ordinal < first_live_ordinal) ++count;
  if (count == 0) return count;
  manifest next = listing();
  next.segments.erase(next.segments.begin(),
                      next.segments.begin() + static_cast<std::ptrdiff_t>(count));
  next.purged = std::max(next.purged, purged);
  lsn& oldest_from = next.segments.front().consistent_from;
  oldest_from = std::max(oldest_from, consistent_from);
  TRY_VOID(commit_manifest(std::move(next)));
  segments_[count].entry.consistent_from = manifest_.segments.front().consistent_from;
  std::vector<use_id> retired;
  for (std::size_t index = 0; index < count; ++index) {
    ENSURE(segments_[index].entry.sealed_length != 0);
    retired.push_back(segments_[index].entry.use);
  }
  segments_.erase(segments_.begin(), segments_.begin() + static_cast<std::ptrdiff_t>(count));
  used_ -= count;
  statistics_.segments_retired += count;
  for (const use_id use : retired) TRY_VOID(dispose(use));
  return count;
}

result<void> log_writer::dispose(use_id use) {
  if (recyclable_.size() < recyclable_max) {
    recyclable_.push_back(use);
    return {};
  }
  return files_.remove(segment_path(directory_, use));
}

result<std::string> log_writer::path_of(std::uint32_t ordinal) const {
  for (const held_segment& each : segments_) {
    if (each.ordinal == ordinal) return segment_path(directory_, each.entry.use);
  }
  return failure{errc::not_found, fmt::format("{}: segment {} is retired", directory_, ordinal)};
}

}  // namespace troupe::log
