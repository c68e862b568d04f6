// Commands whose keys live in several shards of a node: cut into pieces of one shard each, in
// phases, and their replies put together into one.
//
// Place: actors/resp, pure; owned by whoever coordinates the command (a session), on its thread.
// Nothing here sends or waits: the owner runs the pieces of a phase, in any order or in parallel,
// hands in their replies and goes on until the plan is finished.
//
//   pieces() ─run all─► advance(replies) ─► next_phase ─► pieces() ...
//                                       └─► finished: the final reply was written
//
// Invariants: (1) every piece holds all its keys in its shard; (2) a phase that writes comes after
// all reads of the command, except that a moved key is deleted last, so that a crash between phases
// leaves a key twice rather than not at all; (3) the reply equals that of the command run in one
// shard; (4) after the first error no further phase is begun.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/resp/command_table.hpp"
#include "actors/resp/reply_writer.hpp"
#include "actors/resp/streamed_body.hpp"

namespace troupe::resp {

/// The version pieces must be run with; the plan translates.
inline constexpr protocol piece_protocol = protocol::resp2;

/// One command for one shard. `spec` may be one that clients cannot send. The arguments are
/// borrowed from the plan and from the arguments it was made of.
struct piece {
  shard_id shard{};
  const command_spec* spec = nullptr;
  std::vector<std::string_view> argv;
};

/// The shard that can run the whole command by one call of its handler; nothing if it takes a
/// plan. A command with wrong arguments is sent to one shard, whose handler replies the error.
/// Precondition: the command was checked and is of a shard scope.
[[nodiscard]] std::optional<shard_id> single_shard_of(const command_spec& spec, arguments argv,
                                                      std::uint32_t shard_count);

/// Every shard some piece of the command may use, ascending: what to pause if isolation is needed.
/// Precondition: single_shard_of says nothing for this command.
[[nodiscard]] std::vector<shard_id> shards_of(const command_spec& spec, arguments argv,
                                              std::uint32_t shard_count);

/// Whether other commands may run between the pieces of a plan.
enum class isolation : std::uint8_t { not_needed, needed };

/// Whether a plan is done after its first phase, whatever the replies: what comes behind it in the
/// same shards need not wait for them.
enum class phases : std::uint8_t { one, several };

/// How one kind of command is cut and put together; see the sources named multi_shard_*.cpp.
class plan_rule {
 public:
  virtual ~plan_rule() = default;
  /// The pieces of the first phase; never empty.
  [[nodiscard]] virtual std::vector<piece> first_phase() = 0;
  /// Takes the replies of the phase before, none of them an error; yields the next phase, or no
  /// pieces after writing the final reply.
  [[nodiscard]] virtual std::vector<piece> next_phase(std::vector<std::string> replies,
                                                      reply_writer& out) = 0;
  /// The same where replies of pieces may have streams; passes on all of them or none. No other
  /// rule gets any.
  [[nodiscard]] virtual std::vector<piece> next_streamed_phase(std::span<streamed_reply> replies,
                                                               streamed_reply& to,
                                                               protocol version);
};

/// The course of one command over several shards.
class multi_shard_plan {
 public:
  /// Precondition: single_shard_of says nothing for this command. What `argv` views, and `random`,
  /// must outlive the plan.
  multi_shard_plan(const command_spec& spec, arguments argv, std::uint32_t shard_count,
                   prng& random);

  /// Pieces of the current phase, at most one per shard; empty when finished.
  [[nodiscard]] std::span<const piece> pieces() const noexcept { return pieces_; }
  [[nodiscard]] isolation isolation_need() const noexcept { return isolation_; }
  [[nodiscard]] phases phase_count() const noexcept { return phases_; }

  enum class progress : std::uint8_t { next_phase, finished };
  /// Goes on with the replies of the current phase, in the order of pieces(), each the complete
  /// reply in `piece_protocol`. `finished`: the command's reply, in `version`, was appended to
  /// `to`; before that `to` is not touched.
  progress advance(std::vector<streamed_reply> replies, streamed_reply& to, protocol version);
  /// Streams that pieces announced and the command's reply has not, each once.
  [[nodiscard]] std::vector<stream_source> take_dropped_streams() {
    return std::exchange(dropped_, {});
  }

 private:
  isolation isolation_;
  phases phases_;
  std::unique_ptr<plan_rule> rule_;
  std::vector<piece> pieces_;
  std::vector<stream_source> dropped_;
};

}  // namespace troupe::resp
