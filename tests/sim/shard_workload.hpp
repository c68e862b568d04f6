// Random commands for a simulated shard, and the connections that send them.
//
// Place: tests/sim. Values are small, sometimes some 100 KiB, rarely above 1 MiB (parts); keys are
// few, so that commands meet each other's undecided and expired keys.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "actors/shard_core.hpp"
#include "storage/base/prng.hpp"

namespace troupe::sim {

/// How large values are.
enum class value_sizes : std::uint8_t { small, mixed, large };

/// The words of one random command.
[[nodiscard]] std::vector<std::string> random_command(prng& random, value_sizes sizes);

/// A command that was sent and whose reply the client has not got.
struct sent_command {
  std::uint64_t ticket = 0;
  std::vector<std::string> words;
  bool answered = false;
  lsn hold{};      ///< by the shard
  lsn required{};  ///< by the model
};

/// One connection: pipelined commands, now and then a transaction.
struct sim_client {
  enum class transaction : std::uint8_t { none, asked, granted, running, releasing };

  actors::lane_key lane;
  actors::lane_key transaction_lane;
  durability level = durability::durable;
  std::deque<sent_command> queue;  ///< in the order sent
  transaction state = transaction::none;
  std::vector<std::vector<std::string>> pieces;  ///< under way in the transaction
  std::vector<actors::shard_reply> gathered;     ///< to the first of them
  sent_command exec;                             ///< what EXEC's reply depends on
};

}  // namespace troupe::sim
