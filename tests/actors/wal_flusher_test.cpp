// The wal_flusher and the data_writer on their own threads, on the simulated disk; the shard is a
// stand-in on a unit stepped by hand that writes down what it is answered.
#include "actors/wal_flusher.hpp"

#include <doctest/doctest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/data_writer.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "storage/log/log_tail.hpp"
#include "storage/log/open_log.hpp"
#include "tests/actors/runtime/stepped_unit.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::tests {
namespace {

using actors::envelope;

const std::string directory = "/data/shard-0000";

struct answers {
  struct written {
    bool durable;
    lsn settled;
    std::string failure;
  };
  std::vector<written> frames;
  std::vector<log::prepared_segment> segments;
  std::vector<std::string> segment_failures;
};

class noting_shard {
 public:
  static constexpr const char* name = "noting_shard";

  noting_shard(actors::disk_client::pointer, answers* notes) : notes_(*notes) {}

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
        [](const envelope<schemas::RecordRead>&) { FAIL("nothing was read"); },
    };
  }

 private:
  answers& notes_;
};

caf::actor_system_config& configured(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::troupe_messages>();
  config.set("scheduler.max-threads", std::size_t{1});
  config.set("scheduler.policy", caf::atom("sharing"));
  return config;
}

log::opened open(io::file_system& files, std::vector<std::string>& values) {
  unique_id id;
  id.bytes.fill(1);
  log::open_options options;
  options.cluster = {id};
  options.node = {id};
  options.segment_bytes = 1 << 20;
  options.seed = 1;
  values.clear();
  auto opened =
      log::open_log(files, directory, options, [&](const log::record_view& record, log::position) {
        if (record.type == log::record_type::put) {
          values.emplace_back(record.value);
        }
      });
  REQUIRE(opened);
  return std::move(*opened);
}

// A log with its two actors, as node.cpp puts them together.
struct flushed_log {
  sim::disk disk{{}};
  caf::actor_system_config config;
  caf::actor_system system{configured(config)};
  stepped_unit unit{system};
  answers notes;
  std::vector<std::string> recovered;
  std::unique_ptr<log::log_tail> tail;
  std::optional<actors::disk_client> shard;
  std::optional<actors::data_writer_actor> maker;
  std::optional<actors::wal_flusher_actor> flusher;

  flushed_log() {
    auto opened = open(disk, recovered);
    tail = std::make_unique<log::log_tail>(opened.start, opened.spares);
    shard = runtime::spawn_pinned<noting_shard, actors::disk_client>(unit, &notes);
    maker = actors::spawn_data_writer(system, disk, opened.writer->order_segment());
    flusher = actors::spawn_wal_flusher(system, std::move(opened.writer), *maker);
    caf::anon_send(*flusher, envelope<schemas::Attach>::builder().finish(), *shard);
  }
  ~flushed_log() { stop(); }

  void stop() {
    if (!flusher) return;
    caf::anon_send_exit(*flusher, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(*maker, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(*shard, caf::exit_reason::user_shutdown);
    flusher.reset();
    maker.reset();
    shard.reset();
    unit.run();
  }

  void append(const std::string& value) {
    REQUIRE(tail->append({.type = log::record_type::put, .key = "key", .value = value},
                         log::space::normal));
  }
  /// Sends what is appended and waits for the answer.
  answers::written flush() {
    const auto closed = tail->take_frame(1);
    REQUIRE(closed);
    envelope<schemas::LogFrame>::builder message(closed->payload.size() + 256);
    message->setUse(closed->use.value);
    message->setSegment(closed->segment);
    message->setOffset(closed->offset);
    message->setNumber(closed->number);
    message->setFirst(closed->first.value);
    message->setLast(closed->last.value);
    message->setSettled(closed->settled.value);
    message->setEpoch(closed->epoch.value);
    message->setHistory(closed->history.value);
    message->setTimeMs(closed->time_ms);
    message->setRecordCount(closed->record_count);
    message->setRecords(schemas::data(closed->payload));
    caf::anon_send(*flusher, message.finish());
    const auto before = notes.frames.size();
    unit.run_until([&] { return notes.frames.size() > before; });
    return notes.frames.back();
  }
  void prepare() {
    caf::anon_send(*flusher, envelope<schemas::PrepareSegment>::builder().finish());
    const auto before = notes.segments.size() + notes.segment_failures.size();
    unit.run_until([&] { return notes.segments.size() + notes.segment_failures.size() > before; });
  }
};

}  // namespace

TEST_CASE("what the flusher calls durable survives a loss of power") {
  flushed_log log;
  log.append("first");
  const auto first = log.flush();
  CHECK(first.durable);
  CHECK(first.settled == log.tail->appended());
  log.append("second");
  log.append("third");
  CHECK(log.flush().durable);
  log.stop();
  log.disk.crash();
  log.disk.restart();
  open(log.disk, log.recovered);
  CHECK(log.recovered == std::vector<std::string>{"first", "second", "third"});
}

TEST_CASE("a failed write is reported, and every frame behind it fails for the same reason") {
  flushed_log log;
  log.append("kept");
  CHECK(log.flush().durable);
  log.disk.plan_write_fault(log.disk.write_points() + 1, sim::write_fault::fail_partial);
  log.append("lost");
  const auto failed = log.flush();
  CHECK_FALSE(failed.durable);
  CHECK(failed.failure.find("simulated input/output error") != std::string::npos);
  log.append("lost, too");
  const auto next = log.flush();
  CHECK_FALSE(next.durable);
  CHECK(next.failure == failed.failure);
  log.stop();
  log.disk.crash();
  log.disk.restart();
  open(log.disk, log.recovered);
  REQUIRE_FALSE(log.recovered.empty());
  CHECK(log.recovered.front() == "kept");
}

TEST_CASE("segments are made beside the flusher and adopted in order") {
  flushed_log log;
  log.prepare();
  log.prepare();
  REQUIRE(log.notes.segments.size() == 2);
  CHECK(log.notes.segments[0].ordinal < log.notes.segments[1].ordinal);
  for (const auto& segment : log.notes.segments) log.tail->add_spare(segment);
  log.append("still works");
  CHECK(log.flush().durable);
}

TEST_CASE("a full disk refuses a segment and nothing else; later it is made") {
  flushed_log log;
  log.disk.set_capacity(0);
  log.prepare();
  REQUIRE(log.notes.segment_failures.size() == 1);
  CHECK(log.notes.segment_failures[0].find("full") != std::string::npos);
  log.append("still works");
  CHECK(log.flush().durable);
  log.disk.set_capacity(std::uint64_t{1} << 40);
  log.prepare();
  CHECK(log.notes.segments.size() == 1);
}

TEST_CASE("a frame whose records are damaged on the way is refused before it is written") {
  flushed_log log;
  log.append("value");
  auto closed = log.tail->take_frame(1);
  REQUIRE(closed);
  closed->payload.back() = static_cast<char>(closed->payload.back() ^ 1);
  const auto points = log.disk.write_points();
  envelope<schemas::LogFrame>::builder message(closed->payload.size() + 256);
  message->setUse(closed->use.value);
  message->setSegment(closed->segment);
  message->setOffset(closed->offset);
  message->setFirst(closed->first.value);
  message->setLast(closed->last.value);
  message->setEpoch(closed->epoch.value);
  message->setHistory(closed->history.value);
  message->setRecordCount(closed->record_count);
  message->setRecords(schemas::data(closed->payload));
  caf::anon_send(*log.flusher, message.finish());
  log.unit.run_until([&] { return !log.notes.frames.empty(); });
  CHECK_FALSE(log.notes.frames.front().durable);
  CHECK(log.disk.write_points() == points);
}

}  // namespace troupe::tests
