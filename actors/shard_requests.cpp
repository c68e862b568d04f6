#include "actors/shard_requests.hpp"

#include <string_view>

#include "actors/command_codec.hpp"

namespace troupe::actors {

namespace {

/// A command above this is a message of its own.
constexpr std::size_t lone_command_bytes = 64 * 1024;
/// Of a step without pieces, or of a batch beside its commands.
constexpr std::size_t step_bytes = 128;

}  // namespace

void shard_requests::introduce() {
  envelope<schemas::Attach>::builder message;
  message->setIndex(gateway_);
  const auto introduction = message.finish();
  const auto me = caf::actor_cast<gateway_actor>(caf::strong_actor_ptr(self_->ctrl()));
  for (const auto& shard : shards_) self_->send(shard, introduction, me);
}

void shard_requests::command(shard_id shard, std::uint64_t connection, std::uint64_t tag,
                             const shard_call& call) {
  const auto bytes = message_bytes(call.argv);
  if (bytes > lone_command_bytes) {
    send_alone(shard, connection, tag, call);
    return;
  }
  auto& batch = batches_[shard.value];
  batch.bytes += bytes;
  batch.commands.push_back(
      {connection, tag, call.spec, call.client, {call.argv.begin(), call.argv.end()}});
}

void shard_requests::send_batches() {
  for (std::uint32_t i = 0; i < batches_.size(); ++i) {
    send_batch({i});
    auto& orders = batches_[i].streams;
    if (!orders.empty()) self_->send(shards_[i], orders.take());
  }
}

void shard_requests::send_batch(shard_id shard) {
  auto& batch = batches_[shard.value];
  if (batch.commands.empty()) return;
  envelope<schemas::CommandBatch>::builder message(batch.bytes + step_bytes);
  message->setGateway(gateway_);
  auto list = message->initCommands(static_cast<unsigned>(batch.commands.size()));
  std::vector<std::string_view> words;
  for (unsigned i = 0; i < list.size(); ++i) {
    const auto& each = batch.commands[i];
    words.assign(each.words.begin(), each.words.end());
    list[i].setConnection(each.connection);
    list[i].setTicket(each.tag);
    actors::encode(*each.spec, words, each.client, list[i]);
  }
  self_->send(shards_[shard.value], message.finish());
  batch.commands.clear();
  batch.bytes = 0;
}

/// Straight from the session's buffer, without the copy that a batch keeps.
void shard_requests::send_alone(shard_id shard, std::uint64_t connection, std::uint64_t tag,
                                const shard_call& call) {
  send_batch(shard);  // what was sent before comes first
  envelope<schemas::CommandBatch>::builder message(message_bytes(call.argv) + step_bytes);
  message->setGateway(gateway_);
  auto only = message->initCommands(1)[0];
  only.setConnection(connection);
  only.setTicket(tag);
  actors::encode(*call.spec, call.argv, call.client, only);
  self_->send(shards_[shard.value], message.finish());
}

void shard_requests::address(step_builder& step, std::uint64_t transaction) const {
  step->setGateway(gateway_);
  step->setTransaction(transaction);
}

void shard_requests::pause(shard_id shard, std::uint64_t transaction) {
  send_batch(shard);  // what was sent before comes first
  step_builder step(step_bytes);
  address(step, transaction);
  step->setPause();
  self_->send(shards_[shard.value], step.finish());
}

void shard_requests::run(shard_id shard, std::uint64_t transaction,
                         const std::vector<sent_piece>& pieces) {
  auto bytes = step_bytes;
  for (const auto& piece : pieces) bytes += message_bytes(piece.words);
  step_builder step(bytes);
  address(step, transaction);
  auto list = step->initRun(static_cast<unsigned>(pieces.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    const auto& piece = pieces[i];
    actors::encode(*piece.spec, piece.words, {piece.protocol, piece.level, piece.reads}, list[i]);
  }
  self_->send(shards_[shard.value], step.finish());
}

void shard_requests::release(shard_id shard, std::uint64_t transaction) {
  step_builder step(step_bytes);
  address(step, transaction);
  step->setRelease();
  self_->send(shards_[shard.value], step.finish());
}

void shard_requests::demand_commit(shard_id shard, lsn upto) {
  send_batch(shard);
  envelope<schemas::CommitDemand>::builder demand;
  demand->setGateway(gateway_);
  demand->setUpTo(upto.value);
  self_->send(shards_[shard.value], demand.finish());
}

}  // namespace troupe::actors
