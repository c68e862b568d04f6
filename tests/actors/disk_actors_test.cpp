// The data_reader and the data_writer on their own threads, on the simulated disk; the shard is a
// stand-in on a unit stepped by hand, the flusher the test itself.
#include <doctest/doctest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "actors/data_reader.hpp"
#include "actors/data_writer.hpp"
#include "actors/failure_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "storage/log/log_tail.hpp"
#include "storage/log/open_log.hpp"
#include "storage/log/segment_format.hpp"
#include "tests/actors/mock_actors.hpp"
#include "tests/actors/runtime/stepped_unit.hpp"
#include "tests/sim/disk.hpp"

namespace troupe::tests {
namespace {

const std::string directory = "/data/shard-0000";

struct read_answer {
  std::uint64_t ticket;
  std::string record;
  std::string failure;  ///< its code; empty = read
  std::string message;
};

class asking_shard {
 public:
  static constexpr const char* name = "asking_shard";
  asking_shard(actors::disk_client::pointer, std::vector<read_answer>* answers)
      : answers_(*answers) {}

  actors::disk_client::behavior_type make_behavior() {
    return {
        unexpected<schemas::FrameWritten>(),
        unexpected<schemas::SegmentOutcome>(),
        [this](const envelope<schemas::RecordRead>& message) {
          const envelope<schemas::RecordRead>::reader from(message);
          auto& answer = answers_.emplace_back();
          answer.ticket = from->getTicket();
          if (from->isRecord()) {
            answer.record = schemas::view(from->getRecord());
          } else {
            const auto why = actors::decode(from->getFailed());
            answer.failure = to_string(why.code);
            answer.message = why.message;
          }
        },
    };
  }

 private:
  std::vector<read_answer>& answers_;
};

caf::actor_system_config& configured(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::troupe_messages>();
  config.set("scheduler.max-threads", std::size_t{1});
  config.set("scheduler.policy", caf::atom("sharing"));
  return config;
}

// A log with one record, and both actors.
struct one_record {
  sim::disk disk{{}};
  caf::actor_system_config config;
  caf::actor_system system{configured(config)};
  stepped_unit unit{system};
  std::vector<read_answer> answers;
  log::opened log;
  use_id use{};
  log::position where{};
  std::uint32_t size = 0;
  actors::disk_client shard;
  actors::data_reader_actor reader;
  actors::data_writer_actor writer;

  one_record() {
    unique_id id;
    id.bytes.fill(1);
    log::open_options options;
    options.cluster = {id};
    options.node = {id};
    options.segment_bytes = log::open_segment_bytes_min;
    options.seed = 1;
    auto opened = log::open_log(disk, directory, options, {});
    REQUIRE(opened);
    log = std::move(*opened);
    log::log_tail tail(log.start, log.spares);
    const log::record_fields fields{.key = "key", .value = "value"};
    const auto appended = tail.append(fields, log::space::normal);
    REQUIRE(appended);
    where = appended->where;
    size = static_cast<std::uint32_t>(log::encoded_size(fields));
    const auto frame = tail.take_frame(1);
    REQUIRE(frame);
    use = frame->use;
    REQUIRE(log.writer->write(*frame));
    shard = runtime::spawn_pinned<asking_shard, actors::disk_client>(unit, &answers);
    reader = actors::spawn_data_reader(system, disk, shard_id{0}, directory);
    writer = actors::spawn_data_writer(system, disk, log.writer->order_segment());
    caf::anon_send(reader, envelope<schemas::Attach>::builder().finish(), shard);
  }
  ~one_record() {
    caf::anon_send_exit(reader, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(writer, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(shard, caf::exit_reason::user_shutdown);
    reader = nullptr;
    writer = nullptr;
    shard = nullptr;
    unit.run();
  }

  void ask(std::uint64_t ticket, use_id of, std::uint32_t offset, std::uint32_t bytes) {
    envelope<schemas::ReadRecord>::builder message;
    message->setTicket(ticket);
    message->setUse(of.value);
    message->setSegment(where.segment);
    message->setOffset(offset);
    message->setSize(bytes);
    caf::anon_send(reader, message.finish());
  }
  void await_answers(std::size_t count) {
    unit.run_until([&] { return answers.size() >= count; });
    REQUIRE(answers.size() == count);
  }
  [[nodiscard]] std::string path() const { return log::segment_path(directory, use); }

  /// Has a segment file made; the failure's code, empty if it was made.
  std::string make(use_id as, use_id recycled) {
    envelope<schemas::MakeSegmentFile>::builder message;
    message->setUse(as.value);
    message->setRecycled(recycled.value);
    std::string failed = "no answer";
    caf::scoped_actor self(system);
    self->request(writer, std::chrono::seconds(60), message.finish())
        .receive(
            [&](const envelope<schemas::SegmentFile>& answer) {
              const envelope<schemas::SegmentFile>::reader from(answer);
              failed = from->isMade() ? "" : to_string(actors::decode(from->getFailed()).code);
            },
            [](const caf::error&) {});
    return failed;
  }
};

}  // namespace

TEST_CASE("a record is read and verified, each request answered by its ticket, in order") {
  one_record world;
  for (std::uint64_t ticket = 1; ticket <= 5; ++ticket) {
    world.ask(ticket, world.use, world.where.offset, world.size);
  }
  world.await_answers(5);
  for (std::size_t i = 0; i < 5; ++i) {
    CHECK(world.answers[i].ticket == i + 1);
    const auto record = log::decode_record(world.answers[i].record, shard_id{0});
    REQUIRE(record);
    CHECK(record->key == "key");
    CHECK(record->value == "value");
  }
}

TEST_CASE("a damaged record is an answer that names the file, and the reader goes on") {
  one_record world;
  world.disk.flip_bit(world.path(), (world.where.offset + world.size - 1) * std::uint64_t{8});
  world.ask(1, world.use, world.where.offset, world.size);
  world.await_answers(1);
  CHECK(world.answers[0].failure == "corrupt");
  CHECK(world.answers[0].message.find(world.path()) != std::string::npos);
  world.disk.flip_bit(world.path(), (world.where.offset + world.size - 1) * std::uint64_t{8});
  world.ask(2, world.use, world.where.offset, world.size);
  world.await_answers(2);
  CHECK(world.answers[1].failure.empty());
}

TEST_CASE("requests that no record can answer are refused one by one") {
  one_record world;
  world.ask(1, {4711}, world.where.offset, world.size);  // no such file
  world.ask(2, world.use, world.where.offset, limits::record_bytes_max + 1);
  world.ask(3, world.use, 0x7fff'ffff, world.size);  // behind the end
  world.ask(4, world.use, world.where.offset, 0);
  world.ask(5, world.use, world.where.offset + 8, world.size);  // no record begins there
  world.await_answers(5);
  CHECK(world.answers[0].failure == "not_found");
  CHECK(world.answers[1].failure == "refused");
  for (const auto& answer : world.answers) {
    INFO("ticket " << answer.ticket << ": " << answer.message);
    CHECK_FALSE(answer.failure.empty());
    CHECK(answer.record.empty());
  }
}

TEST_CASE("a disk that cannot read is an answer, and later reads work") {
  one_record world;
  world.disk.plan_read_fault(world.disk.read_points() + 1);
  world.ask(1, world.use, world.where.offset, world.size);
  world.ask(2, world.use, world.where.offset, world.size);
  world.await_answers(2);
  CHECK(world.answers[0].failure == "io_failed");
  CHECK(world.answers[1].failure.empty());
}

TEST_CASE("a segment file is made new or of a retired one, with the header of its use") {
  one_record world;
  CHECK(world.make({4711}, {}).empty());
  const auto made = log::segment_path(directory, {4711});
  REQUIRE(*world.disk.exists(made));
  CHECK(world.make({4712}, {4711}).empty());
  CHECK_FALSE(*world.disk.exists(made));
  const auto file = world.disk.open(log::segment_path(directory, {4712}), io::access::read);
  REQUIRE(file);
  std::string header(log::segment_header_bytes, '\0');
  REQUIRE((*file)->read_at(0, header));
  const auto decoded = log::decode_segment_header(header);
  REQUIRE(decoded);
  CHECK(decoded->use == use_id{4712});
}

TEST_CASE("a full disk is an answer, and the file is made when there is space") {
  one_record world;
  world.disk.set_capacity(1);
  CHECK(world.make({4711}, {}) == "no_space");
  CHECK_FALSE(*world.disk.exists(log::segment_path(directory, {4711})));
  world.disk.set_capacity(std::uint64_t{1} << 40);
  CHECK(world.make({4711}, {}).empty());
}

}  // namespace troupe::tests
