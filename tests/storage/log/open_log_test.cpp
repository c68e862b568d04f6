#include "storage/log/open_log.hpp"

#include "storage/base/limits.hpp"
#include "storage/log/inspect.hpp"
#include "storage/log/manifest_store.hpp"
#include "tests/storage/log/log_fixture.hpp"

namespace troupe::tests {
namespace {

std::string path_of(log_fixture& fixture, std::size_t index) {
  return log::segment_path(log_fixture::directory, fixture.log.segments[index].use);
}

std::size_t file_count(log_fixture& fixture) {
  return fixture.disk.list(log_fixture::directory)->size();
}

failure open_failure(log_fixture& fixture) {
  const auto opened = fixture.try_open();
  REQUIRE_FALSE(opened);
  return opened.error();
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("an empty directory becomes a log with spares and a reserve") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  CHECK(fixture.log.report.created);
  CHECK(fixture.log.start.next == lsn{1});
  CHECK(fixture.log.start.epoch == epoch_number{1});
  CHECK(fixture.log.spares.size() == 2 + limits::reserved_segments);
  CHECK(fixture.keys.empty());
}

TEST_CASE("opening an intact log again changes nothing but the epoch") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("one");
  fixture.flush();
  const std::size_t files = file_count(fixture);
  for (std::uint64_t epoch = 2; epoch < 6; ++epoch) {
    fixture.open();  // and writes nothing
    CHECK(fixture.keys == std::vector<std::string>{"", "one"});
    CHECK(fixture.log.start.next == lsn{3});
    CHECK(fixture.log.start.epoch == epoch_number{epoch});
    CHECK(fixture.log.spares.size() == 2 + limits::reserved_segments);
    CHECK(file_count(fixture) == files + 1);
  }
  const auto loaded = log::load_manifest(disk, log_fixture::directory);
  REQUIRE(loaded);
  CHECK((*loaded)->content.epochs.size() == 2);  // empty epochs do not stay
}

TEST_CASE("a full table of epochs makes room by its oldest one") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("one");
  fixture.flush();
  fixture.close();
  const auto before = log::load_manifest(disk, log_fixture::directory);
  REQUIRE(before);
  REQUIRE(*before);
  log::manifest content = (*before)->content;
  REQUIRE(content.epochs.size() == 1);
  content.epochs.resize(limits::epochs_max, content.epochs.front());
  for (std::uint64_t i = 0; i < limits::epochs_max; ++i) content.epochs[i].epoch = {i + 1};
  content.promised = content.epochs.back().epoch;
  log::manifest_store store(disk, log_fixture::directory, (*before)->newest_copy);
  REQUIRE(store.commit(content));

  fixture.open();
  CHECK(fixture.keys == std::vector<std::string>{"", "one"});
  CHECK(fixture.log.start.epoch == epoch_number{limits::epochs_max + 1});
  const auto after = log::load_manifest(disk, log_fixture::directory);
  REQUIRE(after);
  REQUIRE(*after);
  const auto& epochs = (*after)->content.epochs;
  REQUIRE(epochs.size() == limits::epochs_max);
  CHECK(epochs.front().epoch == epoch_number{2});
  CHECK(epochs.back().epoch == epoch_number{limits::epochs_max + 1});
}

TEST_CASE("the first spare, which a torn frame may have touched, gets a new use id") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  const std::vector<log::prepared_segment> before = fixture.log.spares;
  fixture.open();
  // before[0] was written, before[1] is the touched one
  CHECK(fixture.log.spares[0].use == before[2].use);
  for (const log::prepared_segment& spare : fixture.log.spares) {
    CHECK(spare.use != before[1].use);
  }
  CHECK(fixture.log.writer->statistics().segments_recycled == 1);
}

TEST_CASE("a log opened often does not hold a whole file for each life") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  const auto before = *disk.free_bytes("/data");
  for (int life = 0; life < 20; ++life) {
    fixture.open();
    fixture.put("key");
    fixture.flush();
  }
  CHECK(before - *disk.free_bytes("/data") < 3 * small_segment_bytes);
  fixture.open();
  CHECK(fixture.keys.size() == 41);
}

TEST_CASE("a nearly full disk opens with what there is, a full one refuses a new log") {
  sim::disk small({.capacity_bytes = 3 * small_segment_bytes});
  log_fixture fixture(small);
  fixture.open();
  CHECK(fixture.log.spares.size() == 2);
  fixture.flush();

  sim::disk tiny({.capacity_bytes = small_segment_bytes});
  log_fixture refused(tiny);
  CHECK(open_failure(refused).code == errc::no_space);
}

TEST_CASE("a full disk still opens, since the first spare is used again") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("key");
  fixture.flush();
  disk.set_capacity(0);
  fixture.open();
  CHECK(fixture.log.spares.size() == 1 + limits::reserved_segments);
  fixture.put("other");
  fixture.flush();
}

TEST_CASE("a store of another kind is refused with the field and both values") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  const log::open_options good = fixture.options;
  const auto expect_foreign = [&](const std::string& field) {
    const std::uint64_t before = disk.write_points();
    const failure why = open_failure(fixture);
    INFO(why.message);
    CHECK(why.code == errc::foreign);
    CHECK(contains(why.message, "field " + field + " is "));
    CHECK(contains(why.message, " in the store but "));
    CHECK(disk.write_points() == before + 1);  // the parent directory's sync
    fixture.options = good;
  };
  fixture.options.cluster = {numbered_id(9)};
  expect_foreign("cluster");
  fixture.options.node = {numbered_id(9)};
  expect_foreign("node");
  fixture.options.shard = {0};
  expect_foreign("shard");
  fixture.options.shard_count = 3;
  expect_foreign("shard count");
  fixture.options.segment_bytes *= 2;
  expect_foreign("segment bytes");
  fixture.open();
}

TEST_CASE("a disk with larger blocks than the log was made for is refused by name") {
  sim::disk disk({.alignment = 512});
  log_fixture fixture(disk);
  fixture.open();
  log::manifest content = (*log::load_manifest(disk, log_fixture::directory))->content;
  content.alignment = 256;
  log::manifest_store store(disk, log_fixture::directory, 0);
  REQUIRE(store.commit(content));
  const failure why = open_failure(fixture);
  CHECK(why.code == errc::foreign);
  CHECK(contains(why.message, "alignment"));
}

TEST_CASE("impossible options are refused") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.options.segment_bytes = 5000;
  CHECK(open_failure(fixture).code == errc::refused);
  fixture.options.segment_bytes = small_segment_bytes;
  fixture.options.shard = {2};
  CHECK(open_failure(fixture).code == errc::refused);
}

TEST_CASE("a listed segment that is missing is named, and nothing is changed") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("key");
  fixture.flush();
  const std::string path = path_of(fixture, 0);
  REQUIRE(disk.rename(path, "/data/elsewhere"));
  const std::uint64_t before = disk.write_points();
  const failure why = open_failure(fixture);
  CHECK(why.code == errc::corrupt);
  CHECK(contains(why.message, path));
  CHECK(contains(why.message, "missing"));
  CHECK(disk.write_points() == before + 1);
}

TEST_CASE("segments without a manifest are not taken for a new store") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.close();
  for (const char* name : log::manifest_names) {
    REQUIRE(disk.remove(std::string(log_fixture::directory) + "/" + name));
  }
  CHECK(open_failure(fixture).code == errc::corrupt);
}

TEST_CASE("unlisted and unfinished files are removed, others stay") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  const std::string directory = log_fixture::directory;
  REQUIRE(disk.create_zeroed(directory + "/00000000deadbeef.segment", 4096));
  REQUIRE(disk.create_zeroed(directory + "/MANIFEST-a.new", 4096));
  REQUIRE(disk.create_zeroed(directory + "/notes.txt", 10));
  fixture.open();
  CHECK_FALSE(*disk.exists(directory + "/00000000deadbeef.segment"));
  CHECK_FALSE(*disk.exists(directory + "/MANIFEST-a.new"));
  CHECK(*disk.exists(directory + "/notes.txt"));
  CHECK(fixture.log.report.removed.size() == 2);
}

TEST_CASE("damage before the end is corruption with file and offset, wherever it is") {
  for (std::uint64_t offset = log::segment_header_bytes; offset < 5632; offset += 37) {
    sim::disk disk({});
    log_fixture fixture(disk);
    fixture.open();
    for (const char* key : {"one", "two", "three"}) {
      fixture.put(key, std::string(300, 'x'));
      fixture.flush();
    }
    const std::string path = path_of(fixture, 0);
    disk.flip_bit(path, offset * 8 + 3);
    const auto opened = fixture.try_open();
    if (opened) {
      // Padding is not covered; the last frame may count as torn.
      CHECK(fixture.keys.size() >= 3);
    } else {
      CHECK(opened.error().code == errc::corrupt);
      CHECK(contains(opened.error().message, path + ": offset "));
    }
    if (offset < 5120) CHECK((!opened || fixture.keys.size() == 4));
  }
}

TEST_CASE("a frame missing at the end of a rolled segment is noticed by the chain") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.flush();
  std::uint64_t last_offset = 0;
  while (fixture.tail->active_segment() == 0) {
    fixture.put("filling", std::string(8000, 'f'));
    const auto frame = fixture.tail->take_frame(0);
    if (frame->segment == 0) last_offset = frame->offset;
    REQUIRE(fixture.log.writer->write(*frame));
  }
  disk.flip_bit(path_of(fixture, 0), last_offset * 8);
  const failure why = open_failure(fixture);
  CHECK(why.code == errc::corrupt);
  CHECK(contains(why.message, "a frame is missing here"));
}

TEST_CASE("a listed segment without its header block is damage, a spare too") {
  for (const std::size_t index : {0u, 1u, 2u}) {
    sim::disk disk({});
    log_fixture fixture(disk);
    fixture.open();
    fixture.put("key");
    fixture.flush();
    const std::string path = path_of(fixture, index);
    disk.flip_bit(path, 100);
    const std::uint64_t before = disk.write_points();
    const failure why = open_failure(fixture);
    CHECK(why.code == errc::corrupt);
    CHECK(contains(why.message, path + ": offset 0: "));
    CHECK(disk.write_points() == before + 1);
    disk.flip_bit(path, 100);
    fixture.open();
    CHECK(fixture.keys.size() == 2);
  }
}

TEST_CASE("the last used segment, wholly zeroed, is damage and not the end of the log") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("sealed");
  fixture.flush();
  fixture.open();
  fixture.put("acknowledged");
  fixture.flush();
  const std::string path = path_of(fixture, 1);
  const auto file = disk.open(path, io::access::write);
  REQUIRE(file);
  REQUIRE((*file)->write_at(0, std::string(small_segment_bytes, '\0')));
  const failure why = open_failure(fixture);
  CHECK(why.code == errc::corrupt);
  CHECK(contains(why.message, path));
}

// Padding is covered by no checksum: a flip there is not seen and changes nothing.
TEST_CASE("damage to any frame of a log that was closed in order is named, the last one included") {
  std::uint64_t named = 0;
  for (std::uint64_t offset = log::segment_header_bytes; offset < 5632; offset += 37) {
    sim::disk disk({});
    log_fixture fixture(disk);
    fixture.open();
    for (const char* key : {"one", "two", "three"}) {
      fixture.put(key, std::string(300, 'x'));
      fixture.flush();
    }
    REQUIRE(fixture.log.writer->seal());
    const std::string path = path_of(fixture, 0);
    disk.flip_bit(path, offset * 8 + 3);
    const std::uint64_t before = disk.write_points();
    const auto opened = fixture.try_open();
    INFO("offset " << offset);
    if (!opened) {
      ++named;
      CHECK(opened.error().code == errc::corrupt);
      CHECK(contains(opened.error().message, path + ": offset "));
      CHECK(disk.write_points() == before + 1);  // the parent directory's sync
      disk.flip_bit(path, offset * 8 + 3);
      fixture.open();
    }
    CHECK(fixture.keys == std::vector<std::string>{"", "one", "two", "three"});
  }
  CHECK(named > 30);
}

TEST_CASE("frames that are gone from the end of a log that was closed in order are missed") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.fill_segment();
  fixture.put("last");
  fixture.flush();
  REQUIRE(fixture.log.writer->seal());
  const std::string path = path_of(fixture, 1);
  const auto file = disk.open(path, io::access::write);
  REQUIRE(file);
  const std::string zeros(small_segment_bytes - log::segment_header_bytes, '\0');
  REQUIRE((*file)->write_at(log::segment_header_bytes, zeros));
  const failure why = open_failure(fixture);
  CHECK(why.code == errc::corrupt);
  CHECK(contains(why.message, path + ": offset 4096: "));
}

TEST_CASE("a log that was closed in order is opened with a new epoch and goes on") {
  sim::disk disk({});
  log_fixture fixture(disk);
  std::vector<std::string> expected;
  for (std::uint64_t life = 1; life <= 5; ++life) {
    fixture.open();
    CHECK(fixture.keys == expected);
    CHECK(fixture.log.start.epoch == epoch_number{life});
    CHECK(fixture.log.report.log.tail.ends_with(life > 1 ? "sealed here" : ""));
    fixture.put(std::to_string(life), std::string(20'000, 'x'));
    fixture.flush();
    fixture.put("rolled", std::string(50'000, 'x'));
    fixture.flush();
    expected.insert(expected.end(), {"", std::to_string(life), "rolled"});
    const lsn last = fixture.tail->appended();
    REQUIRE(fixture.log.writer->seal());
    const auto loaded = log::load_manifest(disk, log_fixture::directory);
    REQUIRE(loaded);
    std::size_t sealed = 0;
    for (const log::segment_entry& each : (*loaded)->content.segments) {
      if (each.sealed_length == 0) continue;
      ++sealed;
      CHECK((each.first.value != 0 && each.first <= each.last && each.last <= last));
    }
    CHECK(sealed == 2 * life);
  }
}

TEST_CASE("a log that must be there is not made anew, and nothing is written") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.options.presence = log::log_presence::required;
  const failure never = open_failure(fixture);
  CHECK(never.code == errc::corrupt);
  CHECK(contains(never.message, "/data/shard-0001: the directory is missing"));
  CHECK(disk.write_points() == 0);

  fixture.options.presence = log::log_presence::may_be_new;
  fixture.open();
  fixture.put("key");
  fixture.flush();
  fixture.options.presence = log::log_presence::required;
  fixture.open();
  CHECK(fixture.keys.size() == 2);
  fixture.close();
  for (const std::string& name : *disk.list(log_fixture::directory)) {
    REQUIRE(disk.remove(std::string(log_fixture::directory) + "/" + name));
  }
  const std::uint64_t before = disk.write_points();
  const failure emptied = open_failure(fixture);
  CHECK(emptied.code == errc::corrupt);
  CHECK(contains(emptied.message, "both copies of the manifest are missing"));
  CHECK(disk.write_points() == before);
}

TEST_CASE("a batch whose end was not written leaves nothing, a whole one everything") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.options.segment_bytes = limits::segment_bytes_min;
  fixture.open();
  const std::string value(limits::part_bytes_max, 'v');
  const auto append_batch = [&](const std::string& key) {
    fixture.tail->begin_batch();
    for (int index = 0; index < 5; ++index) fixture.put(key, value);
    fixture.tail->end_batch();
  };
  append_batch("whole");
  fixture.flush();
  fixture.put("between");
  append_batch("half");
  const auto frame = fixture.tail->take_frame(0);
  REQUIRE(frame);
  CHECK(frame->settled < frame->last);
  REQUIRE(fixture.log.writer->write(*frame));
  const lsn last = frame->last;
  disk.crash();
  disk.restart();
  fixture.open();
  // no_op, five records and their batch record, and what stood between
  CHECK(fixture.keys.size() == 8);
  CHECK(fixture.keys[1] == "whole");
  CHECK(fixture.keys.back() == "between");
  CHECK(fixture.log.report.log.aborted_records > 0);
  CHECK(fixture.log.start.next == next(last));
  fixture.put("after");
  fixture.flush();
  fixture.open();
  CHECK(fixture.keys.size() == 10);
}

TEST_CASE("inspect reads a whole log without changing it") {
  sim::disk disk({});
  log_fixture fixture(disk);
  fixture.open();
  fixture.put("some key");
  fixture.flush();
  const std::uint64_t before = disk.write_points();
  std::string text;
  const auto sink = [&](std::string_view line) { text.append(line).append("\n"); };
  REQUIRE(log::inspect_shard(disk, log_fixture::directory, log::detail::records, sink));
  CHECK(disk.write_points() == before);
  CHECK(contains(text, "key=\"some key\""));
  CHECK(contains(text, "last_lsn=2"));
  CHECK(contains(text, "sealed=0 "));
  CHECK_FALSE(contains(text, ": sealed here"));
  CHECK_FALSE(log::inspect_shard(disk, "/data", log::detail::summary, sink));
  REQUIRE(fixture.log.writer->seal());
  text.clear();
  REQUIRE(log::inspect_shard(disk, log_fixture::directory, log::detail::summary, sink));
  CHECK(contains(text, "sealed=4608 "));
  CHECK(contains(text, "end of log: " + path_of(fixture, 0) + ": offset 4608: sealed here"));
}

}  // namespace troupe::tests
