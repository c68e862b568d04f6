// The bulk string of one reply whose bytes come part by part: which of them are here, and how many
// more parts may be asked for.
//
// Place: actors/resp, pure; part of a place in a reply_queue. Parts are shared blocks made by
// others: their bytes go from the disk's buffer to the socket without being copied here.
// Invariants:
//  1. Bytes leave in the order of parts, whatever order these arrive in, then the line end.
//  2. Parts credited and not sent are at most limits::streamed_parts_ahead, so no more than that
//     many are ever here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string_view>

#include "storage/base/ids.hpp"

namespace troupe::resp {

/// Where the bytes of a streamed reply come from.
struct stream_source {
  shard_id shard;
  std::uint64_t number = 0;  ///< names the stream in its shard
  std::uint64_t size = 0;    ///< bytes, without the line end
};

/// Bytes that `owner` keeps alive.
struct shared_bytes {
  std::shared_ptr<const void> owner;
  std::string_view bytes;
};

/// What follows the header of one reply.
class streamed_body {
 public:
  explicit streamed_body(const stream_source& source) noexcept : source_(source) {}

  [[nodiscard]] const stream_source& source() const noexcept { return source_; }
  /// Part `index` arrived. Precondition: it was not here before.
  void add(std::uint32_t index, shared_bytes part);
  /// True once the first part is here: only then the header is worth sending.
  [[nodiscard]] bool has_begun() const noexcept { return next_ > 0 || parts_.contains(0); }
  /// Contiguous bytes that come next, as far as they are here.
  [[nodiscard]] std::string_view ready() const noexcept;
  /// The first `count` bytes of ready() were sent.
  void consume(std::size_t count);
  /// True when everything was sent.
  [[nodiscard]] bool is_done() const noexcept { return sent_ == source_.size + line_end.size(); }
  /// True while parts are still to come, so that their sender has to be told of an end.
  [[nodiscard]] bool expects_parts() const noexcept { return arrived_ < source_.size; }
  /// Parts that may be asked for beyond those that were; they then count as asked for.
  [[nodiscard]] std::uint32_t take_credit() noexcept;

 private:
  static constexpr std::string_view line_end = "\r\n";

  stream_source source_;
  std::map<std::uint32_t, shared_bytes> parts_;  // not sent completely
  std::uint32_t next_ = 0;                       // part being sent
  std::uint32_t credited_ = 0;                   // parts
  std::size_t offset_ = 0;                       // sent of the part `next_`
  std::uint64_t arrived_ = 0;                    // bytes
  std::uint64_t sent_ = 0;                       // bytes, line end included
};

}  // namespace troupe::resp
