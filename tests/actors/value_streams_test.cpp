// Large values that a shard streams: what is read when, and what stays on disk for it.
#include "actors/value_streams.hpp"

#include <doctest/doctest.h>

#include <string>

#include "tests/actors/one_shard.hpp"

namespace troupe::tests {
namespace {

constexpr actors::lane_key anna{0, 1};
constexpr std::size_t mib = limits::part_bytes_max;

std::string large_value(std::size_t size, char first = 'a') {
  std::string value;
  while (value.size() < size) value.append(1000, first++);
  value.resize(size);
  return value;
}

/// Opens a stream by a command that replies a value; returns its number.
std::uint64_t open_stream(one_shard& shard, const words& command, std::size_t size) {
  shard.enqueue(anna, 1, command);
  REQUIRE(shard.replies.size() == 1);
  const auto answer = shard.replies[0];
  shard.replies.clear();
  CHECK(answer.bytes.empty());
  REQUIRE(answer.streams.size() == 1);
  CHECK(answer.streams[0].size == size);
  return answer.streams[0].number;
}

std::string parts_so_far(const one_shard& shard) {
  std::string all;
  for (const auto& part : shard.parts) all += part.bytes;
  return all;
}

}  // namespace

TEST_CASE("a large value is read under credit, one part for each") {
  one_shard shard;
  const auto value = large_value(3 * mib + 7);
  shard.run({"SET", "key", value});
  shard.commit();
  const auto stream = open_stream(shard, {"GET", "key"}, value.size());
  CHECK(shard.reads.empty());
  shard.core->credit_stream(stream, 2);
  CHECK(shard.reads.size() == 2);
  shard.answer_read();
  shard.answer_read();
  CHECK(shard.reads.empty());
  CHECK(parts_so_far(shard) == value.substr(0, 2 * mib));
  shard.core->credit_stream(stream, 10);
  CHECK(shard.reads.size() == 2);
  while (!shard.reads.empty()) shard.answer_read();
  CHECK(parts_so_far(shard) == value);
  CHECK(shard.parts.back().index == 3);
  shard.core->credit_stream(stream, 1);
  shard.core->drop_stream(stream);
  CHECK(shard.reads.empty());
}

TEST_CASE("what happens to the key after the command ran does not touch its stream") {
  const auto value = large_value(2 * mib);
  for (const words& change :
       {words{"SET", "key", "small"}, words{"SET", "key", large_value(2 * mib, 'k')},
        words{"DEL", "key"}, words{"FLUSHALL"}, words{"APPEND", "other", "x"}}) {
    one_shard shard;
    shard.run({"SET", "key", value});
    shard.commit();
    const auto stream = open_stream(shard, {"GET", "key"}, value.size());
    shard.run(change);
    shard.commit();
    shard.core->credit_stream(stream, 4);
    while (!shard.reads.empty()) shard.answer_read();
    CHECK(parts_so_far(shard) == value);
  }
}

TEST_CASE("GETDEL and GETEX stream the value they found") {
  one_shard shard;
  const auto value = large_value(2 * mib);
  shard.run({"SET", "key", value});
  shard.commit();
  auto stream = open_stream(shard, {"GETEX", "key", "EX", "100"}, value.size());
  CHECK(shard.run({"TTL", "key"}).reply == ":100\r\n");
  shard.core->drop_stream(stream);
  shard.commit();
  stream = open_stream(shard, {"GETDEL", "key"}, value.size());
  CHECK(shard.run({"EXISTS", "key"}).reply == ":0\r\n");
  shard.commit();
  shard.core->credit_stream(stream, 4);
  while (!shard.reads.empty()) shard.answer_read();
  CHECK(parts_so_far(shard) == value);
}

TEST_CASE("segments stay while a stream has to read there, and go when it ends or is dropped") {
  for (const bool is_dropped : {false, true}) {
    one_shard shard(1 << 20, 8);
    const auto value = large_value(9 * mib);  // in segments 0 and 1
    shard.run({"SET", "key", value});
    shard.run({"SET", "key2", value});  // to segment 2
    shard.commit();
    const auto stream = open_stream(shard, {"GET", "key"}, value.size());
    shard.run({"FLUSHALL"});
    shard.commit();
    CHECK(shard.retired.empty());
    shard.core->credit_stream(stream, 8);
    while (shard.reads.size() > 1) shard.answer_read();
    if (is_dropped) shard.core->drop_stream(stream);
    shard.answer_read();
    if (!is_dropped) {
      REQUIRE(shard.retired.size() == 1);  // the last part stands in the second segment
      CHECK(shard.retired.back().first_live_ordinal == 1);
      shard.core->credit_stream(stream, 1);
      shard.answer_read();
    }
    REQUIRE_FALSE(shard.retired.empty());
    CHECK(shard.retired.back().first_live_ordinal >= 2);
  }
}

TEST_CASE("an unreadable part ends its stream, once") {
  one_shard shard;
  const auto value = large_value(4 * mib);
  shard.run({"SET", "key", value});
  shard.commit();
  const auto stream = open_stream(shard, {"GET", "key"}, value.size());
  shard.core->credit_stream(stream, 4);
  shard.answer_read();
  shard.fail_read();
  while (!shard.reads.empty()) shard.answer_read();
  REQUIRE(shard.parts.size() == 2);
  CHECK_FALSE(shard.parts[0].why);
  CHECK(shard.parts[1].why);
}

TEST_CASE("a part that is not the record expected is not passed on") {
  one_shard shard;
  const auto value = large_value(2 * mib);
  shard.run({"SET", "key", value});
  shard.commit();
  const auto stream = open_stream(shard, {"GET", "key"}, value.size());
  shard.core->credit_stream(stream, 1);
  shard.core->on_record(shard.reads.front().first, std::string_view("not a record at all"));
  REQUIRE(shard.parts.size() == 1);
  CHECK(shard.parts[0].why);
}

TEST_CASE("in a transaction large values are streamed, too, even those that it wrote") {
  one_shard shard;
  const auto value = large_value(2 * mib);
  shard.run({"SET", "key", value});
  shard.commit();
  const auto other = large_value(2 * mib, 'o');
  shard.core->pause(anna);
  shard.run_pieces(anna, {{"MSET", "key", other}, {"GET", "key"}});
  REQUIRE(shard.transaction_replies.size() == 2);
  const auto& answer = shard.transaction_replies[1][1];
  CHECK(answer.bytes.empty());
  REQUIRE(answer.streams.size() == 1);
  shard.core->credit_stream(answer.streams[0].number, 4);
  CHECK(shard.reads.empty());
  shard.core->release(anna);
  shard.commit();
  while (!shard.reads.empty()) shard.answer_read();
  CHECK(parts_so_far(shard) == other);
}

TEST_CASE("streams share the reads of a shard in turn") {
  one_shard shard(1 << 20, 8);
  const auto value = large_value(20 * mib);
  shard.run({"SET", "key", value});
  shard.commit();
  const auto first = open_stream(shard, {"GET", "key"}, value.size());
  const auto second = open_stream(shard, {"GET", "key"}, value.size());
  shard.core->credit_stream(first, 20);
  CHECK(shard.reads.size() == actors::value_streams::reads_in_flight_max);
  shard.core->credit_stream(second, 20);
  CHECK(shard.reads.size() == actors::value_streams::reads_in_flight_max);
  while (!shard.reads.empty()) shard.answer_read();
  std::string of_first, of_second;
  std::size_t second_began = 0;
  for (std::size_t i = 0; i < shard.parts.size(); ++i) {
    if (shard.parts[i].stream == second && second_began == 0) second_began = i;
    (shard.parts[i].stream == first ? of_first : of_second) += shard.parts[i].bytes;
  }
  CHECK(of_first == value);
  CHECK(of_second == value);
  CHECK(second_began <= actors::value_streams::reads_in_flight_max + 2);
}

}  // namespace troupe::tests
