#include "tests/actors/resp/command_harness.hpp"

#include <doctest/doctest.h>

#include "storage/base/ensure.hpp"
#include "storage/base/limits.hpp"

namespace troupe::tests {
namespace {

std::vector<std::string_view> views_of(const std::vector<std::string>& words) {
  return {words.begin(), words.end()};
}

}  // namespace

command_harness::command_harness(harness_options options) : options_(options) {
  for (std::uint32_t at = 0; at < options.shards; ++at) {
    std::vector<log::prepared_segment> spares;
    for (std::uint32_t ordinal = 0; ordinal < options.segments; ++ordinal) {
      spares.push_back({use_id{ordinal + 1}, ordinal});
    }
    log::log_start start;
    start.geometry = {shard_id{at}, limits::segment_bytes_min, 512};
    start.epoch = epoch_number{1};
    shard_parts one;
    one.tail = std::make_unique<log::log_tail>(start, spares);
    one.store = std::make_unique<kv::store>(
        kv::store_options{shard_id{at}, 1, options.memory_bytes}, *one.tail, time);
    shards_.push_back(std::move(one));
  }
}

void command_harness::make_durable() {
  for (shard_parts& one : shards_) {
    while (auto frame = one.tail->take_frame(time.now_ms)) one.store->on_durable(frame->last);
  }
}

void command_harness::evict_all() {
  make_durable();
  for (shard_parts& one : shards_) {
    while (one.store->evict_some(1000)) {
    }
  }
}

resp::exec_status command_harness::run_piece(const resp::command_spec& spec, resp::arguments argv,
                                             shard_id where, resp::reply_writer& reply) {
  kv::store& store = *shards_[where.value].store;
  const resp::key_positions keys = resp::keys_of(spec, argv.size());
  const key_hash hash = keys.empty() ? key_hash{} : store.hash(argv[keys.first]);
  store.begin_command(durability::durable);
  resp::shard_command command{
      store, argv, hash, reply, random_, {where, options_.shards}, resp::batching::own};
  ENSURE(spec.handler != nullptr);
  return spec.handler(command);
}

std::string command_harness::run_plan(const resp::command_spec& spec, resp::arguments argv,
                                      resp::protocol version) {
  resp::streamed_reply reply;
  resp::multi_shard_plan plan(spec, argv, options_.shards, random_);
  auto progress = resp::multi_shard_plan::progress::next_phase;
  while (progress == resp::multi_shard_plan::progress::next_phase) {
    std::vector<resp::streamed_reply> replies;
    for (const resp::piece& one : plan.pieces()) {
      std::string piece_reply;
      resp::reply_writer writer(piece_reply, resp::piece_protocol);
      REQUIRE(run_piece(*one.spec, one.argv, one.shard, writer) == resp::exec_status::done);
      replies.push_back({std::move(piece_reply), {}});
    }
    progress = plan.advance(std::move(replies), reply, version);
  }
  return reply.bytes;
}

std::string command_harness::run(const std::vector<std::string>& words, resp::protocol version) {
  const auto argv = views_of(words);
  std::string reply;
  resp::reply_writer writer(reply, version);
  const resp::resolved_command resolved = resp::check_command(argv);
  if (resolved.error) {
    writer.error(*resolved.error);
    return reply;
  }
  const auto single = resp::single_shard_of(*resolved.spec, argv, options_.shards);
  if (single) {
    REQUIRE(run_piece(*resolved.spec, argv, *single, writer) == resp::exec_status::done);
  } else {
    reply = run_plan(*resolved.spec, argv, version);
  }
  make_durable();
  return reply;
}

resp::exec_status command_harness::call(const std::vector<std::string>& words, std::string& reply) {
  const auto argv = views_of(words);
  const resp::resolved_command resolved = resp::check_command(argv);
  REQUIRE(!resolved.error);
  resp::reply_writer writer(reply, resp::protocol::resp2);
  return run_piece(*resolved.spec, argv, shard_id{0}, writer);
}

std::string bulk(std::string_view bytes) {
  return "$" + std::to_string(bytes.size()) + "\r\n" + std::string(bytes) + "\r\n";
}

std::string integer(std::int64_t value) { return ":" + std::to_string(value) + "\r\n"; }

std::string error(std::string_view text) { return "-" + std::string(text) + "\r\n"; }

}  // namespace troupe::tests
