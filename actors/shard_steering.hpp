// shard_steering: what an operator tells a shard: commit now, stop running commands, go on.
//
// Place: actors; owned by a shard, on its reactor's thread.
// Invariants:
//  1. Every order is answered: when it is done, or at once with why not.
//  2. A pause ends by itself: at its deadline, when the shard stops, or when its log failed.
//  3. A paused shard is one that a transaction of nobody's holds: everything else about it is as if
//     a client's transaction held it.
#pragma once

#include <caf/typed_response_promise.hpp>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/shard_core.hpp"
#include "schemas/admin.capnp.h"
#include "schemas/envelope.hpp"

namespace troupe::actors {

class shard_steering {
 public:
  using promise = caf::typed_response_promise<schemas::envelope<schemas::ShardSteered>>;

  /// `core` must outlive it.
  explicit shard_steering(shard_core& core) : core_(core) {}

  void take(const schemas::envelope<schemas::SteerShard>& order, promise asker,
            std::uint64_t now_us);
  /// Whether a transaction is an operator's pause: its replies are granted() and nothing else.
  [[nodiscard]] static bool is_ours(const lane_key& transaction) { return transaction == lane; }
  /// The pause holds the shard, or is over.
  void on_granted();
  /// End of a round: answers who waits for the disk.
  void on_round_end() {
    if (!flushes_.empty()) answer_flushes();
  }
  void on_tick(std::uint64_t now_us);
  /// Ends a pause, if there is one: the shard is to stop.
  void resume();

 private:
  struct flush {
    promise asker;
    lsn upto;
  };
  static constexpr lane_key lane{UINT32_MAX, UINT64_MAX};
  static constexpr std::size_t flushes_max = 16;

  void pause(std::uint32_t seconds, promise asker, std::uint64_t now_us);
  void answer_flushes();
  static void refuse(promise asker, std::string_view why);
  void confirm(promise asker) const;

  shard_core& core_;
  std::vector<flush> flushes_;
  std::optional<promise> pausing_;  // waits for other transactions to end
  std::optional<std::uint64_t> resume_at_us_;
};

}  // namespace troupe::actors
