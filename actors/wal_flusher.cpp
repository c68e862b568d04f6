#include "actors/wal_flusher.hpp"

#include <spdlog/spdlog.h>
#include <sys/epoll.h>

#include <caf/send.hpp>
#include <chrono>
#include <deque>
#include <optional>
#include <utility>
#include <variant>

#include "actors/log_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::actors {

namespace {

/// Writing a whole segment of zeros takes long on a slow disk.
constexpr auto make_file_deadline = std::chrono::minutes(10);

class wal_flusher_state final : public runtime::io_handler {
 public:
  static constexpr const char* name = "wal_flusher";

  wal_flusher_state(wal_flusher_actor::pointer self, runtime::reactor* home, flusher_parts parts)
      : self_(self),
        home_(*home),
        writer_(std::move(parts.writer)),
        worker_(std::move(parts.worker)),
        file_maker_(std::move(parts.file_maker)),
        commits_(std::move(parts.commits)) {
    watch_commits();
    self_->monitor(worker_);
    self_->set_down_handler([this](const caf::down_msg& message) { lose_turn(message.reason); });
    self_->set_exit_handler([this](const caf::exit_msg& message) { end(message.reason); });
  }
  ~wal_flusher_state() override {
    if (commits_) home_.unwatch(commits_->descriptor());
  }
  wal_flusher_state(const wal_flusher_state&) = delete;
  wal_flusher_state& operator=(const wal_flusher_state&) = delete;

  wal_flusher_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::Attach>&, const disk_client& shard) { shard_ = shard; },
        [this](const envelope<schemas::LogFrame>& frame) { add(frame); },
        [this](const envelope<schemas::PrepareSegment>& wish) { add(wish); },
        [this](const envelope<schemas::RetireSegments>& dead) { add(dead); },
    };
  }

  // ---- io_handler: the commit queue has something to tell ---------------------------------------
  void on_ready(std::uint32_t) override {
    const auto ended = commits_->finished();
    if (!ended) return;
    finish(*ended);
    jobs_.pop_front();
    work();
  }

 private:
  enum class turn : std::uint8_t { here, under_way, at_worker, lost };
  using job = std::variant<envelope<schemas::LogFrame>, envelope<schemas::PrepareSegment>,
                           envelope<schemas::AdoptSegment>, envelope<schemas::RetireSegments>>;

  void watch_commits() {
    if (!commits_) return;
    const auto watched = home_.watch(commits_->descriptor(), EPOLLIN, *this);
    if (watched) return;
    spdlog::error("every frame goes to a thread: {}", watched.error().message);
    commits_.reset();
  }

  void add(job next) {
    jobs_.push_back(std::move(next));
    work();
  }

  /// Begins what can be begun. A job stays in front until it is done.
  void work() {
    while (turn_ == turn::here && !jobs_.empty()) {
      std::visit([this](const auto& each) { begin(each); }, jobs_.front());
      if (turn_ == turn::here) jobs_.pop_front();
    }
    if (turn_ == turn::lost) {
      for (; !jobs_.empty(); jobs_.pop_front()) {
        std::visit([this](const auto& each) { fail(each); }, jobs_.front());
      }
    }
    // Here quit() might not end the actor, since this may be no handler: be told once more.
    if (end_ && at_rest()) {
      caf::anon_send_exit(self_->address(), caf::exit_reason::user_shutdown);
    }
  }

  // ---- the turn ---------------------------------------------------------------------------------
  [[nodiscard]] bool at_rest() const { return turn_ == turn::here || turn_ == turn::lost; }

  /// Hands the job in front to the worker. No deadline: nobody can take the turn back from a disk.
  template <class Answer, class Job>
  void hand_over(const envelope<Job>& message) {
    turn_ = turn::at_worker;
    self_->request(worker_, caf::infinite, message)
        .then(
            [this](const envelope<Answer>& outcome) {
              turn_ = turn::here;
              jobs_.pop_front();
              answer(outcome);
              work();
            },
            [this](const caf::error& why) { lose_turn(why); });
  }

  /// The worker is gone. A frame under way here still ends as it ends.
  void lose_turn(const caf::error& why) {
    if (lost_) return;
    lost_ = failure{errc::io_failed, "the log worker died: " + self_->system().render(why)};
    if (turn_ != turn::under_way) give_up();
    work();
  }

  void give_up() {
    turn_ = turn::lost;
    // Whatever waits: the shard must not write on (invariant 3).
    answer(frame_written(*lost_, {}));
  }

  /// Only in a handler, where quit() ends the actor; at rest no job waits.
  void end(const caf::error& why) {
    if (!end_) end_ = why;
    if (turn_ == turn::here && writer_->poisoned() == nullptr) {
      seal();
    } else if (at_rest()) {
      self_->quit(*end_);
    }
  }

  /// Jobs that come while the worker seals are dropped (invariant 6). No deadline but that of the
  /// node's stop, which kills this actor in the end.
  void seal() {
    turn_ = turn::at_worker;
    self_->request(worker_, caf::infinite, envelope<schemas::SealLog>::builder().finish())
        .then([this](const envelope<schemas::LogSealed>&) { self_->quit(*end_); },
              [this](const caf::error& why) { lose_turn(why); });
  }

  // ---- frames -----------------------------------------------------------------------------------
  void begin(const envelope<schemas::LogFrame>& message) {
    const envelope<schemas::LogFrame>::reader from(message);
    // The first frame of a segment opens its file, which may block.
    if (!commits_ || from->getNumber() == 0 || from->getRecords().size() > small_frame_bytes) {
      hand_over<schemas::FrameWritten>(message);
      return;
    }
    started_us_ = home_.time().monotonic_us();
    const auto wanted = writer_->begin_write(decode(*from));
    if (!wanted) {
      answer(frame_written(wanted.error(), {}));
      return;
    }
    turn_ = turn::under_way;
    const auto begun = commits_->begin(*wanted->into, wanted->offset, wanted->bytes);
    if (!begun) finish(begun);
  }

  /// The frame under way ended; the turn is here again.
  void finish(const result<void>& ended) {
    ENSURE(turn_ == turn::under_way);
    const auto written_before = writer_->statistics().written_bytes;
    const auto durable = writer_->finish_write(ended);
    turn_ = turn::here;
    answer(frame_written(durable, {home_.time().monotonic_us() - started_us_,
                                   writer_->statistics().written_bytes - written_before}));
    if (lost_) give_up();
  }

  void fail(const envelope<schemas::LogFrame>&) { answer(frame_written(*lost_, {})); }

  void answer(const envelope<schemas::FrameWritten>& written) {
    const envelope<schemas::FrameWritten>::reader outcome(written);
    if (outcome->isFailed()) {
      spdlog::error("the log failed, its shard turns read-only: {}",
                    schemas::view(outcome->getFailed().getMessage()));
    }
    self_->send(shard_, written);
  }

  // ---- segments ---------------------------------------------------------------------------------
  void begin(const envelope<schemas::PrepareSegment>&) {
    const auto order = writer_->order_segment();
    const auto use = order.header.use;
    envelope<schemas::MakeSegmentFile>::builder request;
    request->setUse(use.value);
    request->setRecycled(order.recycled ? order.recycled->value : 0);
    self_->request(file_maker_, make_file_deadline, request.finish())
        .then([this, use](const envelope<schemas::SegmentFile>& made) { on_file(use, made); },
              [this](const caf::error& why) {
                answer(segment_outcome(failure{
                    errc::busy, "no answer from the data writer: " + self_->system().render(why)}));
              });
  }

  void on_file(use_id use, const envelope<schemas::SegmentFile>& made) {
    const envelope<schemas::SegmentFile>::reader from(made);
    if (from->isFailed()) {
      answer(segment_outcome(decode(from->getFailed())));
      return;
    }
    envelope<schemas::AdoptSegment>::builder wish;
    wish->setUse(use.value);
    add(wish.finish());
  }

  void begin(const envelope<schemas::AdoptSegment>& made) {
    hand_over<schemas::SegmentOutcome>(made);
  }
  void begin(const envelope<schemas::RetireSegments>& dead) {
    hand_over<schemas::SegmentsRetired>(dead);
  }

  void fail(const envelope<schemas::PrepareSegment>&) { answer(segment_outcome(*lost_)); }
  void fail(const envelope<schemas::AdoptSegment>&) { answer(segment_outcome(*lost_)); }
  void fail(const envelope<schemas::RetireSegments>&) {}

  void answer(const envelope<schemas::SegmentOutcome>& prepared) {
    const envelope<schemas::SegmentOutcome>::reader outcome(prepared);
    if (outcome->isFailed()) {
      spdlog::warn("no new log segment: {}", schemas::view(outcome->getFailed().getMessage()));
    }
    self_->send(shard_, prepared);
  }
  void answer(const envelope<schemas::SegmentsRetired>&) {}

  wal_flusher_actor::pointer self_;
  runtime::reactor& home_;
  std::shared_ptr<log::log_writer> writer_;
  log_worker_actor worker_;
  data_writer_actor file_maker_;
  // Behind the writer, so that it goes first: its destructor waits for what reads the buffer.
  std::unique_ptr<io::commit_queue> commits_;
  disk_client shard_;
  turn turn_ = turn::here;
  std::deque<job> jobs_;  // bounded: actors/README.md
  std::uint64_t started_us_ = 0;
  std::optional<failure> lost_;
  std::optional<caf::error> end_;  // why it was told to exit
};

}  // namespace

wal_flusher_actor spawn_wal_flusher(runtime::reactor& home, flusher_parts parts) {
  return runtime::spawn_pinned<wal_flusher_state, wal_flusher_actor>(home, &home, std::move(parts));
}

}  // namespace troupe::actors
