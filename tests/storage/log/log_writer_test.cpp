#include "storage/log/log_writer.hpp"

#include "storage/log/manifest_store.hpp"
#include "storage/log/read_record.hpp"
#include "tests/storage/log/log_fixture.hpp"

namespace troupe::tests {
namespace {

std::vector<std::string> segment_files(log_fixture& fixture) {
  auto names = *fixture.disk.list(log_fixture::directory);
  std::erase_if(names, [](const std::string& name) { return !log::parse_segment_name(name); });
  return names;
}

// Retires all but the last two segments.
std::size_t retire(log_fixture& fixture) {
  const auto retired =
      fixture.log.writer->retire_prefix(fixture.tail->active_segment() - 1, lsn{3}, lsn{2});
  REQUIRE(retired);
  return *retired;
}

}  // namespace

TEST_CASE("a frame is one write and then durable") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  fixture.put("key");
  const auto frame = fixture.tail->take_frame(0);
  const std::uint64_t before = disk.write_points();
  const auto written = fixture.log.writer->write(*frame);
  REQUIRE(written);
  CHECK(*written == fixture.tail->appended());
  CHECK(disk.write_points() == before + 1);
  disk.crash();
  disk.restart();
  fixture.open();
  CHECK(fixture.keys == std::vector<std::string>{"", "key"});
}

TEST_CASE("a frame written in two halves is durable when the second says so, or poisons") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("kept");
  auto& writer = *fixture.log.writer;
  const auto frame = fixture.tail->take_frame(0);
  const std::uint64_t before = disk.write_points();
  const auto wanted = writer.begin_write(log::view_of(*frame));
  REQUIRE(wanted);
  CHECK(disk.write_points() == before);
  CHECK(writer.statistics().commits == 0);
  const auto written = writer.finish_write(wanted->into->commit_at(wanted->offset, wanted->bytes));
  REQUIRE(written);
  CHECK(*written == fixture.tail->appended());
  CHECK(writer.statistics().commits == 1);

  fixture.put("lost");
  const auto second = fixture.tail->take_frame(0);
  REQUIRE(writer.begin_write(log::view_of(*second)));
  CHECK_FALSE(writer.finish_write(failure{errc::io_failed, "broken"}));
  REQUIRE(writer.poisoned() != nullptr);
  CHECK_FALSE(writer.begin_write(log::view_of(*second)));
  fixture.open();
  CHECK(fixture.keys == std::vector<std::string>{"", "kept"});
}

TEST_CASE("the first failed write poisons for good") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  fixture.put("lost");
  disk.plan_write_fault(disk.write_points() + 1, sim::write_fault::fail_partial);
  const auto first = fixture.log.writer->write(*fixture.tail->take_frame(0));
  REQUIRE_FALSE(first);
  CHECK(first.error().code == errc::io_failed);
  const std::string& why = first.error().message;
  CHECK(why.starts_with("records 2 to 2: "));
  CHECK(why.find(".segment") != std::string::npos);
  CHECK(why.find(".segment") == why.rfind(".segment"));
  fixture.put("never tried");
  const std::uint64_t before = disk.write_points();
  const auto second = fixture.log.writer->write(*fixture.tail->take_frame(0));
  REQUIRE_FALSE(second);
  CHECK(second.error().message == first.error().message);
  CHECK_FALSE(fixture.log.writer->prepare_segment());
  CHECK(disk.write_points() == before);
  REQUIRE(fixture.log.writer->poisoned() != nullptr);
}

TEST_CASE("a frame damaged in memory is not written") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  fixture.put("key", "some value");
  auto frame = fixture.tail->take_frame(0);
  frame->payload.back() = static_cast<char>(frame->payload.back() ^ 1);
  const std::uint64_t before = disk.write_points();
  const auto written = fixture.log.writer->write(*frame);
  REQUIRE_FALSE(written);
  CHECK(written.error().code == errc::corrupt);
  CHECK(disk.write_points() == before);
}

TEST_CASE("rolling to a prepared segment writes no manifest and survives") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  const auto commits = fixture.log.writer->statistics().manifest_commits;
  fixture.fill_segment();
  CHECK(fixture.log.writer->statistics().manifest_commits == commits);
  const auto expected = fixture.log.writer->statistics().records;
  disk.crash();
  disk.restart();
  fixture.open();
  CHECK(fixture.keys.size() == expected);
}

TEST_CASE("a full disk while preparing leaves the log healthy") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  disk.set_capacity(0);
  const auto refused = fixture.log.writer->prepare_segment();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::no_space);
  CHECK(fixture.log.writer->poisoned() == nullptr);
  fixture.put("still written");
  fixture.flush();
  disk.set_capacity(std::uint64_t{1} << 30);
  fixture.prepare();
  fixture.open();
  CHECK(fixture.keys.back() == "still written");
}

TEST_CASE("no space where it was reserved poisons, and freeing some would not help") {
  for (const auto fault : {sim::write_fault::no_space, sim::write_fault::no_space_partial}) {
    sim::disk disk({});
    log_fixture fixture(disk);
    fixture.open();
    fixture.flush();
    fixture.put("lost");
    const auto frame = fixture.tail->take_frame(0);
    disk.plan_write_fault(disk.write_points() + 1, fault);
    const auto written = fixture.log.writer->write(*frame);
    REQUIRE_FALSE(written);
    CHECK(written.error().code == errc::io_failed);
    CHECK(written.error().message.find("full") != std::string::npos);
    REQUIRE(fixture.log.writer->poisoned() != nullptr);
    const auto spare = fixture.log.writer->prepare_segment();
    REQUIRE_FALSE(spare);
    CHECK(spare.error().code == errc::io_failed);
  }
}

TEST_CASE("retired segments go from the log and their files are used again") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  for (int index = 0; index < 3; ++index) {
    fixture.fill_segment();
    fixture.prepare();
  }
  const auto created = fixture.log.writer->statistics().segments_created;
  const std::size_t files = segment_files(fixture).size();
  const std::size_t retired = retire(fixture);
  CHECK(retired == 2);
  fixture.prepare();
  fixture.prepare();
  CHECK(fixture.log.writer->statistics().segments_created == created);
  CHECK(fixture.log.writer->statistics().segments_recycled == 2);
  CHECK(segment_files(fixture).size() == files);
  CHECK_FALSE(fixture.log.writer->path_of(0));
  fixture.put("after");
  fixture.flush();
  fixture.open();
  CHECK(fixture.keys.front() == "filling");
  CHECK(fixture.keys.back() == "after");
  CHECK(fixture.log.purged == lsn{2});
}

TEST_CASE("the newest begun segment is never retired, so LSNs never start again") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("only");
  fixture.flush();
  const lsn last = fixture.tail->appended();
  fixture.open();  // nothing written yet in this epoch
  const auto retired = fixture.log.writer->retire_prefix(1000, {}, {});
  REQUIRE(retired);
  CHECK(*retired == 0);
  fixture.open();
  CHECK(fixture.log.start.next == next(last));
}

TEST_CASE("sealing writes the manifest and no segment, and nothing is written afterwards") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("last");
  fixture.flush();
  const std::uint64_t before = disk.write_points();
  REQUIRE(fixture.log.writer->seal());
  CHECK(disk.write_points() == before + log::manifest_names.size());
  REQUIRE(fixture.log.writer->poisoned() != nullptr);
  CHECK(fixture.log.writer->poisoned()->code == errc::refused);
  fixture.put("late");
  CHECK_FALSE(fixture.log.writer->write(*fixture.tail->take_frame(0)));
  CHECK_FALSE(fixture.log.writer->prepare_segment());
  CHECK_FALSE(fixture.log.writer->seal());
  CHECK(disk.write_points() == before + log::manifest_names.size());
  fixture.open();
  CHECK(fixture.keys == std::vector<std::string>{"", "last"});
}

TEST_CASE("a log in which nothing was written since its opening needs no seal") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("earlier");
  fixture.flush();
  fixture.open();
  const std::uint64_t before = disk.write_points();
  REQUIRE(fixture.log.writer->seal());
  CHECK(disk.write_points() == before);
  CHECK(fixture.log.writer->poisoned() != nullptr);
  fixture.open();
  CHECK(fixture.keys == std::vector<std::string>{"", "earlier"});
}

TEST_CASE("a poisoned log is not sealed, since nobody knows where it ends") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("kept");
  fixture.flush();
  fixture.put("lost");
  disk.plan_write_fault(disk.write_points() + 1, sim::write_fault::fail_partial);
  const auto failed = fixture.log.writer->write(*fixture.tail->take_frame(0));
  REQUIRE_FALSE(failed);
  const std::uint64_t before = disk.write_points();
  const auto refused = fixture.log.writer->seal();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == failed.error().message);
  CHECK(disk.write_points() == before);
  disk.crash();
  disk.restart();
  fixture.open();
  REQUIRE(fixture.keys.size() >= 2);
  CHECK(fixture.keys[1] == "kept");
}

TEST_CASE("a seal that fails loses nothing and lets nothing be written behind it") {
  for (const auto fault :
       {sim::write_fault::fail, sim::write_fault::fail_partial, sim::write_fault::no_space}) {
    for (std::uint64_t point = 1; point <= log::manifest_names.size(); ++point) {
      for (const bool power_fails : {false, true}) {
        sim::disk disk({.seed = point});
        log_fixture fixture(disk);
        fixture.open();
        fixture.put("kept");
        fixture.flush();
        disk.plan_write_fault(disk.write_points() + point, fault);
        CHECK_FALSE(fixture.log.writer->seal());
        fixture.put("late");
        CHECK_FALSE(fixture.log.writer->write(*fixture.tail->take_frame(0)));
        if (power_fails) disk.crash();
        disk.restart();
        fixture.open();
        CHECK(fixture.keys == std::vector<std::string>{"", "kept"});
      }
    }
  }
}

TEST_CASE("a file with a second link is not used again") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  const std::string snapshot = "/data/snapshot";
  disk.add_link(*fixture.log.writer->path_of(0), snapshot);
  std::string before(small_segment_bytes, '\0');
  for (int index = 0; index < 2; ++index) {
    fixture.fill_segment();
    fixture.prepare();
  }
  REQUIRE((*disk.open(snapshot, io::access::read))->read_at(0, before));
  CHECK(retire(fixture) == 1);
  fixture.prepare();
  CHECK(fixture.log.writer->statistics().segments_recycled == 0);
  std::string after(small_segment_bytes, '\0');
  REQUIRE((*disk.open(snapshot, io::access::read))->read_at(0, after));
  CHECK(before == after);
}

TEST_CASE("records of an earlier use of a file never come back") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  for (int round = 0; round < 12; ++round) {
    fixture.fill_segment();
    if (round % 2 == 1) retire(fixture);
    while (fixture.log.writer->wants_spare()) fixture.prepare();
  }
  CHECK(fixture.log.writer->statistics().segments_recycled > 3);
  const lsn last = fixture.tail->appended();
  disk.crash();
  disk.restart();
  fixture.open();
  CHECK(fixture.log.start.next == next(last));
}

TEST_CASE("a record is read where append said it would stand") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  const auto appended = fixture.put("key", "a value to be read");
  fixture.flush();
  const std::size_t size = log::encoded_size({.key = "key", .value = "a value to be read"});
  auto file = disk.open(*fixture.log.writer->path_of(appended.where.segment), io::access::read);
  REQUIRE(file);
  std::string buffer;
  const auto record = log::read_record(**file, appended.where, size, shard_id{1}, buffer);
  REQUIRE(record);
  CHECK(record->sequence == appended.sequence);
  CHECK(record->value == "a value to be read");
  CHECK_FALSE(log::read_record(**file, appended.where, size + 1, shard_id{1}, buffer));
  CHECK_FALSE(log::read_record(**file, appended.where, size, shard_id{0}, buffer));
  CHECK_FALSE(log::read_record(**file, {0, small_segment_bytes - 8}, size, shard_id{1}, buffer));
}

}  // namespace troupe::tests
