// Who may use the log when: the wal_flusher with a commit queue whose commits end, and a worker and
// a maker of segment files that work, when the test says so, all in one thread.
#include <doctest/doctest.h>

#include <caf/typed_response_promise.hpp>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "actors/log_codec.hpp"
#include "tests/actors/flushed_log.hpp"

namespace troupe::tests {
namespace {

using held_jobs = std::deque<std::function<void()>>;

/// Keeps the work of a request until it is asked for.
template <class Answer, class Self, class Work>
caf::typed_response_promise<envelope<Answer>> hold(Self* self, held_jobs& jobs, Work work) {
  auto promise = self->template make_response_promise<envelope<Answer>>();
  jobs.emplace_back([promise, work]() mutable { promise.deliver(work()); });
  return promise;
}

/// When the worker seals the log.
enum class seals : std::uint8_t { at_once, when_let };

class held_worker {
 public:
  static constexpr const char* name = "held_worker";
  held_worker(actors::log_worker_actor::pointer self, std::shared_ptr<log::log_writer> writer,
              held_jobs* jobs, const seals* when)
      : self_(self), writer_(std::move(writer)), jobs_(*jobs), seals_(*when) {}

  actors::log_worker_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::LogFrame>& message) {
          return hold<schemas::FrameWritten>(self_, jobs_, [this, message] {
            const envelope<schemas::LogFrame>::reader from(message);
            return actors::frame_written(writer_->write(actors::decode(*from)), {});
          });
        },
        [this](const envelope<schemas::AdoptSegment>& message) {
          return hold<schemas::SegmentOutcome>(self_, jobs_, [this, message] {
            const envelope<schemas::AdoptSegment>::reader made(message);
            return actors::segment_outcome(writer_->adopt({use_id{made->getUse()}}));
          });
        },
        [this](const envelope<schemas::RetireSegments>&) {
          return hold<schemas::SegmentsRetired>(
              self_, jobs_, [] { return envelope<schemas::SegmentsRetired>::builder().finish(); });
        },
        [this](const envelope<schemas::SealLog>&) {
          CHECK(jobs_.empty());
          const auto promise = hold<schemas::LogSealed>(self_, jobs_, [this] {
            CHECK(writer_->seal());
            return envelope<schemas::LogSealed>::builder().finish();
          });
          if (seals_ == seals::at_once) {
            jobs_.front()();
            jobs_.pop_front();
          }
          return promise;
        },
    };
  }

 private:
  actors::log_worker_actor::pointer self_;
  std::shared_ptr<log::log_writer> writer_;
  held_jobs& jobs_;
  const seals& seals_;
};

class held_maker {
 public:
  static constexpr const char* name = "held_maker";
  held_maker(actors::data_writer_actor::pointer self, io::file_system* files,
             log::segment_order pattern, held_jobs* jobs)
      : self_(self), files_(*files), order_(std::move(pattern)), jobs_(*jobs) {}

  actors::data_writer_actor::behavior_type make_behavior() {
    return {[this](const envelope<schemas::MakeSegmentFile>& message) {
      return hold<schemas::SegmentFile>(self_, jobs_, [this, message] {
        order_.header.use = {envelope<schemas::MakeSegmentFile>::reader(message)->getUse()};
        CHECK(log::make_segment_file(files_, order_));
        envelope<schemas::SegmentFile>::builder answer;
        answer->setMade();
        return answer.finish();
      });
    }};
  }

 private:
  actors::data_writer_actor::pointer self_;
  io::file_system& files_;
  log::segment_order order_;
  held_jobs& jobs_;
};

const std::string large(actors::small_frame_bytes + 1, 'x');

// Its first segment is begun, so small frames go to the queue.
struct held_log : flushed_log {
  held_jobs work;
  held_jobs files;
  seals when = seals::at_once;

  explicit held_log(std::uint64_t seed = 1) : flushed_log(seed) {
    maker = runtime::spawn_pinned<held_maker, actors::data_writer_actor>(
        at.reactor, &disk, writer->order_segment(), &files);
    worker = runtime::spawn_pinned<held_worker, actors::log_worker_actor>(at.reactor, writer, &work,
                                                                          &when);
    spawn_flusher(small_frames::to_queue);
    post("begun");
    at.run();
    CHECK(disk.end_commits() == 0);
    let(work);
    REQUIRE(notes.frames.size() == 1);
  }
  ~held_log() {
    // The promises hold their actors.
    work.clear();
    files.clear();
    stop();
  }

  /// The oldest job is done.
  void let(held_jobs& jobs) {
    REQUIRE_FALSE(jobs.empty());
    auto job = std::move(jobs.front());
    jobs.pop_front();
    job();
    job = nullptr;
    at.run();
  }
  /// The commit under way ends.
  void end_commit() {
    CHECK(disk.end_commits() == 1);
    at.run();
  }
  void send(const std::string& value) {
    post(value);
    at.run();
  }
  void check_durable(std::size_t count) {
    REQUIRE(notes.frames.size() == count);
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(notes.frames[i].durable);
      if (i > 0) CHECK(notes.frames[i - 1].settled < notes.frames[i].settled);
    }
  }
};

}  // namespace

TEST_CASE("a small frame goes to the commit queue and is answered when its commit ended") {
  held_log log;
  log.send("small");
  CHECK(log.work.empty());
  CHECK(log.notes.frames.size() == 1);
  log.end_commit();
  log.check_durable(2);
  CHECK(log.values_after_crash() == std::vector<std::string>{"begun", "small"});
}

TEST_CASE("small, large and small frames stay in order") {
  held_log log;
  log.post("small");
  log.post(large);
  log.post("last");
  log.at.run();
  CHECK(log.work.empty());
  log.end_commit();
  log.check_durable(2);
  CHECK(log.work.size() == 1);
  CHECK(log.disk.end_commits() == 0);
  log.let(log.work);
  log.check_durable(3);
  log.end_commit();
  log.check_durable(4);
  CHECK(log.values_after_crash() == std::vector<std::string>{"begun", "small", large, "last"});
}

TEST_CASE("while the worker has the turn a small frame waits") {
  held_log log;
  log.send(large);
  const auto points = log.disk.write_points();
  log.send("small");
  CHECK(log.disk.write_points() == points);
  CHECK(log.work.size() == 1);
  log.let(log.work);
  log.check_durable(2);
  log.end_commit();
  log.check_durable(3);
}

TEST_CASE("no frame waits for a segment file; the adoption takes its turn between frames") {
  held_log log;
  log.send("under way");
  log.post_prepare();
  log.at.run();
  log.end_commit();
  REQUIRE(log.files.size() == 1);
  log.send("while the file is made");
  log.end_commit();
  log.check_durable(3);
  log.send("under way, too");
  log.let(log.files);
  CHECK(log.work.empty());
  log.end_commit();
  log.check_durable(4);
  REQUIRE(log.work.size() == 1);
  log.send("behind the adoption");
  CHECK(log.disk.end_commits() == 0);
  CHECK(log.notes.segments.empty());
  log.let(log.work);
  CHECK(log.notes.segments.size() == 1);
  log.end_commit();
  log.check_durable(5);
}

TEST_CASE("segments are retired by the worker, and frames go on behind it") {
  held_log log;
  caf::anon_send(log.flusher, envelope<schemas::RetireSegments>::builder().finish());
  log.send("behind");
  CHECK(log.work.size() == 1);
  CHECK(log.disk.end_commits() == 0);
  log.let(log.work);
  log.end_commit();
  log.check_durable(2);
}

TEST_CASE("a frame that fails under way poisons the log") {
  held_log log;
  log.disk.plan_write_fault(log.disk.write_points() + 1, sim::write_fault::fail_partial);
  log.send("lost");
  CHECK(log.notes.frames.size() == 1);
  log.end_commit();
  REQUIRE(log.notes.frames.size() == 2);
  CHECK_FALSE(log.notes.frames[1].durable);
  const auto points = log.disk.write_points();
  log.send("small");
  log.send(large);
  log.let(log.work);
  REQUIRE(log.notes.frames.size() == 4);
  CHECK(log.notes.frames[2].failure == log.notes.frames[1].failure);
  CHECK(log.notes.frames[3].failure == log.notes.frames[1].failure);
  CHECK(log.disk.write_points() == points);
}

TEST_CASE("a frame that cannot be begun is a failed write") {
  held_log log;
  log.disk.crash();
  log.send("lost");
  REQUIRE(log.notes.frames.size() == 2);
  CHECK_FALSE(log.notes.frames[1].durable);
  log.disk.restart();
  log.send("poisoned");
  REQUIRE(log.notes.frames.size() == 3);
  CHECK(log.notes.frames[2].failure == log.notes.frames[1].failure);
}

TEST_CASE("a loss of power tears a frame under way as it tears any other") {
  bool was_kept = false;
  bool was_lost = false;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    held_log log(seed);
    log.send("under way");
    log.disk.crash();
    log.end_commit();
    REQUIRE(log.notes.frames.size() == 2);
    CHECK_FALSE(log.notes.frames[1].durable);
    const auto values = log.values_after_crash();
    REQUIRE_FALSE(values.empty());
    CHECK(values.front() == "begun");
    (values.size() == 1 ? was_lost : was_kept) = true;
  }
  CHECK(was_lost);
  CHECK(was_kept);
}

TEST_CASE("told to exit, the flusher first answers for what is under way") {
  held_log log;
  SUBCASE("in the commit queue") {
    log.send("under way");
    log.tell_to_exit();
    log.at.run();
    CHECK_FALSE(log.flusher_ended);
    CHECK_FALSE(log.is_sealed());
    log.end_commit();
  }
  SUBCASE("at the worker") {
    log.send(large);
    log.tell_to_exit();
    log.at.run();
    CHECK_FALSE(log.flusher_ended);
    CHECK_FALSE(log.is_sealed());
    log.let(log.work);
  }
  log.check_durable(2);
  CHECK(log.flusher_ended);
  CHECK(log.is_sealed());
}

TEST_CASE("told to exit, the flusher has the log sealed and ends when that is done") {
  held_log log;
  log.when = seals::when_let;
  log.tell_to_exit();
  log.at.run();
  CHECK_FALSE(log.flusher_ended);
  SUBCASE("and nothing else happens") {}
  SUBCASE("and nothing is written behind the seal") {
    const auto points = log.disk.write_points();
    log.send("late");
    log.send(large);
    log.post_prepare();
    log.at.run();
    CHECK(log.disk.write_points() == points);
  }
  SUBCASE("told once more, it seals once") {
    log.tell_to_exit();
    log.at.run();
    CHECK_FALSE(log.flusher_ended);
  }
  REQUIRE(log.work.size() == 1);
  log.let(log.work);
  CHECK(log.work.empty());
  CHECK(log.files.empty());
  CHECK(log.flusher_ended);
  CHECK(log.is_sealed());
  log.check_durable(1);
  CHECK(log.values_after_crash() == std::vector<std::string>{"begun"});
}

TEST_CASE("a flusher that ends while the log is being sealed leaves a log that opens") {
  held_log log;
  log.when = seals::when_let;
  log.tell_to_exit();
  log.at.run();
  REQUIRE(log.work.size() == 1);
  SUBCASE("killed, before the worker gets to it") {
    caf::anon_send_exit(log.flusher, caf::exit_reason::kill);
    log.at.run();
    log.work.clear();
    CHECK_FALSE(log.is_sealed());
  }
  SUBCASE("killed, and the worker finishes") {
    caf::anon_send_exit(log.flusher, caf::exit_reason::kill);
    log.at.run();
    log.let(log.work);
    CHECK(log.is_sealed());
  }
  SUBCASE("since the worker died") {
    log.work.clear();
    log.at.end(log.worker);
    CHECK_FALSE(log.is_sealed());
  }
  CHECK(log.flusher_ended);
  CHECK(log.values_after_crash() == std::vector<std::string>{"begun"});
}

TEST_CASE("a log that failed is not sealed") {
  held_log log;
  log.when = seals::when_let;
  SUBCASE("poisoned") {
    log.disk.plan_write_fault(log.disk.write_points() + 1, sim::write_fault::fail_partial);
    log.send("lost");
    log.end_commit();
  }
  SUBCASE("without its worker") { log.at.end(log.worker); }
  log.tell_to_exit();
  log.at.run();
  CHECK(log.work.empty());
  CHECK(log.flusher_ended);
  CHECK_FALSE(log.is_sealed());
}

TEST_CASE("killed with a frame under way, the flusher leaves nothing to the kernel") {
  held_log log;
  log.send("under way");
  caf::anon_send_exit(log.flusher, caf::exit_reason::kill);
  log.at.run();
  CHECK(log.flusher_ended);
  CHECK(log.disk.end_commits() == 0);
}

TEST_CASE("when the worker dies the shard is told that its log failed") {
  held_log log;
  SUBCASE("with nothing to do") {
    log.at.end(log.worker);
    REQUIRE(log.notes.frames.size() == 2);
  }
  SUBCASE("with a frame and a segment waiting") {
    log.send(large);
    log.post_prepare();
    log.at.run();
    log.work.clear();
    log.at.end(log.worker);
    REQUIRE(log.notes.frames.size() == 3);
    CHECK_FALSE(log.notes.frames[2].durable);
    CHECK(log.notes.segment_failures.size() == 1);
  }
  SUBCASE("with a small frame under way, which still ends") {
    log.send("under way");
    log.at.end(log.worker);
    CHECK(log.notes.frames.size() == 1);
    log.end_commit();
    REQUIRE(log.notes.frames.size() == 3);
    CHECK(log.notes.frames[1].durable);
    log.notes.frames.erase(log.notes.frames.begin() + 1);
  }
  CHECK_FALSE(log.notes.frames[1].durable);
  CHECK(log.notes.frames[1].failure.find("log worker died") != std::string::npos);
  const auto before = log.notes.frames.size();
  log.send("never written");
  REQUIRE(log.notes.frames.size() == before + 1);
  CHECK_FALSE(log.notes.frames.back().durable);
}

}  // namespace troupe::tests
