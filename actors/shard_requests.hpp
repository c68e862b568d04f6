// shard_requests: what a gateway sends to shards: commands gathered into batches, the steps of
// transactions, demands to commit, credit for streams.
//
// Place: actors; owned by a gateway, on its reactor's thread.
// Invariants:
//  1. One CommandBatch per shard and round; a command too large to be copied travels alone.
//  2. Everything for one shard leaves in the order asked for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "actors/interfaces.hpp"
#include "actors/session.hpp"
#include "actors/stream_codec.hpp"

namespace troupe::actors {

class shard_requests {
 public:
  shard_requests(gateway_actor::pointer self, std::uint32_t gateway,
                 std::vector<shard_actor> shards)
      : self_(self), gateway_(gateway), shards_(std::move(shards)), batches_(shards_.size()) {}

  /// Tells every shard whom to answer.
  void introduce();
  void command(shard_id shard, std::uint64_t connection, std::uint64_t tag, const shard_call& call);
  void pause(shard_id shard, std::uint64_t transaction);
  void run(shard_id shard, std::uint64_t transaction, const std::vector<sent_piece>& pieces);
  void release(shard_id shard, std::uint64_t transaction);
  void demand_commit(shard_id shard, lsn upto);
  /// What clients want of the streams of that shard, to be sent at the end of the round.
  [[nodiscard]] stream_orders& streams(shard_id shard) { return batches_[shard.value].streams; }
  /// End of a round: sends what was gathered.
  void send_batches();

 private:
  /// A command on its way to a shard; its words are copied because the batch is built later.
  struct outgoing {
    std::uint64_t connection, tag;
    const resp::command_spec* spec;
    client_settings client;
    std::vector<std::string> words;
  };
  struct outgoing_batch {
    std::vector<outgoing> commands;
    std::size_t bytes = 0;
    stream_orders streams;
  };
  using step_builder = envelope<schemas::TransactionStep>::builder;

  void send_batch(shard_id shard);
  void send_alone(shard_id shard, std::uint64_t connection, std::uint64_t tag,
                  const shard_call& call);
  void address(step_builder& step, std::uint64_t transaction) const;

  gateway_actor::pointer self_;
  std::uint32_t gateway_;
  std::vector<shard_actor> shards_;
  std::vector<outgoing_batch> batches_;  // by shard
};

}  // namespace troupe::actors
