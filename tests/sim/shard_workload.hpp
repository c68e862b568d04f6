// Random commands for a simulated shard, and the connections that send them.
//
// Place: tests/sim. Values are small, sometimes some 100 KiB, rarely above 1 MiB (parts); keys are
// few, so that commands meet each other's undecided and expired keys.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "actors/shard_core.hpp"
#include "storage/base/prng.hpp"

namespace troupe::sim {

/// How large values are.
enum class value_sizes : std::uint8_t { small, mixed, large, parts };

/// The words of one random command.
[[nodiscard]] std::vector<std::string> random_command(prng& random, value_sizes sizes);

/// A bulk string of a reply on its way.
struct sim_stream {
  std::uint64_t number = 0;                    ///< 0 = it is over
  std::string expected;                        ///< what must come
  std::map<std::uint32_t, std::string> parts;  ///< of it, so far
};

/// A command that was sent and whose reply the client has not got.
struct sent_command {
  std::uint64_t ticket = 0;
  std::vector<std::string> words;
  bool answered = false;
  std::vector<sim_stream> streams;
  lsn hold{};      ///< by the shard
  lsn required{};  ///< by the model
};

/// A SET whose value is on its way to the shard, part by part.
struct sim_upload {
  std::uint64_t number = 0;
  std::vector<std::string> words;  ///< of the whole command
  std::size_t sent = 0;            ///< bytes of the value
};

/// One connection: pipelined commands, now and then a transaction.
struct sim_client {
  enum class transaction : std::uint8_t { none, asked, granted, running, releasing };

  actors::lane_key lane;
  actors::lane_key transaction_lane;
  durability level = durability::durable;
  std::deque<sent_command> queue;  ///< in the order sent
  std::optional<sim_upload> upload;
  transaction state = transaction::none;
  std::vector<std::vector<std::string>> pieces;  ///< under way in the transaction
  std::vector<actors::shard_reply> gathered;     ///< to the first of them
  sent_command exec;                             ///< what EXEC's reply depends on
};

}  // namespace troupe::sim
