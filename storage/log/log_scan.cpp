#include "storage/log/log_scan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "storage/base/crc32c.hpp"
#include "storage/base/limits.hpp"
#include "storage/log/batch_filter.hpp"

namespace troupe::log {
namespace {

constexpr std::size_t window_bytes = 2 * limits::frame_bytes_max;
constexpr std::size_t first_step_bytes = 64 * 1024;
constexpr std::uint64_t scan_step = 512;  // no disk's alignment is smaller

// A file read through a window that moves forward in large steps.
class window {
 public:
  result<void> open(io::file_system& files, const std::string& path) {
    TRY(file_, files.open(path, io::access::read));
    start_ = 0;
    length_ = 0;
    step_ = first_step_bytes / 4;
    return {};
  }
  result<std::uint64_t> size() { return file_->size(); }

  // `bytes` at `offset`, fewer at the file's end; valid until the next call.
  result<std::string_view> view(std::uint64_t offset, std::size_t bytes) {
    if (offset < start_ || offset + bytes > start_ + length_) {
      // Small at first, since of most spares only the beginning is wanted.
      step_ = std::min(std::max(4 * step_, bytes), window_bytes);
      if (buffer_.size() < step_) buffer_.resize(step_);
      TRY(length_, file_->read_at(offset, std::span(buffer_).first(step_)));
      start_ = offset;
    }
    const std::string_view held(buffer_.data(), length_);
    return held.substr(std::min<std::size_t>(offset - start_, held.size()), bytes);
  }

 private:
  std::unique_ptr<io::file> file_;
  std::string buffer_;
  std::uint64_t start_ = 0;
  std::size_t length_ = 0;
  std::size_t step_ = 0;
};

class scanner {
 public:
  scanner(io::file_system& files, const std::string& directory, const manifest& content,
          const scan_visitors& visitors)
      : files_(files),
        directory_(directory),
        content_(content),
        visitors_(visitors),
        seed_(content.store.shard),
        filter_(visitors.record, [this](position frame, const batch_filter::visitor& show) {
          return read_frame_again(frame, show);
        }) {}

  result<log_summary> run();

 private:
  result<void> scan_segment(std::size_t index);
  result<void> check_header_block(std::size_t index);
  result<void> read_frames(std::size_t index);
  result<void> check_frame(std::size_t index, const checked_header& checked) const;
  result<void> check_epoch(const frame_header& header) const;
  result<void> read_records(std::size_t index, const frame_header& header,
                            std::string_view payload);
  result<void> check_nothing_behind(std::size_t index);
  result<std::optional<std::uint64_t>> find_header(std::size_t index, std::uint64_t from);
  result<void> check_spares(std::size_t from);
  result<void> read_frame_again(position frame, const batch_filter::visitor& show);
  result<void> show_records(std::string_view payload, position start,
                            const std::function<result<void>(const record_view&, position)>& show);

  [[nodiscard]] std::string path(std::size_t index) const {
    return segment_path(directory_, content_.segments[index].use);
  }
  [[nodiscard]] frame_place place(std::size_t index, std::uint64_t offset) const {
    return {content_.segments[index].use, offset, content_.store.segment_bytes};
  }
  [[nodiscard]] failure corrupt(std::size_t index, std::uint64_t offset,
                                std::string_view why) const {
    return {errc::corrupt, fmt::format("{}: offset {}: {}", path(index), offset, why)};
  }

  io::file_system& files_;
  const std::string& directory_;
  const manifest& content_;
  const scan_visitors& visitors_;
  const record_seed seed_;
  batch_filter filter_;
  window current_;
  window again_;
  std::string stop_reason_;  // why the frames of the current segment ended
  bool any_frame_ = false;   // then last_header_crc is the chain value to expect
  log_summary summary_;
};

result<log_summary> scanner::run() {
  summary_.segments.resize(content_.segments.size());
  std::size_t index = 0;
  for (; index < content_.segments.size(); ++index) {
    TRY_VOID(scan_segment(index));
    if (summary_.segments[index].frames == 0) break;
    summary_.used = index + 1;
    summary_.tail =
        fmt::format("{}: offset {}: {}", path(index), summary_.segments[index].end, stop_reason_);
  }
  TRY_VOID(check_spares(index));
  filter_.end_log();
  summary_.aborted_records = filter_.aborted();
  return std::move(summary_);
}

result<void> scanner::scan_segment(std::size_t index) {
  const segment_entry& entry = content_.segments[index];
  scanned_segment& found = summary_.segments[index];
  found.use = entry.use;
  found.end = segment_header_bytes;
  TRY_VOID(check_header_block(index));
  TRY_VOID(read_frames(index));
  if (entry.sealed_length != 0) {
    if (found.end != entry.sealed_length) {
      return corrupt(
          index, found.end,
          fmt::format("{} (the segment is sealed at {})", stop_reason_, entry.sealed_length));
    }
    stop_reason_ = "sealed here";
    return {};
  }
  return check_nothing_behind(index);
}

// The block was durable before its segment was listed and is never written again: a bad one is no
// crash's doing, and a segment without it might have held any number of frames.
result<void> scanner::check_header_block(std::size_t index) {
  const segment_entry& entry = content_.segments[index];
  scanned_segment& found = summary_.segments[index];
  if (auto opened = current_.open(files_, path(index)); !opened) {
    if (opened.error().code != errc::not_found) return opened.error();
    return failure{errc::corrupt, path(index) + ": the segment is listed but missing"};
  }
  TRY(found.file_bytes, current_.size());
  const std::uint64_t wanted =
      entry.sealed_length != 0 ? entry.sealed_length : content_.store.segment_bytes;
  if (found.file_bytes < wanted) {
    return corrupt(index, found.file_bytes,
                   fmt::format("the file ends here but should have {} bytes", wanted));
  }
  TRY(const std::string_view block, current_.view(0, segment_header_bytes));
  auto header = decode_segment_header(block);
  if (!header) {
    if (header.error().code == errc::foreign) return header.error().in(path(index));
    return corrupt(index, 0, header.error().message + ", but the segment is listed");
  }
  if (const std::string difference = describe_difference(header->store, content_.store);
      !difference.empty()) {
    return failure{errc::foreign, path(index) + ": " + difference + " (of the manifest)"};
  }
  if (header->use != entry.use) {
    return corrupt(index, 0, "the header block is of another use of the file");
  }
  found.alignment = header->alignment;
  return {};
}

result<void> scanner::read_frames(std::size_t index) {
  const segment_entry& entry = content_.segments[index];
  scanned_segment& found = summary_.segments[index];
  const std::uint64_t limit =
      entry.sealed_length != 0 ? entry.sealed_length : content_.store.segment_bytes;
  stop_reason_ = "the segment is full";
  while (found.end + frame_header_bytes <= limit) {
    const std::uint64_t offset = found.end;
    TRY(const std::string_view start, current_.view(offset, frame_header_bytes));
    const auto checked = decode_frame_header(start, place(index, offset));
    if (!checked) {
      stop_reason_ = checked.error().message;
      break;
    }
    TRY_VOID(check_frame(index, *checked));
    const frame_header& header = checked->header;
    TRY(const std::string_view whole,
        current_.view(offset, frame_header_bytes + header.payload_length));
    const std::string_view payload = whole.substr(frame_header_bytes);
    if (payload.size() != header.payload_length || crc32c(payload) != header.payload_crc) {
      stop_reason_ = "frame payload: checksum does not match";
      break;
    }
    if (visitors_.frame) visitors_.frame(*checked, static_cast<std::uint32_t>(index));
    TRY_VOID(read_records(index, header, payload));
    const std::uint64_t size = frame_bytes(header.payload_length, found.alignment);
    found.end += size;
    found.frames += 1;
    if (found.first.value == 0) found.first = header.first;
    found.last = header.last;
    any_frame_ = true;
    summary_.last_header_crc = checked->crc;
    summary_.last = header.last;
    summary_.last_epoch = header.epoch;
    summary_.last_time_ms = header.time_ms;
    summary_.frames += 1;
    summary_.bytes += size;
  }
  return {};
}

// An intact header that does not continue the log is damage elsewhere, never a torn write.
result<void> scanner::check_frame(std::size_t index, const checked_header& checked) const {
  const frame_header& header = checked.header;
  const scanned_segment& found = summary_.segments[index];
  const auto wrong = [&](std::string_view why) { return corrupt(index, found.end, why); };
  if (header.number != found.frames) {
    return wrong(fmt::format("frame number {} where {} belongs", header.number, found.frames));
  }
  if (any_frame_ && header.previous_header != summary_.last_header_crc) {
    if (index == 0 || found.frames != 0) return wrong("the frame does not follow the one before");
    return corrupt(
        index - 1, summary_.segments[index - 1].end,
        fmt::format("a frame is missing here: {} does not follow", segment_name(found.use)));
  }
  if (header.first <= summary_.last) return wrong("LSNs go back");
  if (header.epoch < summary_.last_epoch) return wrong("the epoch goes back");
  if (header.time_ms < summary_.last_time_ms && any_frame_) return wrong("time goes back");
  if (auto known = check_epoch(header); !known) return wrong(known.error().message);
  return {};
}

// Every epoch is in the manifest before a frame of it is written.
result<void> scanner::check_epoch(const frame_header& header) const {
  const auto& epochs = content_.epochs;
  if (epochs.empty() || header.epoch < epochs.front().epoch) return {};  // the oldest may be gone
  const auto entry = std::find_if(epochs.begin(), epochs.end(), [&](const epoch_entry& each) {
    return each.epoch == header.epoch;
  });
  if (entry == epochs.end() || entry->history != header.history) {
    return failure{errc::corrupt, fmt::format("epoch {} of history {} is not in the manifest",
                                              header.epoch.value, to_hex(header.history.value))};
  }
  return {};
}

result<void> scanner::show_records(
    std::string_view payload, position start,
    const std::function<result<void>(const record_view&, position)>& show) {
  std::size_t at = 0;
  while (at < payload.size()) {
    const position where{start.segment, static_cast<std::uint32_t>(start.offset + at)};
    auto record = decode_record(payload.substr(at), seed_);
    // The frame's checksum was right, so this was written wrong or is of another shard.
    if (!record) return corrupt(where.segment, where.offset, record.error().message);
    if (auto shown = show(*record, where); !shown) {
      return corrupt(where.segment, where.offset, shown.error().message);
    }
    at += record->size;
  }
  return {};
}

result<void> scanner::read_records(std::size_t index, const frame_header& header,
                                   std::string_view payload) {
  const auto segment = static_cast<std::uint32_t>(index);
  const position frame_at{segment, static_cast<std::uint32_t>(header.offset)};
  lsn previous{header.first.value - 1};
  std::uint32_t count = 0;
  TRY_VOID(show_records(
      payload, {segment, static_cast<std::uint32_t>(header.offset + frame_header_bytes)},
      [&](const record_view& record, position where) -> result<void> {
        if (record.sequence <= previous || (count == 0 && record.sequence != header.first)) {
          return failure{errc::corrupt, "record: LSN out of order"};
        }
        previous = record.sequence;
        ++count;
        return filter_.on_record(record, where);
      }));
  if (previous != header.last || count != header.record_count) {
    return corrupt(index, header.offset, "the records are not those that the frame header counts");
  }
  summary_.records += count;
  filter_.end_frame(frame_at);
  return {};
}

result<void> scanner::check_nothing_behind(std::size_t index) {
  const scanned_segment& found = summary_.segments[index];
  TRY(const auto valid, find_header(index, found.end));
  if (!valid) return {};
  return corrupt(index, found.end,
                 fmt::format("damaged frame: {}, but a later frame stands at offset {}",
                             stop_reason_, *valid));
}

result<std::optional<std::uint64_t>> scanner::find_header(std::size_t index, std::uint64_t from) {
  // The frame at `from` itself is known to be invalid, header or payload.
  for (std::uint64_t offset = from + scan_step;
       offset + frame_header_bytes <= content_.store.segment_bytes; offset += scan_step) {
    TRY(const std::string_view bytes, current_.view(offset, frame_header_bytes));
    if (looks_like_frame(bytes) && decode_frame_header(bytes, place(index, offset))) {
      return std::optional<std::uint64_t>(offset);
    }
  }
  return std::optional<std::uint64_t>{};
}

// segments[from] was read already and has no frame. Behind a segment without frames there must be
// none: a segment is begun only when the one before it was.
result<void> scanner::check_spares(std::size_t from) {
  for (std::size_t index = from + 1; index < content_.segments.size(); ++index) {
    scanned_segment& found = summary_.segments[index];
    found.use = content_.segments[index].use;
    found.end = segment_header_bytes;
    TRY_VOID(check_header_block(index));
    TRY(const std::string_view bytes, current_.view(segment_header_bytes, frame_header_bytes));
    if (content_.segments[index].sealed_length != 0 ||
        decode_frame_header(bytes, place(index, segment_header_bytes))) {
      return corrupt(from, segment_header_bytes,
                     fmt::format("no frame is here, but {}, which comes later, has some",
                                 segment_name(found.use)));
    }
  }
  return {};
}

result<void> scanner::read_frame_again(position frame, const batch_filter::visitor& show) {
  TRY_VOID(again_.open(files_, path(frame.segment)));
  TRY(const std::string_view start, again_.view(frame.offset, frame_header_bytes));
  TRY(const checked_header checked, decode_frame_header(start, place(frame.segment, frame.offset)));
  const std::size_t length = checked.header.payload_length;
  TRY(const std::string_view whole, again_.view(frame.offset, frame_header_bytes + length));
  const auto at = static_cast<std::uint32_t>(frame.offset + frame_header_bytes);
  return show_records(whole.substr(frame_header_bytes), {frame.segment, at},
                      [&](const record_view& record, position where) -> result<void> {
                        show(record, where);
                        return {};
                      });
}

}  // namespace

result<log_summary> scan_log(io::file_system& files, const std::string& directory,
                             const manifest& content, const scan_visitors& visitors) {
  return scanner(files, directory, content, visitors).run();
}

}  // namespace troupe::log
