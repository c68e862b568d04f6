// A shard actor with everything around it played by a test: a flusher, a reader, and two gateways,
// `near` (index 0) on the shard's reactor and `far` (index 1) as if on another one.
//
// Owner and thread: the test. Whatever the stand-ins do not expect fails the test.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/command_codec.hpp"
#include "actors/failure_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/shard.hpp"
#include "actors/statistics_codec.hpp"
#include "actors/stream_codec.hpp"
#include "storage/log/frame_format.hpp"
#include "tests/actors/mock_actors.hpp"
#include "tests/actors/runtime/stepped_reactor.hpp"

namespace troupe::tests {

struct flusher_notes {
  struct frame {
    use_id use;
    std::uint32_t segment;
    std::uint64_t offset;
    lsn settled;
    std::string records;
  };
  std::vector<std::string> events;
  std::deque<frame> frames;  ///< not answered yet
  std::size_t prepares = 0;
};

class noting_flusher {
 public:
  static constexpr const char* name = "noting_flusher";
  noting_flusher(actors::wal_flusher_actor::pointer, flusher_notes* notes) : notes_(*notes) {}

  actors::wal_flusher_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::Attach>& message, const actors::disk_client& shard) {
          shard_ = shard;
          const auto index = envelope<schemas::Attach>::reader(message)->getIndex();
          notes_.events.push_back("attach " + std::to_string(index));
        },
        [this](const envelope<schemas::LogFrame>& message) {
          const envelope<schemas::LogFrame>::reader from(message);
          notes_.events.emplace_back("frame");
          notes_.frames.push_back({{from->getUse()},
                                   from->getSegment(),
                                   from->getOffset(),
                                   {from->getSettled()},
                                   std::string(schemas::view(from->getRecords()))});
        },
        [this](const envelope<schemas::PrepareSegment>&) { ++notes_.prepares; },
        unexpected<schemas::RetireSegments>(),
    };
  }

 private:
  flusher_notes& notes_;
  actors::disk_client shard_;
};

struct reader_notes {
  struct read {
    std::uint64_t ticket;
    use_id use;
    std::uint32_t segment;
    std::uint32_t offset;
  };
  std::vector<std::string> events;
  std::deque<read> reads;  ///< not answered yet
};

class noting_reader {
 public:
  static constexpr const char* name = "noting_reader";
  noting_reader(actors::data_reader_actor::pointer, reader_notes* notes) : notes_(*notes) {}

  actors::data_reader_actor::behavior_type make_behavior() {
    return {
        [this](const envelope<schemas::Attach>& message, const actors::disk_client& shard) {
          shard_ = shard;
          const auto index = envelope<schemas::Attach>::reader(message)->getIndex();
          notes_.events.push_back("attach " + std::to_string(index));
        },
        [this](const envelope<schemas::ReadRecord>& message) {
          const envelope<schemas::ReadRecord>::reader from(message);
          notes_.reads.push_back(
              {from->getTicket(), {from->getUse()}, from->getSegment(), from->getOffset()});
        },
    };
  }

 private:
  reader_notes& notes_;
  actors::disk_client shard_;
};

struct gateway_notes {
  std::vector<std::string> events;
  std::vector<actors::shard_reply> replies;
  std::vector<std::vector<actors::shard_reply>> transactions;
  std::vector<std::string> parts;  ///< of streams, or why they failed
  lsn watermark{};
  std::string failure;
};

class noting_gateway {
 public:
  static constexpr const char* name = "noting_gateway";
  noting_gateway(actors::gateway_actor::pointer, gateway_notes* notes) : notes_(*notes) {}

  actors::gateway_actor::behavior_type make_behavior() {
    return {
        unexpected_request<schemas::GatewayRequest, schemas::GatewayAnswer>(),
        [](const envelope<schemas::Attach>&, const actors::gateway_peer&) {
          FAIL_CHECK("unexpected peer");
        },
        [](const envelope<schemas::Attach>&, const actors::metrics_actor&) {
          FAIL_CHECK("unexpected metrics");
        },
        [this](const envelope<schemas::ReplyBatch>& message) {
          notes_.events.emplace_back("replies");
          const envelope<schemas::ReplyBatch>::reader from(message);
          for (const auto reply : from->getReplies()) {
            notes_.replies.push_back(actors::decode(reply));
          }
        },
        [this](const envelope<schemas::StreamPart>& message,
               const envelope<schemas::RecordRead>& record) {
          notes_.events.emplace_back("part");
          const envelope<schemas::StreamPart>::reader from(message);
          const auto part = actors::decode(*from, record);
          notes_.parts.push_back(part ? std::string(part->bytes) : part.error().message);
        },
        [this](const envelope<schemas::Watermark>& message) {
          notes_.events.emplace_back("watermark");
          const envelope<schemas::Watermark>::reader from(message);
          notes_.watermark = {from->getDurable()};
          notes_.failure = schemas::view(from->getFailure());
        },
        [this](const envelope<schemas::TransactionReply>& message) {
          notes_.events.emplace_back("transaction");
          auto& answers = notes_.transactions.emplace_back();
          const envelope<schemas::TransactionReply>::reader from(message);
          for (const auto reply : from->getReplies()) answers.push_back(actors::decode(reply));
        },
        unexpected_request<schemas::StatisticsRequest, schemas::GatewayStatistics>(),
        unexpected<schemas::Stop>(),
        unexpected_tick(),
    };
  }

 private:
  gateway_notes& notes_;
};

struct shard_world_options {
  std::uint64_t memory_bytes = 1 << 20;
  std::uint32_t segments = 4;
};

class shard_world {
 public:
  struct sent {
    std::uint64_t connection;
    std::uint64_t ticket;
    std::vector<std::string> words;
    durability level = durability::durable;
  };

  stepped_reactor at;
  flusher_notes flusher;
  reader_notes reader;
  gateway_notes near;
  gateway_notes far;

  explicit shard_world(shard_world_options options = {}) {
    flusher_ =
        runtime::spawn_pinned<noting_flusher, actors::wal_flusher_actor>(at.reactor, &flusher);
    reader_ = runtime::spawn_pinned<noting_reader, actors::data_reader_actor>(at.reactor, &reader);
    near_ = runtime::spawn_pinned<noting_gateway, actors::gateway_actor>(at.reactor, &near);
    far_ = runtime::spawn_pinned<noting_gateway, actors::gateway_actor>(at.reactor, &far);
    shard_ = actors::spawn_shard(at.reactor, directory_, 0, parts(options), {flusher_, reader_});
    introduce(0, near_);
    introduce(1, far_);
    at.run();
  }
  ~shard_world() {
    at.end(shard_);
    at.end(flusher_);
    at.end(reader_);
    at.end(near_);
    at.end(far_);
  }

  /// Puts a batch into the shard's mailbox.
  void post(std::uint32_t gateway, const std::vector<sent>& commands) {
    envelope<schemas::CommandBatch>::builder message;
    message->setGateway(gateway);
    auto list = message->initCommands(static_cast<unsigned>(commands.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      list[i].setConnection(commands[i].connection);
      list[i].setTicket(commands[i].ticket);
      encode(commands[i].words, commands[i].level, list[i]);
    }
    caf::anon_send(shard_, message.finish());
  }
  void send(std::uint32_t gateway, const std::vector<sent>& commands) {
    post(gateway, commands);
    at.run();
  }

  /// The frame in flight is durable.
  void write_frame() {
    REQUIRE_FALSE(flusher.frames.empty());
    const auto frame = flusher.frames.front();
    flusher.frames.pop_front();
    written_.push_back(frame);
    envelope<schemas::FrameWritten>::builder answer;
    answer->setSettled(frame.settled.value);
    answer->setBytes(static_cast<std::uint32_t>(frame.records.size()));
    answer->setDurable();
    tell(answer.finish());
  }
  void fail_frame(const std::string& why) {
    flusher.frames.clear();
    envelope<schemas::FrameWritten>::builder answer;
    actors::encode(failure{errc::io_failed, why}, answer->initFailed());
    tell(answer.finish());
  }

  void adopt_segment(std::uint32_t ordinal) {
    envelope<schemas::SegmentOutcome>::builder outcome;
    auto adopted = outcome->initAdopted();
    adopted.setUse(use_of(ordinal).value);
    adopted.setOrdinal(ordinal);
    tell(outcome.finish());
  }
  void refuse_segment() {
    envelope<schemas::SegmentOutcome>::builder outcome;
    actors::encode(failure{errc::no_space, "the disk is full"}, outcome->initFailed());
    tell(outcome.finish());
  }
  [[nodiscard]] static use_id use_of(std::uint32_t ordinal) { return {100 + ordinal}; }

  /// Answers the oldest read with what was written there.
  void answer_read() {
    const auto wanted = take_read();
    for (const auto& frame : written_) {
      const auto start = frame.offset + log::frame_header_bytes;
      if (frame.segment != wanted.segment || wanted.offset < start ||
          wanted.offset >= start + frame.records.size()) {
        continue;
      }
      envelope<schemas::RecordRead>::builder answer(frame.records.size() + 256);
      answer->setTicket(wanted.ticket);
      answer->setRecord(
          schemas::data(std::string_view(frame.records).substr(wanted.offset - start)));
      tell(answer.finish());
      return;
    }
    FAIL("a record was read that was never written");
  }
  void fail_read(const std::string& why) {
    envelope<schemas::RecordRead>::builder answer;
    answer->setTicket(take_read().ticket);
    actors::encode(failure{errc::io_failed, why}, answer->initFailed());
    tell(answer.finish());
  }

  /// Credit for parts of a stream; 0 = drop it.
  void order(std::uint64_t stream, std::uint32_t parts) {
    actors::stream_orders orders;
    if (parts > 0) {
      orders.credit(stream, parts);
    } else {
      orders.drop(stream);
    }
    tell(orders.take());
  }

  /// "pause" or "release" of a transaction.
  void step(std::uint32_t gateway, std::uint64_t transaction, std::string_view what) {
    envelope<schemas::TransactionStep>::builder message;
    message->setGateway(gateway);
    message->setTransaction(transaction);
    if (what == "pause") {
      message->setPause();
    } else {
      message->setRelease();
    }
    tell(message.finish());
  }
  void run_pieces(std::uint32_t gateway, std::uint64_t transaction,
                  const std::vector<std::vector<std::string>>& pieces) {
    envelope<schemas::TransactionStep>::builder message;
    message->setGateway(gateway);
    message->setTransaction(transaction);
    auto list = message->initRun(static_cast<unsigned>(pieces.size()));
    for (unsigned i = 0; i < list.size(); ++i) encode(pieces[i], durability::durable, list[i]);
    tell(message.finish());
  }
  void demand(std::uint32_t gateway, lsn upto) {
    envelope<schemas::CommitDemand>::builder message;
    message->setGateway(gateway);
    message->setUpTo(upto.value);
    tell(message.finish());
  }
  void stop(std::chrono::milliseconds grace) {
    envelope<schemas::Stop>::builder message;
    message->setGraceMs(static_cast<std::uint32_t>(grace.count()));
    tell(message.finish());
  }

  actors::shard_statistics statistics() {
    std::optional<envelope<schemas::ShardStatistics>> answer;
    at.system.spawn<statistics_asker<actors::shard_actor, schemas::ShardStatistics>>(shard_,
                                                                                     &answer);
    at.run();
    REQUIRE(answer);
    return actors::decode(*envelope<schemas::ShardStatistics>::reader(*answer));
  }
  /// The core is in the directory as long as the actor lives.
  [[nodiscard]] bool is_alive() const { return directory_.local[0] != nullptr; }

 private:
  actors::shard_parts parts(shard_world_options options) {
    log::log_start start;
    start.geometry = {shard_id{0}, limits::segment_bytes_min, 512};
    start.epoch = {1};
    actors::shard_parts made;
    for (std::uint32_t i = 0; i < options.segments; ++i) made.segments.push_back({use_of(i), i});
    made.options = {{shard_id{0}, 1}, 1};
    made.tail = std::make_unique<log::log_tail>(start, made.segments);
    made.store = std::make_unique<kv::store>(
        kv::store_options{shard_id{0}, 1, options.memory_bytes}, *made.tail, at.reactor.time());
    made.segment_bytes = limits::segment_bytes_min;
    return made;
  }
  static void encode(const std::vector<std::string>& words, durability level,
                     schemas::Command::Builder to) {
    const std::vector<std::string_view> views(words.begin(), words.end());
    actors::encode(*resp::check_command(views).spec, views, {resp::protocol::resp2, level}, to);
  }
  void introduce(std::uint32_t index, const actors::gateway_actor& gateway) {
    envelope<schemas::Attach>::builder message;
    message->setIndex(index);
    caf::anon_send(shard_, message.finish(), gateway);
  }
  template <class T>
  void tell(const envelope<T>& message) {
    caf::anon_send(shard_, message);
    at.run();
  }
  reader_notes::read take_read() {
    REQUIRE_FALSE(reader.reads.empty());
    const auto wanted = reader.reads.front();
    reader.reads.pop_front();
    return wanted;
  }

  actors::shard_directory directory_{{nullptr}};
  std::vector<flusher_notes::frame> written_;
  actors::wal_flusher_actor flusher_;
  actors::data_reader_actor reader_;
  actors::gateway_actor near_;
  actors::gateway_actor far_;
  actors::shard_actor shard_;
};

}  // namespace troupe::tests
