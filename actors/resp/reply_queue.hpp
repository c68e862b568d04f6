// One connection's replies in the order of its commands, each held until it may be seen.
//
// Place: actors/resp, pure; owned by a session on its gateway's thread. Replies run in this thread
// are appended to output(); those that come later (another reactor, a cold read) get a reserved
// place. A reply is held while a watermark of a shard is below the LSN the reply depends on.
// Invariants:
//  1. Bytes leave in command order, each exactly once.
//  2. No byte of a reply is sendable before every one of its holds is released and everything in
//     front of it is sendable: at no time does a client see what a crash could still undo.
//  3. fail_held and expire replace exactly the held commands they name, each by one error; ready
//     replies, released ones and unfilled places stay as they are.
//  4. A place is filled once; a late second answer is refused and changes nothing.
//  5. With nothing held or reserved, a reply costs its append and nothing else.
//  6. Parts of a streamed reply are asked for only when all before it was sent and it may be seen:
//     at most one stream of a connection has bytes here (streamed_body.hpp says how many).
//
//   segments_: [closed | place | closed | place ...] tail_   front = next to send, tail = output()
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/resp/streamed_body.hpp"
#include "storage/base/ids.hpp"
#include "storage/base/limits.hpp"

namespace troupe::resp {

/// What a held reply tells: a write's success, or a value that is not decided yet.
enum class hold_kind : std::uint8_t { write, read };

/// Why a reply is held: until `shard`'s watermark reaches `sequence`.
struct hold_reason {
  shard_id shard;
  hold_kind kind = hold_kind::write;
  lsn sequence;
  /// Monotonic time the wait began, for expire().
  std::uint64_t since_us = 0;
};

/// Names a reserved place.
using ticket = strong<struct ticket_tag, std::uint64_t>;

/// Ordered, held replies. Per command: mark(), append to output(), then hold() if it must wait.
class reply_queue {
 public:
  /// Where replies are appended. The reference stays the same object; never shrink it below a
  /// mark() that came before the current command.
  [[nodiscard]] std::string& output() noexcept { return tail_.bytes; }

  /// Position of the next reply in output(), to be given to hold(). Stale after reserve, consume,
  /// sendable, fail_held and expire.
  [[nodiscard]] std::size_t mark() const noexcept { return tail_.bytes.size(); }

  /// Holds the command whose reply begins at `from` and ends at the end of output(). May be called
  /// again for the same command with another shard: it then waits for all. A no-op when the
  /// watermark is there already. Precondition: the reply is not empty.
  void hold(std::size_t from, const hold_reason& why);

  /// Keeps the place of a reply that comes later, behind everything in output().
  [[nodiscard]] ticket reserve();

  /// Gives a reserved place its reply, itself held for `waits`. False when the place was filled
  /// before or is gone; then nothing happens. Precondition: `reply` is not empty.
  bool fill(ticket place, std::string reply, std::span<const hold_reason> waits = {});

  /// The same for a reply with streamed bulk strings. Precondition: it has some.
  bool fill_streamed(ticket place, streamed_reply reply, std::span<const hold_reason> waits = {});
  /// One more part of a stream; ignored if nobody waits for it any more.
  void add_part(shard_id shard, std::uint64_t number, std::uint32_t index, shared_bytes part);
  /// A stream cannot go on. If nothing of its bulk string was sent, the error `text` stands in its
  /// place; false: part of it was, so the connection is of no use any more.
  [[nodiscard]] bool fail_stream(shard_id shard, std::uint64_t number, std::string_view text);
  /// Replies with streams that are not over.
  [[nodiscard]] std::size_t stream_count() const noexcept { return stream_count_; }
  /// The stream whose parts are sent next, and how many more parts may be asked for; no parts if
  /// that is to wait. To be called after anything was sent, filled or released.
  struct stream_credit {
    stream_source source;
    std::uint32_t parts = 0;
  };
  [[nodiscard]] stream_credit take_stream_credit();
  /// Streams whose reply was replaced by an error, each once: their parts are not wanted.
  [[nodiscard]] std::vector<stream_source> take_replaced_streams();
  /// Streams whose parts are still to come.
  [[nodiscard]] std::vector<stream_source> open_streams() const;

  /// The shard's watermark is now `durable` (never goes back; a lower one is ignored).
  void advance(shard_id shard, lsn durable);

  /// Contiguous bytes that may be written to the socket now. Valid until the next call that is not
  /// const, an append to output() included.
  [[nodiscard]] std::string_view sendable();

  /// The first `count` bytes of sendable() were written.
  void consume(std::size_t count);

  /// Replaces every command still held for a record of `shard` above `above` by the error `text`
  /// (code first, as for reply_writer::error). Returns how many.
  std::size_t fail_held(shard_id shard, lsn above, std::string_view text);

  /// Answers every command held since before `before_us`: a write with "outcome unknown" and its
  /// LSN, a read with "undecided write" (error_texts.hpp). Returns how many of each.
  struct expired {
    std::size_t writes = 0;
    std::size_t reads = 0;
    [[nodiscard]] std::size_t total() const noexcept { return writes + reads; }
  };
  expired expire(std::uint64_t before_us);

  /// What a reply with streams that are not over counts for in buffered_bytes(), beside the bytes
  /// that are here: about what its parts cost.
  static constexpr std::size_t stream_claim_bytes = limits::part_bytes_max;
  /// Bytes not yet consumed, sendable or not.
  [[nodiscard]] std::size_t buffered_bytes() const noexcept {
    return closed_bytes_ + tail_.bytes.size() - tail_.sent;
  }
  /// Of these, bytes that may not be sent yet.
  [[nodiscard]] std::size_t held_bytes() const noexcept;
  /// Holds that keep their replies back; some of those behind the first one may be released
  /// already. 0 when nothing is held.
  [[nodiscard]] std::size_t held_count() const noexcept { return held_count_; }
  /// Reserved places without a reply.
  [[nodiscard]] std::size_t reserved_count() const noexcept { return reserved_count_; }
  /// Places ever reserved: unchanged, output() still begins where it did.
  [[nodiscard]] std::uint64_t reserved_ever() const noexcept { return reserved_ever_; }
  /// Bytes allocated for replies.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    // Of the streams only the first has bytes here.
    const auto claimed = stream_count_ * stream_claim_bytes;
    const auto streamed =
        stream_count_ > 0 ? limits::streamed_parts_ahead * limits::part_bytes_max : std::size_t{0};
    return closed_bytes_ - claimed + streamed + tail_.bytes.capacity();
  }
  /// Gives the memory of an empty queue back, for a connection that went idle.
  void release_memory();
  /// True when everything was sent and nothing is awaited.
  [[nodiscard]] bool empty() const noexcept {
    return buffered_bytes() == 0 && reserved_count_ == 0;
  }
  /// When the oldest hold began, as given in hold_reason; UINT64_MAX when nothing is held.
  [[nodiscard]] std::uint64_t oldest_hold_us() const noexcept;

 private:
  struct hold_record {
    std::size_t start, size;  // the command's reply in its segment
    hold_reason why;
  };
  struct segment {
    std::string bytes;
    std::size_t sent = 0;
    std::vector<hold_record> holds;       // in order of start
    std::size_t released = 0;             // holds before this index no longer count
    bool awaited = false;                 // a place without a reply
    std::unique_ptr<streamed_body> body;  // behind `bytes`

    [[nodiscard]] std::size_t ready_end() const noexcept {
      if (awaited) return 0;
      return released == holds.size() ? bytes.size() : holds[released].start;
    }
    [[nodiscard]] bool is_over() const noexcept {
      return !awaited && sent == bytes.size() && (!body || body->is_done());
    }
  };

  [[nodiscard]] bool is_released(const hold_reason& why) const noexcept;
  [[nodiscard]] segment& front() noexcept { return segments_.empty() ? tail_ : segments_.front(); }
  void release(segment& from) noexcept;
  void settle();
  void join_small();
  void end_stream(segment& of);
  bool place_reply(ticket place, std::string reply, std::span<const hold_reason> waits);
  template <class Judge>
  std::size_t replace_everywhere(const Judge& judge);
  template <class Judge>
  std::size_t replace_held(segment& in, const Judge& judge);

  std::deque<segment> segments_;
  std::uint64_t first_serial_ = 0;  // serial number of segments_.front(); tickets are serials
  segment tail_;
  std::vector<lsn> durable_;  // by shard
  std::size_t closed_bytes_ = 0;
  std::size_t held_count_ = 0;
  std::size_t reserved_count_ = 0;
  std::size_t stream_count_ = 0;
  std::vector<stream_source> replaced_;
  std::uint64_t reserved_ever_ = 0;
};

}  // namespace troupe::resp
