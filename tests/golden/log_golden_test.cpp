// Golden files of the log: what is on disks today must be read for ever, and damage must be
// noticed.
//
// With "--write-golden <directory>" as only arguments the program writes the files instead.
#define DOCTEST_CONFIG_IMPLEMENT
#include "tests/golden/log_golden.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>

#include "storage/base/crc32c.hpp"
#include "storage/log/frame_format.hpp"
#include "storage/log/inspect.hpp"
#include "storage/log/log_scan.hpp"
#include "storage/log/segment_format.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::tests {
namespace {

std::string stored(const std::string& name) {
  std::ifstream file(std::string(GOLDEN_DIRECTORY) + "/" + name, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool same(const log::record_view& one, const log::record_view& other) {
  return one.type == other.type && one.batched == other.batched &&
         one.collection == other.collection && one.key == other.key && one.member == other.member &&
         one.value == other.value && one.deadline_ms == other.deadline_ms &&
         one.sequence == other.sequence && one.size == other.size;
}

// Calls `check` with each byte of `bytes` changed, in one bit and in all.
template <class Check>
void with_each_byte_flipped(std::string bytes, Check check) {
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const char mask : {'\x01', '\x80', '\xff'}) {
      bytes[at] = static_cast<char>(bytes[at] ^ mask);
      check(bytes, at);
      bytes[at] = static_cast<char>(bytes[at] ^ mask);
    }
  }
}

constexpr const char* directory = "/golden";

// A directory with the golden segment as the only one of a log; returns what the scan says.
struct scanned {
  result<log::log_summary> outcome;
  std::vector<std::string> contents;
};

scanned scan_segment(const std::string& bytes, std::uint64_t sealed_length) {
  sim::disk disk({});
  const log::manifest expected = golden_manifest();
  REQUIRE(disk.make_directories(directory));
  const std::string path = log::segment_path(directory, golden_use);
  REQUIRE(disk.create_zeroed(path, expected.store.segment_bytes));
  REQUIRE((*disk.open(path, io::access::write))->write_at(0, bytes));
  log::manifest alone = expected;
  alone.segments = {{.use = golden_use, .sealed_length = sealed_length}};
  std::vector<std::string> contents;
  auto outcome = log::scan_log(
      disk, directory, alone, {.record = [&](const log::record_view& record, log::position) {
        contents.push_back(std::string(record.key) + "=" + std::string(record.value));
      }});
  return {std::move(outcome), std::move(contents)};
}

bool is_prefix(const std::vector<std::string>& shorter, const std::vector<std::string>& longer) {
  return shorter.size() <= longer.size() &&
         std::equal(shorter.begin(), shorter.end(), longer.begin());
}

}  // namespace

TEST_CASE("today's encoders produce the golden files") {
  for (const auto& file : golden_files()) {
    INFO(file.first);
    CHECK(file.second == stored(file.first));
  }
}

TEST_CASE("golden records decode to what was written") {
  const std::string bytes = stored("records");
  std::size_t at = 0;
  for (const log::record_view& expected : golden_records()) {
    const auto record = log::decode_record(std::string_view(bytes).substr(at), golden_shard);
    REQUIRE(record);
    CHECK(same(*record, expected));
    at += record->size;
  }
  CHECK(at == bytes.size());
}

TEST_CASE("a record with any byte changed, of another shard or cut short is refused") {
  const std::string bytes = stored("records");
  std::string_view rest = bytes;
  for (const log::record_view& expected : golden_records()) {
    const std::string one(rest.substr(0, expected.size));
    rest.remove_prefix(expected.size);
    with_each_byte_flipped(one, [](const std::string& changed, std::size_t at) {
      const auto record = log::decode_record(changed, golden_shard);
      INFO("byte " << at);
      REQUIRE_FALSE(record);
      CHECK(record.error().code == errc::corrupt);
    });
    CHECK_FALSE(log::decode_record(one, shard_id{4}));
    for (std::size_t length = 0; length < one.size(); ++length) {
      CHECK_FALSE(log::decode_record(std::string_view(one).substr(0, length), golden_shard));
    }
  }
}

TEST_CASE("the golden frame header decodes, and not with any byte changed or at another place") {
  const std::string bytes = stored("frame");
  const log::frame_place place{golden_use, log::segment_header_bytes, 64 * 1024};
  const auto checked = log::decode_frame_header(bytes, place);
  REQUIRE(checked);
  CHECK(checked->header.first == lsn{10});
  CHECK(checked->header.last == lsn{14});
  CHECK(checked->header.record_count == 5);
  CHECK(checked->header.previous_header == 0x01020304);
  CHECK(checked->header.time_ms == 1'700'000'000'000);
  const auto payload =
      std::string_view(bytes).substr(log::frame_header_bytes, checked->header.payload_length);
  CHECK(checked->header.payload_crc == crc32c(payload));
  with_each_byte_flipped(bytes.substr(0, log::frame_header_bytes),
                         [&](const std::string& changed, std::size_t at) {
                           INFO("byte " << at);
                           CHECK_FALSE(log::decode_frame_header(changed, place));
                         });
  CHECK_FALSE(log::decode_frame_header(bytes, {golden_use, 8192, 64 * 1024}));
  CHECK_FALSE(log::decode_frame_header(bytes, {{1}, log::segment_header_bytes, 64 * 1024}));
  CHECK_FALSE(log::decode_frame_header(bytes, {golden_use, log::segment_header_bytes, 4200}));
}

TEST_CASE("the golden manifest decodes, and not with any byte changed or cut short") {
  const std::string bytes = stored("manifest");
  const auto content = log::decode_manifest(bytes);
  REQUIRE(content);
  CHECK(*content == golden_manifest());
  const auto padded = log::decode_manifest(bytes + std::string(100, 'x'));
  REQUIRE(padded);
  CHECK(*padded == golden_manifest());
  with_each_byte_flipped(bytes, [](const std::string& changed, std::size_t at) {
    const auto damaged = log::decode_manifest(changed);
    INFO("byte " << at);
    REQUIRE_FALSE(damaged);
    CHECK(damaged.error().code == errc::corrupt);
  });
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    CHECK_FALSE(log::decode_manifest(std::string_view(bytes).substr(0, length)));
  }
}

TEST_CASE("an intact manifest or segment of a newer version is foreign, not damaged") {
  for (const std::string& name : {std::string("manifest"), log::segment_name(golden_use)}) {
    const bool is_manifest = name == "manifest";
    std::string bytes = stored(name);
    if (!is_manifest) bytes.resize(log::segment_header_bytes);
    bytes[4] = 2;
    bytes.replace(8, 4, 4, '\0');
    const std::uint32_t crc = crc32c(bytes);
    bytes.replace(8, 4, reinterpret_cast<const char*>(&crc), 4);
    const errc code = is_manifest ? log::decode_manifest(bytes).error().code
                                  : log::decode_segment_header(bytes).error().code;
    CHECK(code == errc::foreign);
  }
}

TEST_CASE("the golden segment holds the golden records") {
  const auto [outcome, contents] = scan_segment(stored(log::segment_name(golden_use)), 0);
  REQUIRE(outcome);
  CHECK(outcome->frames == 2);
  CHECK(outcome->records == golden_records().size());
  CHECK(outcome->last == lsn{20});
  std::vector<std::string> expected;
  for (const log::record_view& each : golden_records()) {
    expected.push_back(std::string(each.key) + "=" + std::string(each.value));
  }
  CHECK(contents == expected);
}

TEST_CASE("a segment with any byte changed gives right records or a named error") {
  const std::string bytes = stored(log::segment_name(golden_use));
  const auto intact = scan_segment(bytes, bytes.size());
  REQUIRE(intact.outcome);
  with_each_byte_flipped(bytes, [&](const std::string& changed, std::size_t at) {
    if (at >= 64 && at < log::segment_header_bytes && at % 97 != 0) return;  // all alike
    INFO("byte " << at);
    for (const std::uint64_t sealed_length : {std::uint64_t{0}, std::uint64_t{bytes.size()}}) {
      const auto damaged = scan_segment(changed, sealed_length);
      CHECK(is_prefix(damaged.contents, intact.contents));
      if (damaged.outcome) {
        // Not sealed, the last frame may count as torn; the others may not go unnoticed.
        CHECK((damaged.contents == intact.contents ||
               (sealed_length == 0 && damaged.outcome->frames == 1)));
      } else {
        const errc code = damaged.outcome.error().code;
        CHECK(code == errc::corrupt);
        CHECK(damaged.outcome.error().message.find(log::segment_name(golden_use)) !=
              std::string::npos);
      }
    }
  });
}

TEST_CASE("inspect describes the golden segment and manifest") {
  sim::disk disk({});
  REQUIRE(disk.make_directories(directory));
  for (const auto& [name, bytes] : golden_files()) {
    const std::string path = std::string(directory) + "/" + name;
    const std::uint64_t length = name.ends_with(".segment") ? 64 * 1024 : bytes.size();
    REQUIRE(disk.create_zeroed(path, length));
    REQUIRE((*disk.open(path, io::access::write))->write_at(0, bytes));
  }
  const std::uint64_t writes = disk.write_points();
  std::string text;
  const auto sink = [&](std::string_view line) { text.append(line).append("\n"); };
  REQUIRE(log::inspect_manifest(disk, std::string(directory) + "/manifest", sink));
  REQUIRE(log::inspect_segment(disk, log::segment_path(directory, golden_use), log::detail::records,
                               sink));
  CHECK(disk.write_points() == writes);
  for (const char* expected :
       {"manifest generation=6", "epoch 2 history=0000000000abcdef first_lsn=10",
        "frame segment=0 number=1", "lsn=16 offset=", "type=del batched", "type=head",
        "key=\"key\" member=\"member\"", "last_lsn=20"}) {
    INFO(expected);
    CHECK(text.find(expected) != std::string::npos);
  }
}

}  // namespace troupe::tests

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--write-golden") {
    for (const auto& [name, bytes] : troupe::tests::golden_files()) {
      std::ofstream file(std::string(argv[2]) + "/" + name, std::ios::binary);
      if (!file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return 1;
    }
    return 0;
  }
  return doctest::Context(argc, argv).run();
}
