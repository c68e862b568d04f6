// What flusher, maker of segment files and reader of cold values do, at random moments.
#include "storage/log/read_record.hpp"
#include "tests/sim/shard_driver.hpp"

namespace troupe::sim {

void shard_driver::send_frame(log::frame&& closed) {
  for (const auto& job : flusher_) {
    if (job.frame) model_.complain("two frames are in flight");
  }
  if (under_way_ || written_) model_.complain("two frames are in flight");
  flusher_.push_back({std::move(closed), {}});
}

void shard_driver::announce(lsn durable, const failure* failed) {
  if (durable < announced_) model_.complain("the watermark went back");
  if (failed_) model_.complain("something is announced after the log failed");
  announced_ = durable;
  model_.on_announced(durable);
  if (failed == nullptr) return;
  failed_ = true;
  model_.on_poisoned();
}

void shard_driver::read_record(std::uint64_t ticket, log::position where, std::uint32_t size) {
  reads_.push_back({ticket, where, size});
}

// Like the wal_flusher's queue: one job after the other, some frames by the thread that may block.
void shard_driver::work_flusher() {
  auto job = std::move(flusher_.front());
  flusher_.pop_front();
  auto& writer = *log_.writer;
  if (job.frame) {
    if (job.frame->number != 0 && random_.one_in(2)) {
      begin_frame(*job.frame);
      return;
    }
    const auto before = writer.statistics().written_bytes;
    frame_points_.insert(disk_.write_points() + 1);
    auto written = writer.write(*job.frame);
    const auto bytes = static_cast<std::uint32_t>(writer.statistics().written_bytes - before);
    written_ = frame_outcome{std::move(written), job.frame->last, bytes, job.frame->time_ms};
    return;
  }
  const auto& dead = *job.dead;
  const auto dropped =
      writer.retire_prefix(dead.first_live_ordinal, dead.consistent_from, dead.purged);
  if (dropped) segments_retired_ += *dropped;
}

void shard_driver::begin_frame(const log::frame& frame) {
  auto& writer = *log_.writer;
  const auto wanted = writer.begin_write(log::view_of(frame));
  if (!wanted) {
    written_ = frame_outcome{wanted.error(), frame.last, 0, frame.time_ms};
    return;
  }
  frame_points_.insert(disk_.write_points() + 1);
  under_way_ = frame;
  under_way_->payload.clear();
  const auto begun = commits_->begin(*wanted->into, wanted->offset, wanted->bytes);
  if (begun) return;
  written_ = frame_outcome{writer.finish_write(begun), frame.last, 0, frame.time_ms};
  under_way_.reset();
}

void shard_driver::finish_frame() {
  disk_.end_commits();
  const auto ended = commits_->finished();
  if (!ended) {
    model_.complain("a commit that was begun has no end");
    return;
  }
  auto& writer = *log_.writer;
  const auto before = writer.statistics().written_bytes;
  auto written = writer.finish_write(*ended);
  const auto bytes = static_cast<std::uint32_t>(writer.statistics().written_bytes - before);
  written_ = frame_outcome{std::move(written), under_way_->last, bytes, under_way_->time_ms};
  under_way_.reset();
}

// An order is made, then the file, then it is adopted; other work may come between, but nobody
// adopts while a frame is under way.
void shard_driver::make_segment() {
  if (!making_) {
    making_ = log_.writer->order_segment();
    return;
  }
  if (!made_) {
    const auto before = disk_.write_points();
    made_ = log::make_segment_file(disk_, *making_);
    for (auto n = before + 1; n <= disk_.write_points(); ++n) segment_points_.insert(n);
    return;
  }
  if (under_way_) return;
  const auto made = std::move(*made_);
  made_.reset();
  making_.reset();
  --segments_wanted_;
  auto adopted = made ? log_.writer->adopt(*made) : result<log::prepared_segment>(made.error());
  if (disk_.crashed()) return;
  if (adopted) {
    core_->on_segment(adopted->use, adopted->ordinal);
  } else {
    core_->on_segment_failed(adopted.error());
  }
}

void shard_driver::report_written() {
  auto done = std::move(*written_);
  written_.reset();
  if (!done.written) {
    core_->on_log_failed(done.written.error());
    return;
  }
  model_.on_frame(done.time_ms);
  const bool wrong = options_.bug == shard_canary::announce_last;
  core_->on_frame_durable(wrong ? done.last : *done.written, done.bytes);
}

void shard_driver::flusher_step() {
  // The pieces of a run are told to the model together, so no failure may come between them.
  const bool may_report = written_ && (written_->written || !runs_pieces());
  if (may_report && random_.one_in(2)) {
    report_written();
  } else if (under_way_ && random_.one_in(2)) {
    finish_frame();
  } else if (!under_way_ && !flusher_.empty() && random_.one_in(2)) {
    work_flusher();
  } else if (segments_wanted_ > 0) {
    make_segment();
  }
}

bool shard_driver::stop() {
  while (!flusher_.empty() && !disk_.crashed()) work_flusher();
  const bool was_poisoned = log_.writer->poisoned() != nullptr;
  const auto sealed = log_.writer->seal();
  if (was_poisoned && sealed) model_.complain("a poisoned log was sealed");
  return !went_wrong();
}

void shard_driver::read_some() {
  feed_streams();
  if (reads_.empty()) return;
  const auto place = reads_.begin() + static_cast<std::ptrdiff_t>(random_.below(reads_.size()));
  const auto wanted = *place;
  reads_.erase(place);
  std::string buffer;
  const auto read = [&]() -> result<std::string_view> {
    TRY(const auto path, log_.writer->path_of(wanted.where.segment));
    TRY(const auto file, disk_.open(path, io::access::read));
    TRY(const auto record,
        log::read_record(*file, wanted.where, wanted.size, log_.start.geometry.shard, buffer));
    if (record.size != wanted.size) model_.complain("a record of another size was read");
    return std::string_view(buffer);
  };
  const auto record = read();
  if (disk_.crashed()) return;
  ++cold_reads_;
  core_->on_record(wanted.ticket, record);
}

void shard_driver::work_disk() {
  core_->end_round();
  flusher_step();
  if (!disk_.crashed()) read_some();
}

}  // namespace troupe::sim
