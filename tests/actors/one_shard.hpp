// One shard on a log in memory, whose frames, cold reads and segments are answered by the test.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/shard_core.hpp"
#include "storage/log/frame_format.hpp"
#include "tests/sim/clock.hpp"

namespace troupe::tests {

using words = std::vector<std::string>;

class one_shard final : public actors::shard_outputs {
 public:
  explicit one_shard(std::uint64_t memory_bytes = 1 << 20, std::uint32_t segments = 4) {
    log::log_start start;
    start.geometry = {shard_id{0}, limits::segment_bytes_min, 512};
    start.epoch = {1};
    std::vector<log::prepared_segment> spares;
    for (std::uint32_t i = 0; i < segments; ++i) spares.push_back({{i + 1}, i});
    tail_.emplace(start, spares);
    store_.emplace(kv::store_options{shard_id{0}, 1, memory_bytes}, *tail_, time);
    core.emplace(actors::shard_options{{shard_id{0}, 1}, 1}, *store_, *tail_, time, *this);
  }

  sim::clock time;
  std::optional<actors::shard_core> core;
  std::deque<log::frame> frames;
  std::vector<actors::shard_reply> replies;
  std::vector<std::vector<actors::shard_reply>> transaction_replies;
  std::vector<std::pair<std::uint64_t, log::position>> reads;
  /// Parts of streams in the order sent; a failed one has its text in `why`.
  struct part {
    actors::lane_key to;
    std::uint64_t stream;
    std::uint32_t index;
    std::string bytes;
    std::optional<failure> why;
  };
  std::vector<part> parts;
  std::vector<kv::retirable_prefix> retired;
  lsn announced{};
  std::optional<failure> failed;
  std::size_t segments_wanted = 0;

  struct ran {
    bool done = false;
    std::string reply;
    actors::command_outcome outcome;
  };

  /// Runs a command inline.
  ran run(const words& text, durability level = durability::durable) {
    const std::vector<std::string_view> argv(text.begin(), text.end());
    const auto* spec = resp::check_command(argv).spec;
    ran result;
    result.done = core->run_inline(
        {spec, argv, store_->hash(argv.size() > 1 ? argv[1] : ""), {resp::protocol::resp2, level}},
        result.reply, result.outcome);
    return result;
  }

  static actors::queued_command command(std::uint64_t ticket, const words& text,
                                        durability level = durability::durable) {
    const auto kept = std::make_shared<const words>(text);
    actors::queued_command queued;
    queued.ticket = ticket;
    queued.words = {kept->begin(), kept->end()};
    queued.spec = resp::check_command(queued.words).spec;
    queued.client.level = level;
    queued.owner = kept;
    return queued;
  }
  void enqueue(actors::lane_key lane, std::uint64_t ticket, const words& text,
               durability level = durability::durable) {
    core->enqueue(lane, command(ticket, text, level));
  }
  void run_pieces(actors::lane_key lane, const std::vector<words>& texts) {
    std::vector<actors::queued_command> pieces;
    for (const auto& text : texts) pieces.push_back(command(pieces.size() + 1, text));
    core->run_pieces(lane, std::move(pieces));
  }

  /// The frame in flight is written.
  void write_frame() {
    const auto frame = std::move(frames.front());
    frames.pop_front();
    written_.push_back(
        {frame.segment, frame.offset + log::frame_header_bytes, std::string(frame.payload)});
    core->on_frame_durable(frame.settled, static_cast<std::uint32_t>(frame.payload.size()));
  }
  /// Everything appended becomes durable.
  void commit() {
    core->demand_commit();
    for (core->end_round(); !frames.empty(); core->end_round()) write_frame();
  }
  /// Answers the oldest read.
  void answer_read() {
    const auto [ticket, where] = reads.front();
    reads.erase(reads.begin());
    for (const auto& [segment, offset, payload] : written_) {
      if (segment != where.segment || where.offset < offset ||
          where.offset >= offset + payload.size()) {
        continue;
      }
      core->on_record(ticket, std::string_view(payload).substr(where.offset - offset));
      return;
    }
    core->on_record(ticket, failure{errc::not_found, "no such record"});
  }
  void fail_read() {
    const auto ticket = reads.front().first;
    reads.erase(reads.begin());
    core->on_record(ticket, failure{errc::io_failed, "the disk is broken"});
  }

  void send_frame(log::frame&& closed) override { frames.push_back(std::move(closed)); }
  void send_reply(actors::shard_reply&& answer) override { replies.push_back(std::move(answer)); }
  void send_transaction_reply(actors::lane_key,
                              std::vector<actors::shard_reply>&& answers) override {
    transaction_replies.push_back(std::move(answers));
  }
  void send_part(const actors::streamed_part& sent) override {
    parts.push_back({sent.to, sent.stream, sent.index, {}, {}});
    if (sent.bytes) {
      parts.back().bytes = *sent.bytes;
    } else {
      parts.back().why = sent.bytes.error();
    }
  }
  void announce(lsn durable, const failure* why) override {
    announced = durable;
    if (why != nullptr) failed = *why;
  }
  void prepare_segment() override { ++segments_wanted; }
  void retire(const kv::retirable_prefix& dead) override { retired.push_back(dead); }
  void read_record(std::uint64_t ticket, log::position where, std::uint32_t) override {
    reads.emplace_back(ticket, where);
  }

 private:
  struct written_frame {
    std::uint32_t segment;
    std::uint64_t offset;
    std::string payload;
  };
  std::optional<log::log_tail> tail_;
  std::optional<kv::store> store_;
  std::vector<written_frame> written_;
};

}  // namespace troupe::tests
