// Large values of one shard on their way to clients, part by part: which parts are read next, for
// whom, and which segments must stay for that.
//
// Place: actors, CAF-free core beside cold_loader, owned by shard_core on its reactor's thread. The
// disk work is done by the data_reader through record_reader.
//
//   open() --credit--> reading --all parts arrived, a part unreadable, drop()--> gone
//
// Invariants:
//  1. Of a stream at most as many parts were asked for as its client gave credit; nothing is read
//     before the first credit. In all at most reads_in_flight_max parts are being read.
//  2. A part is asked for only when the whole value is durable: before that it may not be on disk.
//  3. A stream delivers the value its key had when it was opened: segments from pinned_from() on
//     hold all it has still to read, and the shard keeps them.
//  4. Every part of a stream is delivered once; after a failure nothing more of it is.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "actors/cold_loader.hpp"

namespace troupe::actors {

/// One part for a client, or why its stream ends before its end.
struct streamed_part {
  lane_key to;
  std::uint64_t stream = 0;
  std::uint32_t index = 0;
  result<std::string_view> bytes;  ///< points into the record that on_record was given
};

/// The streams of one shard.
class value_streams {
 public:
  static constexpr std::size_t reads_in_flight_max = 16;

  value_streams(shard_id shard, record_reader& reader) : shard_(shard), reader_(reader) {}

  /// Begins a stream of what `what` holds to `to`; returns its number, never used again.
  /// Precondition: nothing that `what` names is retired yet.
  [[nodiscard]] std::uint64_t open(lane_key to, kv::value_parts what);
  /// The client of `stream` can take `parts` more. A stream that is gone is ignored.
  void credit(std::uint64_t stream, std::uint32_t parts);
  /// The client wants no more of it. A stream that is gone is ignored.
  void drop(std::uint64_t stream);
  /// Values up to `durable` may be read.
  void on_durable(lsn durable);

  /// True if a read with this ticket was asked for by streams.
  [[nodiscard]] static bool asked_for(std::uint64_t ticket) noexcept {
    return (ticket & ticket_mark) != 0;
  }
  /// The answer to a read; returns what is to be delivered for it, if its stream still lives.
  [[nodiscard]] std::optional<streamed_part> on_record(std::uint64_t ticket,
                                                       const result<std::string_view>& record);
  /// Gives up on values that will never be durable, because the log failed.
  [[nodiscard]] std::vector<streamed_part> fail_undecided(const failure& why);

  /// First segment that some stream still has to read; UINT32_MAX if there is none.
  [[nodiscard]] std::uint32_t pinned_from() const noexcept;
  /// Streams there are now, and ever were.
  [[nodiscard]] std::size_t size() const noexcept { return streams_.size(); }
  [[nodiscard]] std::uint64_t opened() const noexcept { return next_stream_ - 1; }

 private:
  static constexpr std::uint64_t ticket_mark = std::uint64_t{1} << 63;

  struct stream {
    lane_key to;
    kv::value_parts what;
    std::vector<std::uint32_t> oldest;  // by part: first segment of it and all behind it
    std::uint64_t allowed = 0;          // parts, by credit
    std::uint32_t asked = 0;            // parts
    std::uint32_t arrived = 0;          // parts
    std::uint32_t all_until = 0;        // every part before it arrived
    bool dropped = false;               // but parts of it are being read
  };
  struct read {
    std::uint64_t stream;
    std::uint32_t index;
  };
  using stream_place = std::map<std::uint64_t, stream>::iterator;

  void pin(const stream& its) { pins_.insert(its.oldest[its.all_until]); }
  void unpin(const stream& its) { pins_.erase(pins_.find(its.oldest[its.all_until])); }
  stream_place erase(stream_place gone);

  void want(std::uint64_t number);
  void pump();
  /// What of part `index` is wanted; `bytes` is all of it.
  [[nodiscard]] static std::string_view wanted_of(const stream& from, std::uint32_t index,
                                                  std::string_view bytes);
  [[nodiscard]] bool may_ask(const stream& from) const noexcept {
    return !from.dropped && from.what.value_lsn <= durable_ && from.asked < from.allowed &&
           from.asked < from.what.parts.size();
  }

  shard_id shard_;
  record_reader& reader_;
  std::map<std::uint64_t, stream> streams_;
  std::deque<std::uint64_t> turns_;  // streams that may ask for a part, in turn
  std::map<std::uint64_t, read> in_flight_;
  std::multimap<lsn, std::uint64_t> undecided_;  // streams of values that are not durable
  std::multiset<std::uint32_t> pins_;            // first segment each stream has still to read
  std::uint64_t next_stream_ = 1;
  std::uint64_t next_ticket_ = ticket_mark;
  lsn durable_{};
};

}  // namespace troupe::actors
