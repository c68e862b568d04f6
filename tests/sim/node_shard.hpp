// One shard of a simulated node: production shard_core, store, log_tail, log_writer and open_log on
// the simulated disk, with its mailbox, its flusher, its maker of segments and its reader.
//
// Place: tests/sim; owned by node_driver, one thread. Nothing happens but in step(): messages to
// the shard and its answers wait in order, as in mailboxes, until the driver's seed lets them
// through.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "actors/shard_core.hpp"
#include "storage/log/open_log.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::sim {

/// What a shard tells its gateway.
struct shard_message {
  enum class kind : std::uint8_t { reply, transaction, watermark } what;
  std::vector<actors::shard_reply> answers;  ///< one if a reply
  actors::lane_key transaction{};
  lsn durable{};
  std::string failed;  ///< why the log failed; empty if it did not
};

/// When a shard calls its records durable.
enum class promise_time : std::uint8_t { when_durable, when_sent };

class node_shard final : public actors::shard_outputs {
 public:
  /// All references must outlive it.
  node_shard(disk& disk, shard_id which, const troupe::clock& time, prng& random,
             promise_time promises);

  /// Opens its log; the failure, if there is one.
  result<void> open(std::uint64_t memory_bytes);
  /// Does one random thing that its threads could do next.
  void step();
  /// Puts something into its mailbox.
  void post(std::function<void(actors::shard_core&)> message) {
    mailbox_.push_back(std::move(message));
  }
  /// The next thing it says, if it has said anything.
  std::optional<shard_message> take_message();
  [[nodiscard]] bool is_idle() const;

  [[nodiscard]] actors::shard_core& core() { return *core_; }
  [[nodiscard]] bool mailbox_empty() const { return mailbox_.empty(); }

  // ---- shard_outputs ----------------------------------------------------------------------------
  void send_frame(log::frame&& closed) override;
  void send_reply(actors::shard_reply&& answer) override;
  void send_transaction_reply(actors::lane_key transaction,
                              std::vector<actors::shard_reply>&& answers) override;
  /// No value of these clients is large.
  void send_part(const actors::streamed_part& part) override;
  void announce(lsn durable, const failure* failed) override;
  void prepare_segment() override { ++segments_wanted_; }
  void retire(const kv::retirable_prefix& dead) override { dead_ = dead; }
  void read_record(std::uint64_t ticket, log::position where, std::uint32_t size) override {
    reads_.push_back({ticket, where, size});
  }

 private:
  struct wanted_record {
    std::uint64_t ticket;
    log::position where;
    std::uint32_t size;
  };
  struct written_frame {
    result<lsn> settled;
    std::uint32_t bytes;
  };

  void flush();
  void report();
  void make_segment();
  void read();

  disk& disk_;
  const shard_id which_;
  const troupe::clock& time_;
  prng& random_;
  const promise_time promises_;

  log::opened log_;
  std::unique_ptr<log::log_tail> tail_;
  std::unique_ptr<kv::store> store_;
  std::optional<actors::shard_core> core_;
  std::deque<std::function<void(actors::shard_core&)>> mailbox_;
  std::deque<shard_message> said_;
  std::optional<log::frame> frame_;
  std::optional<written_frame> written_;
  std::optional<kv::retirable_prefix> dead_;
  std::uint32_t segments_wanted_ = 0;
  std::deque<wanted_record> reads_;
};

}  // namespace troupe::sim
