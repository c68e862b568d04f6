// A reply of which bulk strings come part by part: what stands where, which parts are here, and how
// many more may be asked for.
//
// Place: actors/resp, pure; a streamed_body is part of a place in a reply_queue. Parts are shared
// blocks made by others: their bytes go from the disk's buffer to the socket without being copied
// here.
//
//   of each stream: header --its first part is here--> value --> line end and what stands behind it
//                      | it fails before its header was sent: an error stands in its place
//
// Invariants:
//  1. Bytes leave in the order of streams and parts, whatever order these arrive in.
//  2. Parts credited and not sent are at most limits::streamed_parts_ahead, all of one stream, so
//  no
//     more than that many are ever here.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.hpp"
#include "storage/base/shared_bytes.hpp"

namespace troupe::resp {

/// Where the bytes of a streamed bulk string come from.
struct stream_source {
  shard_id shard;
  std::uint64_t number = 0;  ///< names the stream in its shard
  std::uint64_t size = 0;    ///< bytes, without header and line end; not 0
  std::uint32_t parts = 0;   ///< in which they come
};

/// A streamed bulk string in front of byte `at` of the rest of its reply.
struct stream_mark {
  std::size_t at = 0;
  stream_source source;
};

/// A reply without its streamed bulk strings, which go in at `marks`, ascending.
struct streamed_reply {
  std::string bytes{};
  std::vector<stream_mark> marks{};

  [[nodiscard]] bool empty() const noexcept { return bytes.empty() && marks.empty(); }
  /// Adds another one behind it.
  void append(const streamed_reply& more);
  /// Takes everything back from byte `from` on that was appended since there were `marks_before`
  /// marks; returns the streams that went with it.
  [[nodiscard]] std::vector<stream_source> cut(std::size_t from, std::size_t marks_before);
};

using troupe::shared_bytes;

/// A streamed reply from its first mark on.
class streamed_body {
 public:
  /// `rest` are the bytes of the reply from `marks.front().at` on. Precondition: there is a mark.
  streamed_body(std::string_view rest, std::span<const stream_mark> marks);

  /// The stream whose parts are sent next. Precondition: !is_done().
  [[nodiscard]] const stream_source& source() const noexcept { return sections_.front().source; }
  /// Part `index` of a stream arrived; ignored unless it is the one being sent. Precondition: it
  /// was not here before.
  void add(shard_id shard, std::uint64_t number, std::uint32_t index, shared_bytes part);
  /// What became of a stream that cannot go on.
  enum class failing : std::uint8_t {
    not_here,  ///< it is none of this reply
    replaced,  ///< the error is in its place
    too_late,  ///< some of it was sent
  };
  failing fail(shard_id shard, std::uint64_t number, std::string_view text);
  /// Contiguous bytes that come next, as far as they are here.
  [[nodiscard]] std::string_view ready() const noexcept;
  /// The first `count` bytes of ready() were sent.
  void consume(std::size_t count);
  /// True when everything was sent.
  [[nodiscard]] bool is_done() const noexcept { return sections_.empty(); }
  /// Adds the streams of which parts are still to come, so that their senders have to be told of an
  /// end.
  void add_open(std::vector<stream_source>& to) const;
  /// Parts of source() that may be asked for beyond those that were; they then count as asked for.
  [[nodiscard]] std::uint32_t take_credit() noexcept;
  /// Bytes it costs at its beginning, here and in shards, without the bytes of parts.
  [[nodiscard]] std::size_t own_bytes() const noexcept { return own_bytes_; }

 private:
  /// One stream and what stands between it and the next.
  struct section {
    stream_source source;
    std::string behind;
    std::string error;  // in its place; empty = it has not failed
  };
  enum class stage : std::uint8_t { header, value, behind };

  void begin_section();
  void end_value();

  std::deque<section> sections_;  // not sent completely
  std::size_t own_bytes_ = 0;
  // Of the first section:
  stage stage_ = stage::header;
  std::string text_;                             // to be sent, but for the value
  std::map<std::uint32_t, shared_bytes> parts_;  // not sent completely
  std::uint32_t next_ = 0;                       // part being sent
  std::uint32_t credited_ = 0;                   // parts
  std::size_t offset_ = 0;                       // sent of text_ or of the part `next_`
  std::uint64_t arrived_ = 0;                    // bytes of the value
  std::uint64_t sent_ = 0;                       // bytes of the value
};

}  // namespace troupe::resp
