// A command of very many keys, or over all keys (KEYS), run in slices of bounded work, so that the
// loops of gateway and shards turn between them.
//
// Place: actors/resp, pure; owned by the transaction that runs the command, on its gateway's
// thread. Nothing here sends or waits: the owner runs the pieces it is given, in each shard in
// their order, and hands in their replies.
//
//   next() ─run─► take(reply) ─► next() ... ─► is_done() ─► take_reply()
//
// Invariants:
//  1. All shards that a piece may go to are paused from before the first piece to behind the last
//     reply, and what is written in one of them meanwhile is one batch of its log. So nobody sees
//     the command half done, nor does a crash leave it so in a shard, whatever its slices are.
//  2. A slice has at most slice_keys keys, or slice_bytes of words and always one key; a step of
//     KEYS looks at keys_per_step entries. At most window_keys and window_bytes are under way, or
//     one slice, and values of about limits::replies_under_way_bytes as far as those before tell.
//  3. MSET stores nothing before every shard has said that all pairs meant for it have room.
//  4. The reply equals that of the command run at once; after the first error no further slice
//     begins.
//  5. Keys are looked at by slices here, too: what is linear in them is done in next(), take() and
//     take_turn() only, and there for one slice.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/resp/command_table.hpp"
#include "actors/resp/reply_writer.hpp"
#include "actors/resp/streamed_body.hpp"

namespace troupe::resp {

inline constexpr std::size_t slice_keys = 128;
inline constexpr std::size_t slice_bytes = 64 * 1024;
inline constexpr std::size_t window_keys = 1024;
inline constexpr std::size_t window_bytes = 256 * 1024;
/// Entries one step of KEYS looks at; a glob pattern may cost more than the walk.
inline constexpr std::size_t keys_per_step = 2048;
/// Words above which a command is sliced; below, all its keys are about what a window has.
inline constexpr std::size_t unsliced_words_max = 1024;

/// Whether a command that was checked is run as a sliced_command when it stands alone: KEYS, and
/// DEL and its kin, MGET and MSET of very many keys.
[[nodiscard]] bool goes_in_slices(const command_spec& spec, std::size_t argument_count) noexcept;

/// What one shard is to run. The words are borrowed until its reply was taken.
struct slice_piece {
  shard_id shard{};
  const command_spec* spec = nullptr;
  std::vector<std::string_view> argv;
  protocol version = protocol::resp2;  ///< of its reply
  std::uint64_t number = 0;            ///< for take()
};

/// The course of one such command.
class sliced_command {
 public:
  virtual ~sliced_command() = default;
  /// One more piece that may be sent now; nothing while replies or a turn have to come first.
  [[nodiscard]] virtual std::optional<slice_piece> next() = 0;
  /// The complete reply of a piece.
  virtual void take(std::uint64_t number, streamed_reply reply) = 0;
  /// True when it has work of its own: take_turn(), then next().
  [[nodiscard]] virtual bool wants_turn() const noexcept { return false; }
  virtual void take_turn() {}
  /// Nobody wants the reply: reads end as soon as they can, writes go on.
  virtual void abandon() = 0;
  /// All pieces are answered and none is left.
  [[nodiscard]] virtual bool is_done() const noexcept = 0;
  /// The command's reply. Precondition: is_done(), once.
  [[nodiscard]] virtual streamed_reply take_reply() = 0;
  /// Streams that pieces announced and the reply will not have, each once.
  [[nodiscard]] virtual std::vector<stream_source> take_dropped_streams() { return {}; }
  /// What it makes the node hold beside the words.
  [[nodiscard]] virtual std::size_t memory_bytes() const noexcept = 0;
};

/// Precondition: goes_in_slices(). What `argv` views must outlive it.
[[nodiscard]] std::unique_ptr<sliced_command> make_sliced_command(const command_spec& spec,
                                                                  arguments argv,
                                                                  std::uint32_t shard_count,
                                                                  protocol version);

}  // namespace troupe::resp
