// client_table: the clients of one gateway, by id, and which of them have something to do.
//
// Place: actors, CAF-free; owned by a gateway, on its reactor's thread. Invariants:
//  1. A client with something to do is settled at the end of a round, once, in order; at most
//     settled_per_round of them, so that a commit that released many does not keep the next
//     waiting.
//  2. A client is dropped when its socket is closed and no shard is paused for it.
//  3. memory_bytes() is the sum of what the clients held when each was settled last, and deadlines_
//     are those they had then: whatever changes them makes the client active.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "actors/client_socket.hpp"

namespace troupe::actors {

class client_table final : public client_observer {
 public:
  static constexpr std::size_t settled_per_round = 16;

  void add(std::unique_ptr<client_socket> client);
  /// The client, or null if it left.
  [[nodiscard]] client_socket* find(std::uint64_t id);
  [[nodiscard]] std::size_t size() const noexcept { return clients_.size(); }
  void clear();

  /// Has the client settled at the end of the round.
  void on_active(client_socket& client) override;
  /// End of a round: ends what clients waited for until now, and settles those that are active.
  /// Some may be left, or active again.
  void settle(std::uint64_t now_us);
  /// When settle() must be called again at the latest.
  [[nodiscard]] std::optional<std::uint64_t> next_deadline_us() const;

  /// Bytes that all clients make the node hold.
  [[nodiscard]] std::uint64_t memory_bytes() const noexcept { return memory_bytes_; }
  /// Closes the clients that hold most, each with a word in the log, until the others hold `bound`
  /// bytes or less; returns how many. Those with CLIENT NO-EVICT stay.
  std::size_t evict(std::uint64_t bound);

  /// Calls `visit` with every session and has it settled if that returned true.
  void for_each(const std::function<bool(session&)>& visit);
  /// One line of CLIENT LIST for each client of these ids, or for all if there are none.
  [[nodiscard]] std::string describe(std::span<const std::uint64_t> ids);
  /// Closes the clients that match; returns how many.
  std::uint32_t kill(const kill_filter& filter);

 private:
  void account(client_socket& client, std::size_t bytes);
  void note_deadline(client_socket& client, std::optional<std::uint64_t> deadline_us);
  void end_waits(std::uint64_t now_us);

  std::unordered_map<std::uint64_t, std::unique_ptr<client_socket>> clients_;
  std::deque<std::uint64_t> active_;
  std::set<std::pair<std::uint64_t, std::uint64_t>> deadlines_;  // when, and whose
  std::uint64_t memory_bytes_ = 0;
};

}  // namespace troupe::actors
