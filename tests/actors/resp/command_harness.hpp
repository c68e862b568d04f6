// Runs commands as a session would, on stores in memory: checks them, finds their shard or plans
// them over several, and returns the reply bytes.
//
// Fault model: none; the log's frames are taken and called durable after every command, unless
// the disk is made small, when frames pile up until the log is full.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/resp/command_table.hpp"
#include "actors/resp/multi_shard.hpp"
#include "actors/resp/reply_writer.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/prng.hpp"
#include "storage/kv/store.hpp"
#include "storage/log/log_tail.hpp"

namespace troupe::tests {

/// A clock that moves when told to.
class hand_clock final : public clock {
 public:
  [[nodiscard]] std::int64_t wall_ms() const override { return now_ms; }
  [[nodiscard]] std::int64_t wall_us() const override { return now_ms * 1000; }
  [[nodiscard]] std::uint64_t monotonic_us() const override {
    return static_cast<std::uint64_t>(now_ms) * 1000;
  }
  std::int64_t now_ms = 1'700'000'000'000;
};

struct harness_options {
  std::uint32_t shards = 1;
  std::uint64_t memory_bytes = 1ull << 30;
  std::uint32_t segments = 64;  ///< of the smallest size, per shard
};

class command_harness {
 public:
  explicit command_harness(harness_options options = {});

  /// The reply to one command. A command that needs cold values fails the test.
  std::string run(const std::vector<std::string>& words,
                  resp::protocol version = resp::protocol::resp2);
  /// One call of a command's handler in shard 0, as it is.
  resp::exec_status call(const std::vector<std::string>& words, std::string& reply);

  kv::store& store(std::size_t shard = 0) { return *shards_[shard].store; }
  /// Ends a command: everything logged becomes durable.
  void make_durable();
  /// Lets values go cold until nothing more can.
  void evict_all();

  hand_clock time;

 private:
  struct shard_parts {
    std::unique_ptr<log::log_tail> tail;
    std::unique_ptr<kv::store> store;
  };
  std::string run_plan(const resp::command_spec& spec, resp::arguments argv,
                       resp::protocol version);
  resp::exec_status run_piece(const resp::command_spec& spec, resp::arguments argv, shard_id where,
                              resp::reply_writer& reply);

  harness_options options_;
  prng random_{42};
  std::vector<shard_parts> shards_;
};

/// "$3\r\nabc\r\n".
[[nodiscard]] std::string bulk(std::string_view bytes);
/// ":7\r\n".
[[nodiscard]] std::string integer(std::int64_t value);
/// "-ERR text\r\n".
[[nodiscard]] std::string error(std::string_view text);
inline constexpr const char* ok = "+OK\r\n";
inline constexpr const char* nil = "$-1\r\n";

}  // namespace troupe::tests
