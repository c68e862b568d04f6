// A log on the simulated disk with a flusher on a reactor stepped by hand; the shard is a stand-in
// that writes down what it is answered. Who the worker and the maker of files are, the tests say.
//
// Owner and thread: the test.
#pragma once

#include <doctest/doctest.h>

#include <caf/actor_cast.hpp>
#include <caf/send.hpp>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "actors/log_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/wal_flusher.hpp"
#include "storage/log/log_tail.hpp"
#include "storage/log/manifest_store.hpp"
#include "storage/log/open_log.hpp"
#include "tests/actors/mock_actors.hpp"
#include "tests/actors/runtime/stepped_reactor.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::tests {

/// What the shard was answered.
struct flusher_answers {
  struct written {
    bool durable;
    lsn settled;
    std::string failure;
  };
  std::vector<written> frames;
  std::vector<log::prepared_segment> segments;
  std::vector<std::string> segment_failures;
};

class answered_shard {
 public:
  static constexpr const char* name = "answered_shard";

  answered_shard(actors::disk_client::pointer, flusher_answers* notes) : notes_(*notes) {}

  actors::disk_client::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::FrameWritten>& message) {
          const envelope<schemas::FrameWritten>::reader from(message);
          notes_.frames.push_back({from->isDurable(),
                                   {from->getSettled()},
                                   from->isFailed() ? from->getFailed().getMessage().cStr() : ""});
        },
        [this](const envelope<schemas::SegmentOutcome>& message) {
          const envelope<schemas::SegmentOutcome>::reader from(message);
          if (from->isFailed()) {
            notes_.segment_failures.emplace_back(from->getFailed().getMessage().cStr());
          } else {
            const auto made = from->getAdopted();
            notes_.segments.push_back({{made.getUse()}, made.getOrdinal()});
          }
        },
        unexpected<schemas::RecordRead>(),
    };
  }

 private:
  flusher_answers& notes_;
};

/// Whether small frames go to a commit queue or, like all others, to the worker.
enum class small_frames : std::uint8_t { to_queue, to_worker };

class flushed_log {
 public:
  inline static const std::string directory = "/data/shard-0000";

  sim::disk disk;
  stepped_reactor at;
  flusher_answers notes;
  std::unique_ptr<log::log_tail> tail;
  std::shared_ptr<log::log_writer> writer;
  actors::disk_client shard;
  actors::log_worker_actor worker;
  actors::data_writer_actor maker;
  actors::wal_flusher_actor flusher;
  bool flusher_ended = false;

  explicit flushed_log(std::uint64_t seed = 1) : disk({.seed = seed}) {
    std::vector<std::string> none;
    auto opened = open(none);
    tail = std::make_unique<log::log_tail>(opened.start, opened.spares);
    writer = std::move(opened.writer);
    shard = runtime::spawn_pinned<answered_shard, actors::disk_client>(at.reactor, &notes);
  }
  ~flushed_log() { stop(); }
  flushed_log(const flushed_log&) = delete;
  flushed_log& operator=(const flushed_log&) = delete;

  /// Opens the log and notes all values in it.
  log::opened open(std::vector<std::string>& values) {
    auto opened = try_open(values);
    INFO((opened ? "" : opened.error().message));
    REQUIRE(opened);
    return std::move(*opened);
  }
  result<log::opened> try_open(std::vector<std::string>& values) {
    unique_id id;
    id.bytes.fill(1);
    log::open_options options;
    options.cluster = {id};
    options.node = {id};
    options.segment_bytes = 1 << 20;
    options.seed = 1;
    values.clear();
    return log::open_log(disk, directory, options,
                         [&](const log::record_view& record, log::position) {
                           if (record.type == log::record_type::put) {
                             values.emplace_back(record.value);
                           }
                         });
  }
  /// Whether the manifest says where the segment ends that was begun first.
  [[nodiscard]] bool is_sealed() {
    const auto loaded = log::load_manifest(disk, directory);
    REQUIRE(loaded);
    REQUIRE(*loaded);
    return (*loaded)->content.segments.front().sealed_length != 0;
  }
  /// Power fails; what is there afterwards.
  std::vector<std::string> values_after_crash() {
    stop();
    disk.crash();
    disk.restart();
    std::vector<std::string> values;
    open(values);
    return values;
  }

  /// With `worker` and `maker` spawned by the test.
  void spawn_flusher(small_frames way) {
    actors::flusher_parts parts;
    parts.writer = writer;
    parts.worker = worker;
    parts.file_maker = maker;
    if (way == small_frames::to_queue) {
      auto queue = disk.make_commit_queue(directory + "/" + log::manifest_names.front());
      REQUIRE(queue);
      parts.commits = std::move(*queue);
    }
    flusher = actors::spawn_wal_flusher(at.reactor, std::move(parts));
    caf::actor_cast<caf::actor>(flusher)->attach_functor(
        [this](const caf::error&) { flusher_ended = true; });
    caf::anon_send(flusher, envelope<schemas::Attach>::builder().finish(), shard);
  }
  /// Rounds, with an end to every commit, until `condition` holds, however long other threads take.
  template <class Condition>
  void await(const Condition& condition) {
    while (!condition()) {
      disk.end_commits();
      at.reactor.step();
      at.scheduler.run();
      std::this_thread::yield();
    }
  }
  void tell_to_exit() { caf::anon_send_exit(flusher, caf::exit_reason::user_shutdown); }
  void stop() {
    if (!flusher) return;
    tell_to_exit();
    await([this] { return flusher_ended; });
    flusher = nullptr;
    at.end(worker);
    at.end(maker);
    at.end(shard);
    writer.reset();
  }

  void append(const std::string& value) {
    REQUIRE(tail->append({.type = log::record_type::put, .key = "key", .value = value},
                         log::space::normal));
  }
  /// A frame of all that is appended.
  log::frame take_frame() {
    auto closed = tail->take_frame(1);
    REQUIRE(closed);
    return std::move(*closed);
  }
  void post(const log::frame& closed) { caf::anon_send(flusher, actors::log_frame(closed)); }
  void post(const std::string& value) {
    append(value);
    post(take_frame());
  }
  /// Posts and waits for the answer.
  flusher_answers::written flush(const log::frame& closed) {
    const auto before = notes.frames.size();
    post(closed);
    await([&] { return notes.frames.size() > before; });
    return notes.frames.back();
  }
  flusher_answers::written flush() { return flush(take_frame()); }
  void post_prepare() {
    caf::anon_send(flusher, envelope<schemas::PrepareSegment>::builder().finish());
  }
  void prepare() {
    const auto before = notes.segments.size() + notes.segment_failures.size();
    post_prepare();
    await([&] { return notes.segments.size() + notes.segment_failures.size() > before; });
  }
};

}  // namespace troupe::tests
