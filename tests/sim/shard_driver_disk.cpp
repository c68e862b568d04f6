// What flusher, maker of segment files and reader of cold values do, at random moments.
#include "storage/log/read_record.hpp"
#include "tests/sim/shard_driver.hpp"

namespace troupe::sim {

void shard_driver::send_frame(log::frame&& closed) {
  for (const auto& job : flusher_) {
    if (job.frame) model_.complain("two frames are in flight");
  }
  if (written_) model_.complain("two frames are in flight");
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

// Like the wal_flusher's mailbox: one message after the other.
void shard_driver::work_flusher() {
  auto job = std::move(flusher_.front());
  flusher_.pop_front();
  auto& writer = *log_.writer;
  if (job.frame) {
    const auto before = writer.statistics().written_bytes;
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

// An order is made and then adopted; other work may come between.
void shard_driver::make_segment() {
  if (!making_) {
    making_ = log_.writer->order_segment();
    return;
  }
  const auto made = log::make_segment_file(disk_, *making_);
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

void shard_driver::flusher_step() {
  // The pieces of a run are told to the model together, so no failure may come between them.
  const bool may_report = written_ && (written_->written || !runs_pieces());
  if (may_report && random_.one_in(2)) {
    auto done = std::move(*written_);
    written_.reset();
    if (!done.written) {
      core_->on_log_failed(done.written.error());
      return;
    }
    model_.on_frame(done.time_ms);
    const bool wrong = options_.bug == shard_canary::announce_last;
    core_->on_frame_durable(wrong ? done.last : *done.written, done.bytes);
    return;
  }
  if (!flusher_.empty() && random_.one_in(2)) {
    work_flusher();
  } else if (segments_wanted_ > 0) {
    make_segment();
  }
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
