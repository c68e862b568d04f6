// A log on the simulated disk for the tests of its pieces: opens it, appends, writes, reads back.
#pragma once

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "storage/log/log_tail.hpp"
#include "storage/log/open_log.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::tests {

inline constexpr std::uint64_t small_segment_bytes = 64 * 1024;

inline unique_id numbered_id(std::uint8_t number) {
  unique_id id;
  id.bytes.fill(number);
  return id;
}

/// A log on a disk that outlives it. Every step fails the test if it fails.
class log_fixture {
 public:
  explicit log_fixture(sim::disk& files) : disk(files) {}

  log::open_options options{.cluster = {numbered_id(1)},
                            .node = {numbered_id(2)},
                            .shard = {1},
                            .shard_count = 2,
                            .segment_bytes = small_segment_bytes,
                            .seed = 7};

  /// Opens; keys of what came back are in `keys`.
  result<void> try_open() {
    close();
    keys.clear();
    ++options.seed;
    auto opened = log::open_log(
        disk, directory, options,
        [this](const log::record_view& record, log::position) { keys.emplace_back(record.key); });
    if (!opened) return opened.error();
    log = std::move(*opened);
    tail.emplace(log.start, log.spares);
    return {};
  }
  void open() {
    const auto opened = try_open();
    INFO((opened ? "" : opened.error().message));
    REQUIRE(opened);
  }
  void close() {
    tail.reset();
    log = {};
  }

  log::log_tail::appended_record put(const std::string& key, const std::string& value = "value") {
    const auto appended = tail->append({.key = key, .value = value}, log::space::normal);
    REQUIRE(appended);
    return *appended;
  }
  /// Writes all that is pending.
  void flush() {
    while (auto frame = tail->take_frame(1000)) REQUIRE(log.writer->write(*frame));
  }
  void prepare() {
    const auto spare = log.writer->prepare_segment();
    REQUIRE(spare);
    tail->add_spare(*spare);
  }
  /// Writes records until the tail stands in another segment.
  void fill_segment() {
    const std::uint32_t before = tail->active_segment();
    while (tail->active_segment() == before) {
      put("filling", std::string(8000, 'f'));
      flush();
    }
  }

  static constexpr const char* directory = "/data/shard-0001";
  sim::disk& disk;
  log::opened log;
  std::optional<log::log_tail> tail;
  std::vector<std::string> keys;  ///< no_op records have the empty key
};

}  // namespace troupe::tests
