// A store on a log tail, with the frames it wrote kept in memory: they can be read back and
// replayed into a new store. No disk, no thread, time by hand.
//
// Fault model: none by itself. Frames that were not committed are lost by reopen(), as in a crash.
#pragma once

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "storage/kv/store.hpp"
#include "storage/log/batch_filter.hpp"
#include "storage/log/frame_format.hpp"
#include "tests/sim/clock.hpp"

namespace troupe::tests {

struct world_options {
  std::uint64_t memory_bytes = 1ull << 30;
  std::uint64_t segment_bytes = 8ull << 20;
  std::uint32_t spares = 512;
};

/// One shard's store and its log.
class store_world {
 public:
  explicit store_world(world_options options = {}) : options_(options) {
    tail = make_tail({1}, 0, 0);
    kv = std::make_unique<kv::store>(store_settings(), *tail, time);
    kv->begin_command(durability::durable);
  }

  /// Takes all frames; they are written, but the store is not told.
  lsn write_frames() {
    while (auto taken = tail->take_frame(time.wall_ms())) frames_.push_back(std::move(*taken));
    return tail->appended();
  }
  /// Everything appended so far becomes durable.
  void commit() {
    durable_ = write_frames();
    kv->on_durable(durable_);
  }

  /// Loses what was not written and builds a new store from the frames.
  void reopen() {
    kv.reset();
    auto next = std::make_unique<kv::store>(store_settings(), time);
    replay(*next);
    REQUIRE(next->check_recovered());
    durable_ = frames_.empty() ? lsn{} : frames_.back().last;
    const std::uint32_t used = frames_.empty() ? 0 : frames_.back().segment + 1;
    // As if a frame had been written just before: what expired stays expired.
    const std::int64_t clock_floor = tail->now_ms(time.wall_ms());
    tail = make_tail({durable_.value + 1}, used, clock_floor);
    kv = std::move(next);
    kv->finish_recovery(*tail);
    kv->begin_command(durability::durable);
  }

  /// Shows every record that counts to `to`.
  void replay(kv::store& to) {
    log::batch_filter filter(
        [&to](const log::record_view& record, log::position where) {
          const auto applied = to.apply(record, where);
          REQUIRE_MESSAGE(applied, applied.error().message);
        },
        [this](log::position frame, const log::batch_filter::visitor& show) -> result<void> {
          for (const log::frame& candidate : frames_)
            if (candidate.segment == frame.segment && candidate.offset == frame.offset)
              for_each_record(candidate, show);
          return {};
        });
    for (const log::frame& frame : frames_) {
      for_each_record(frame, [&filter](const log::record_view& record, log::position where) {
        REQUIRE(filter.on_record(record, where));
      });
      filter.end_frame({frame.segment, static_cast<std::uint32_t>(frame.offset)});
    }
    filter.end_log();
  }

  /// The value of one record in the frames.
  std::string value_at(log::position where, std::uint32_t size) const {
    for (const log::frame& frame : frames_) {
      const std::uint64_t first = frame.offset + log::frame_header_bytes;
      if (frame.segment != where.segment || where.offset < first ||
          where.offset >= first + frame.payload.size())
        continue;
      const auto record = log::decode_record(
          std::string_view(frame.payload).substr(where.offset - first, size), shard_id{});
      REQUIRE(record);
      REQUIRE(record->size == size);
      return std::string(record->value);
    }
    FAIL("no written frame holds that record");
    return {};
  }

  /// Supplies what the last command missed, as the shard would.
  void load_missing() {
    const std::vector<kv::cold_read> wanted = kv->missing();
    for (const kv::cold_read& read : wanted) {
      // What is not on disk cannot be asked for.
      REQUIRE(read.sequence <= durable_);
      kv->supply(read, value_at(read.where, read.size));
    }
  }

  // ---- one command each -----------------------------------------------------------------------
  void set(std::string_view key, std::string_view value, std::int64_t deadline_ms = 0,
           durability level = durability::durable) {
    kv->begin_command(level);
    REQUIRE(kv->put(key, kv->hash(key), value, deadline_ms));
  }
  bool del(std::string_view key, durability level = durability::durable) {
    kv->begin_command(level);
    const auto erased = kv->erase(key, kv->hash(key));
    REQUIRE(erased);
    return *erased;
  }
  bool expire(std::string_view key, std::int64_t deadline_ms,
              durability level = durability::durable) {
    kv->begin_command(level);
    const auto changed = kv->set_deadline(key, kv->hash(key), deadline_ms);
    REQUIRE(changed);
    return *changed;
  }
  void flush(durability level = durability::durable) {
    kv->begin_command(level);
    REQUIRE(kv->flush_all());
  }
  /// "" + the value, or "(absent)"; cold values are loaded.
  std::string get(std::string_view key) {
    kv->begin_command(durability::durable);
    kv::found hit = kv->find(key, kv->hash(key));
    if (hit.state == kv::presence::cold) {
      load_missing();
      kv->begin_command(durability::durable);
      hit = kv->find(key, kv->hash(key));
      REQUIRE(hit.state != kv::presence::cold);
    }
    std::string value(hit.state == kv::presence::absent ? "(absent)" : hit.value);
    if (hit.state == kv::presence::large) value = parts_of(key);
    if (hit.state != kv::presence::absent) REQUIRE(value.size() == hit.value_size);
    kv->drop_loans();
    return value;
  }
  /// The bytes of a large value.
  std::string parts_of(std::string_view key, kv::byte_range range = {}) {
    const auto chosen = kv->parts_of(key, kv->hash(key), range);
    kv->begin_command(durability::durable);
    for (const auto& part : chosen.parts) static_cast<void>(kv->find_part(part));
    load_missing();
    std::string all;
    for (const auto& part : chosen.parts) {
      const auto bytes = kv->find_part(part);
      REQUIRE(bytes);
      REQUIRE(bytes->size() == part.value_size);
      all += *bytes;
    }
    return all.substr(chosen.skip, chosen.size);
  }
  kv::presence state(std::string_view key) {
    kv->begin_command(durability::durable);
    return kv->find(key, kv->hash(key)).state;
  }
  kv::found peek(std::string_view key) {
    kv->begin_command(durability::durable);
    return kv->peek(key, kv->hash(key));
  }

  std::vector<log::frame>& frames() { return frames_; }

  sim::clock time;
  std::unique_ptr<log::log_tail> tail;
  std::unique_ptr<kv::store> kv;

 private:
  [[nodiscard]] kv::store_options store_settings() const {
    return {.hash_seed = 11, .memory_bytes = options_.memory_bytes};
  }

  std::unique_ptr<log::log_tail> make_tail(lsn first, std::uint32_t first_ordinal,
                                           std::int64_t clock_floor) {
    std::vector<log::prepared_segment> spares;
    for (std::uint32_t i = 0; i < options_.spares; ++i)
      spares.push_back({use_id{first_ordinal + i + 1000}, first_ordinal + i});
    return std::make_unique<log::log_tail>(
        log::log_start{.geometry = {.segment_bytes = options_.segment_bytes},
                       .next = first,
                       .last_time_ms = clock_floor},
        spares);
  }

  template <class Show>
  static void for_each_record(const log::frame& frame, const Show& show) {
    std::size_t at = 0;
    while (at < frame.payload.size()) {
      const auto record =
          log::decode_record(std::string_view(frame.payload).substr(at), shard_id{});
      REQUIRE(record);
      show(*record, log::position{frame.segment, static_cast<std::uint32_t>(
                                                     frame.offset + log::frame_header_bytes + at)});
      at += record->size;
    }
  }

  world_options options_;
  lsn durable_{};
  std::vector<log::frame> frames_;
};

}  // namespace troupe::tests
