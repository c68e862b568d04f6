// The wal_flusher with its log_worker and data_writer on their own threads, on the simulated disk:
// with a commit queue, and with the worker writing everything. What needs a worker that waits:
// wal_flusher_turn_test.cpp.
#include "actors/wal_flusher.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "actors/data_writer.hpp"
#include "actors/log_worker.hpp"
#include "tests/actors/flushed_log.hpp"

namespace troupe::tests {
namespace {

// As node_children.cpp puts them together.
struct threaded_log : flushed_log {
  explicit threaded_log(small_frames way) {
    maker = actors::spawn_data_writer(at.system, disk, writer->order_segment());
    worker = actors::spawn_log_worker(at.system, writer);
    spawn_flusher(way);
  }
};

small_frames each_way() {
  auto way = small_frames::to_queue;
  SUBCASE("small frames to a commit queue") { way = small_frames::to_queue; }
  SUBCASE("all frames to the worker") { way = small_frames::to_worker; }
  return way;
}

}  // namespace

TEST_CASE("what the flusher calls durable survives a loss of power") {
  threaded_log log(each_way());
  log.append("first");
  const auto first = log.flush();
  CHECK(first.durable);
  CHECK(first.settled == log.tail->appended());
  log.append("second");
  log.append("third");
  CHECK(log.flush().durable);
  const std::string large(actors::small_frame_bytes + 1, 'x');
  log.append(large);
  CHECK(log.flush().durable);
  log.append("last");
  CHECK(log.flush().durable);
  CHECK(log.values_after_crash() ==
        std::vector<std::string>{"first", "second", "third", large, "last"});
}

TEST_CASE("a failed write is reported, and every frame behind it fails for the same reason") {
  threaded_log log(each_way());
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
  const auto recovered = log.values_after_crash();
  REQUIRE_FALSE(recovered.empty());
  CHECK(recovered.front() == "kept");
}

TEST_CASE("segments are made beside the flusher and adopted in order") {
  threaded_log log(each_way());
  log.prepare();
  log.prepare();
  REQUIRE(log.notes.segments.size() == 2);
  CHECK(log.notes.segments[0].ordinal < log.notes.segments[1].ordinal);
  for (const auto& segment : log.notes.segments) log.tail->add_spare(segment);
  log.append("still works");
  CHECK(log.flush().durable);
}

TEST_CASE("a full disk refuses a segment and nothing else; later it is made") {
  threaded_log log(each_way());
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
  threaded_log log(each_way());
  log.append("kept");
  CHECK(log.flush().durable);
  log.append("value");
  auto closed = log.take_frame();
  closed.payload.back() = static_cast<char>(closed.payload.back() ^ 1);
  const auto points = log.disk.write_points();
  CHECK_FALSE(log.flush(closed).durable);
  CHECK(log.disk.write_points() == points);
}

TEST_CASE("after an ordered stop a damaged last frame is damage, after a kill a torn write") {
  const auto way = each_way();
  for (const auto end : {caf::exit_reason::user_shutdown, caf::exit_reason::kill}) {
    threaded_log log(way);
    log.append("first");
    CHECK(log.flush().durable);
    const auto last = [&] {
      log.append("last");
      return log.take_frame();
    }();
    CHECK(log.flush(last).durable);
    const auto path = log::segment_path(flushed_log::directory, last.use);
    caf::anon_send_exit(log.flusher, end);
    log.stop();
    const auto in_payload = last.offset + log::frame_header_bytes + 10;
    log.disk.flip_bit(path, in_payload * 8);
    std::vector<std::string> values;
    const auto opened = log.try_open(values);
    if (end == caf::exit_reason::kill) {
      CHECK(opened);
      CHECK(values == std::vector<std::string>{"first"});
    } else {
      REQUIRE_FALSE(opened);
      CHECK(opened.error().code == errc::corrupt);
      CHECK(opened.error().message.starts_with(path + ": offset " + std::to_string(last.offset)));
      log.disk.flip_bit(path, in_payload * 8);
      CHECK(log.values_after_crash() == std::vector<std::string>{"first", "last"});
    }
  }
}

TEST_CASE("a stop in which the log cannot be sealed is a stop, and nothing is lost") {
  threaded_log log(each_way());
  log.append("kept");
  CHECK(log.flush().durable);
  log.disk.plan_write_fault(log.disk.write_points() + 1, sim::write_fault::fail);
  log.stop();
  CHECK(log.flusher_ended);
  CHECK_FALSE(log.is_sealed());
  CHECK(log.values_after_crash() == std::vector<std::string>{"kept"});
}

TEST_CASE("segments are adopted while small and large frames flow") {
  threaded_log log(each_way());
  std::vector<std::string> sent;
  for (int i = 0; i < 40; ++i) {
    if (i % 8 == 0) log.post_prepare();
    const auto size = i % 5 == 0 ? actors::small_frame_bytes + 100 : std::size_t{100};
    sent.push_back(std::to_string(i) + std::string(size, '.'));
    log.append(sent.back());
    CHECK(log.flush().durable);
  }
  log.await([&] { return log.notes.segments.size() == 5; });
  CHECK(log.notes.frames.size() == sent.size());
  CHECK(log.values_after_crash() == sent);
}

}  // namespace troupe::tests
