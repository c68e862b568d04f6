// Drives a node of two shards and some clients through a random life on one simulated disk: real
// sessions with WATCH and MULTI over both shards, each shard with a log of its own.
//
// Place: tests/sim; one thread. One seed decides who does what next. Clients move amounts between
// accounts of the two shards, audit them, count by WATCH, and write alone, each at its own level.
// Fault model: that of disk.hpp, points 1 to 4; messages between gateway and shards are delayed,
// never lost or reordered; the process dies with or without power.
// What must hold:
//  1. A transaction is seen whole or not at all, whatever shards it touches (isolation).
//  2. No two transactions that watched the same counter both succeed from the same value.
//  3. After a restart each shard holds a prefix of what was run in it, batches whole, and all of it
//     that a client of level durable was told of.
//  4. Every command is answered as long as the disk works.
// A canary is a bug planted in the driver; it must be seen.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "actors/session.hpp"
#include "tests/sim/clock.hpp"
#include "tests/sim/node_shard.hpp"

namespace troupe::sim {

/// Planted bugs.
enum class node_canary : std::uint8_t {
  none,
  acknowledge_early,  ///< shards call durable what they have only sent to the disk
  no_pause,           ///< transactions do not hold up others
  blind_watch         ///< EXEC believes that no watched key was touched
};

class node_driver final : private actors::session_services {
 public:
  static constexpr std::uint32_t shards = 2;

  node_driver(disk& disk, std::uint64_t seed, node_canary bug);
  ~node_driver() override;

  /// Opens both shards (again) and compares them with what was promised. False if the disk crashed
  /// or something is wrong.
  bool open();
  /// `steps` random steps. False as above.
  bool live(std::uint32_t steps);
  /// No new work: until everything is answered. False as above, or if that never happens.
  bool settle();

  [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }
  /// EXECs over both shards that succeeded, and that failed for a watched key.
  [[nodiscard]] std::uint64_t committed() const { return committed_; }
  [[nodiscard]] std::uint64_t aborted() const { return aborted_; }
  [[nodiscard]] bool has_poisoned_shard() const { return poisoned_; }

 private:
  enum class task : std::uint8_t { none, transfer, audit, look, count, write, broken };
  struct client {
    std::unique_ptr<actors::live_settings> settings;
    std::unique_ptr<actors::session_environment> environment;
    std::unique_ptr<actors::session> session;
    task doing = task::none;
    std::string received;
    std::uint64_t value = 0;  // written, or seen by a look
    std::uint32_t shard = 0;  // written to
  };
  /// A transfer as it was run in one shard.
  struct movement {
    std::int64_t amount;
    durability level;
  };
  /// What one shard holds and must hold.
  struct ledger {
    std::vector<movement> run;                     // in order, since the beginning of time
    std::size_t promised = 0;                      // of them
    std::uint64_t counted = 0;                     // by a successful EXEC of level durable
    std::map<std::size_t, std::uint64_t> written;  // by client, level durable
    [[nodiscard]] std::int64_t balance(std::size_t movements) const;
  };

  // Clients (node_clients.cpp).
  void begin(client& who);
  void send(client& who, const std::string& text);
  void take_replies(client& who);
  void finish(client& who, const std::vector<std::string>& lines);
  void finish_transfer(client& who, const std::vector<std::string>& lines);
  void finish_audit(client& who, const std::vector<std::string>& lines);
  void finish_count(client& who, const std::vector<std::string>& lines);
  std::vector<std::string> ask(const std::string& text, std::size_t lines);
  bool check_recovered();

  // session_services.
  actors::shard_core* local_shard(shard_id shard) override;
  void send_command(shard_id shard, std::uint64_t connection, std::uint64_t ticket,
                    const actors::shard_call& call) override;
  void demand_commit(shard_id shard, lsn upto) override;
  void credit_stream(shard_id, std::uint64_t, std::uint32_t) override { complain("a stream"); }
  void drop_stream(shard_id, std::uint64_t) override { complain("a stream"); }
  void pause(shard_id shard, std::uint64_t transaction) override;
  void run(shard_id shard, std::uint64_t transaction,
           const std::vector<actors::sent_piece>& pieces) override;
  void release(shard_id shard, std::uint64_t transaction) override;
  void answer_info(actors::session&, std::uint64_t, std::vector<std::string>) override {}
  void answer_role(actors::session&, std::uint64_t) override {}
  void answer_client_list(actors::session&, std::uint64_t, std::vector<std::uint64_t>) override {}
  void answer_client_kill(actors::session&, std::uint64_t, const actors::kill_filter&) override {}
  void answer_configure(actors::session&, std::uint64_t, const std::string&,
                        const std::string&) override {}
  void answer_reset_statistics(actors::session&, std::uint64_t) override {}
  void stop_node() override {}

  void close();
  void step();
  void deliver(std::uint32_t shard);
  void answer_fake(shard_id shard, std::uint64_t transaction,
                   std::vector<actors::transaction_answer> answers);
  void take_fake(std::uint32_t shard, const actors::shard_reply& reply);
  void work(client& who);
  [[nodiscard]] bool went_wrong() const { return disk_.crashed() || violation_.has_value(); }
  void complain(std::string what);

  disk& disk_;
  const node_canary bug_;
  prng random_;
  clock time_;
  actors::node_config config_;
  actors::client_statistics counted_;
  actors::command_statistics commands_;
  std::vector<lsn> durable_;
  std::vector<std::string> log_failures_;
  std::array<std::unique_ptr<node_shard>, shards> shards_;
  std::vector<client> clients_;

  std::array<ledger, shards> ledgers_;
  std::int64_t sum_ = 0;            // of the accounts, as the last recovery left them
  std::int64_t difference_ = 0;     // between the numbers of movements
  std::set<std::uint64_t> counts_;  // values that successful EXECs wrote in this life
  std::uint64_t committed_ = 0, aborted_ = 0, next_value_ = 1;
  bool poisoned_ = false;
  std::optional<std::string> violation_;

  // For the bug no_pause: steps answered by the driver instead of the shard.
  struct fake_answer {
    std::uint32_t shard;
    std::uint64_t transaction;
    std::vector<actors::transaction_answer> answers;
    std::size_t missing;
  };
  std::vector<fake_answer> fakes_;
};

}  // namespace troupe::sim
