#include "actors/resp/multi_shard.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "storage/base/hash_slot.hpp"
#include "tests/actors/resp/command_harness.hpp"
#include "tests/actors/resp/reply_parts.hpp"

namespace troupe::resp {
namespace {

using tests::bulk;
using tests::command_harness;
using tests::error;
using tests::integer;
using tests::nil;
using tests::ok;
using words = std::vector<std::string>;
using progress = multi_shard_plan::progress;

progress advance(multi_shard_plan& plan, const words& replies, std::string& to,
                 protocol version = protocol::resp2) {
  std::vector<resp::streamed_reply> whole;
  for (const auto& reply : replies) whole.push_back({reply, {}});
  resp::streamed_reply out;
  const auto became = plan.advance(std::move(whole), out, version);
  to += out.bytes;
  return became;
}

// With four shards "a", "b", "c" and "d" live in shards 3, 0, 1 and 2.
constexpr std::uint32_t four = 4;

std::vector<std::string_view> views_of(const words& command) {
  return {command.begin(), command.end()};
}

std::optional<shard_id> single(const words& command, std::uint32_t shards = four) {
  const auto argv = views_of(command);
  return single_shard_of(*find(argv[0]), argv, shards);
}

std::vector<std::string> argv_of(const piece& one) { return {one.argv.begin(), one.argv.end()}; }

TEST_CASE("the test keys live in four different shards") {
  CHECK(shard_of("a", four).value == 3);
  CHECK(shard_of("b", four).value == 0);
  CHECK(shard_of("c", four).value == 1);
  CHECK(shard_of("d", four).value == 2);
}

TEST_CASE("a command whose keys share a shard needs no plan") {
  CHECK(single({"get", "a"}) == shard_id{3});
  CHECK(single({"mget", "{b}1", "{b}2"}) == shard_id{0});
  CHECK(single({"rename", "a", "{a}x"}) == shard_id{3});
  CHECK(!single({"mget", "a", "b"}));
  CHECK(!single({"rename", "a", "b"}));
  CHECK(!single({"dbsize"}));
  CHECK(single({"dbsize"}, 1) == shard_id{0});
  CHECK(single({"mget", "a", "b"}, 1) == shard_id{0});
}

TEST_CASE("a cursor leads SCAN to its shard") {
  CHECK(single({"scan", "0"}) == shard_id{0});
  CHECK(single({"scan", std::to_string(2ull << 40)}) == shard_id{2});
  CHECK(single({"scan", "nonsense"}) == shard_id{0});
  CHECK(single({"scan", std::to_string(9ull << 40)}) == shard_id{0});
}

TEST_CASE("wrong arguments go to one shard, which refuses them") {
  CHECK(single({"mset", "a", "1", "b"}) == shard_id{3});
  CHECK(single({"copy", "a", "b", "foo"}) == shard_id{3});
  CHECK(single({"copy", "a", "b", "db", "7"}) == shard_id{3});
  CHECK(!single({"copy", "a", "b", "db", "0", "replace"}));
}

TEST_CASE("MGET is cut by shard and put together in the order of its keys") {
  prng random(1);
  const words command{"MGET", "a", "b", "{a}2", "b"};
  const auto argv = views_of(command);
  multi_shard_plan plan(*find("mget"), argv, four, random);
  REQUIRE(plan.pieces().size() == 2);
  CHECK(plan.pieces()[0].shard == shard_id{3});
  CHECK(argv_of(plan.pieces()[0]) == words{"MGET", "a", "{a}2"});
  CHECK(plan.pieces()[1].shard == shard_id{0});
  CHECK(argv_of(plan.pieces()[1]) == words{"MGET", "b", "b"});
  CHECK(shards_of(*find("mget"), argv, four) == std::vector{shard_id{0}, shard_id{3}});
  CHECK(plan.isolation_need() == isolation::not_needed);
  CHECK(plan.phase_count() == phases::one);
  std::string reply;
  CHECK(advance(plan, {"*2\r\n$1\r\n1\r\n$-1\r\n", "*2\r\n$1\r\n2\r\n$1\r\n2\r\n"}, reply,
                protocol::resp3) == progress::finished);
  CHECK(reply == "*4\r\n$1\r\n1\r\n$1\r\n2\r\n_\r\n$1\r\n2\r\n");
  CHECK(plan.pieces().empty());
}

TEST_CASE("the first error of a phase ends the plan and is the reply") {
  prng random(1);
  const words command{"mset", "a", "1", "b", "2"};
  const auto argv = views_of(command);
  multi_shard_plan plan(*find("mset"), argv, four, random);
  CHECK(plan.isolation_need() == isolation::needed);
  std::string reply;
  CHECK(advance(plan, {ok, "-OOM disk full\r\n"}, reply) == progress::finished);
  CHECK(reply == "-OOM disk full\r\n");
}

TEST_CASE("streamed values of several shards keep their places in the order of keys") {
  prng random(1);
  const words command{"MGET", "a", "b", "{a}2", "{b}2", "{a}3"};
  const auto argv = views_of(command);
  const auto stream = [](std::size_t at, std::uint64_t number) {
    return resp::stream_mark{at, {{3}, number, 100, 1}};
  };
  const resp::streamed_reply of_a{"*3\r\n$1\r\n1\r\n", {stream(4, 7), stream(11, 8)}};
  multi_shard_plan plan(*find("mget"), argv, four, random);
  resp::streamed_reply out;
  CHECK(plan.advance({of_a, {"*2\r\n$1\r\n2\r\n$-1\r\n", {}}}, out, protocol::resp2) ==
        progress::finished);
  CHECK(out.bytes == "*5\r\n$1\r\n2\r\n$1\r\n1\r\n$-1\r\n");
  REQUIRE(out.marks.size() == 2);
  CHECK(out.marks[0].at == 4);
  CHECK(out.marks[0].source.number == 7);
  CHECK(out.marks[1].at == out.bytes.size());
  CHECK(plan.take_dropped_streams().empty());

  multi_shard_plan refused(*find("mget"), argv, four, random);
  resp::streamed_reply why;
  CHECK(refused.advance({of_a, {"-ERR no\r\n", {}}}, why, protocol::resp2) == progress::finished);
  CHECK(why.bytes == "-ERR no\r\n");
  CHECK(refused.take_dropped_streams().size() == 2);
}

TEST_CASE("RENAME over shards looks, then places, then erases") {
  prng random(1);
  const words command{"rename", "a", "b"};
  const auto argv = views_of(command);
  multi_shard_plan plan(*find("rename"), argv, four, random);
  CHECK(plan.isolation_need() == isolation::needed);
  CHECK(plan.phase_count() == phases::several);
  std::string reply;
  REQUIRE(plan.pieces().size() == 1);
  CHECK(!plan.pieces()[0].spec->is_write());
  CHECK(plan.pieces()[0].shard == shard_id{3});
  CHECK(advance(plan, {"*3\r\n$5\r\nva\r\ne\r\n:1234\r\n:1\r\n"}, reply) == progress::next_phase);
  REQUIRE(plan.pieces().size() == 1);
  CHECK(plan.pieces()[0].shard == shard_id{0});
  CHECK(argv_of(plan.pieces()[0]) == words{"(place)", "b", "va\r\ne", "1234", "1"});
  CHECK(advance(plan, {ok}, reply) == progress::next_phase);
  REQUIRE(plan.pieces().size() == 1);
  CHECK(argv_of(plan.pieces()[0]) == words{"del", "a"});
  CHECK(advance(plan, {":1\r\n"}, reply) == progress::finished);
  CHECK(reply == ok);
}

TEST_CASE("RENAME over shards erases nothing when the target's shard refuses") {
  prng random(1);
  const words command{"rename", "a", "b"};
  const auto argv = views_of(command);
  multi_shard_plan plan(*find("rename"), argv, four, random);
  std::string reply;
  CHECK(advance(plan, {"*3\r\n$1\r\nv\r\n:0\r\n:0\r\n"}, reply) == progress::next_phase);
  CHECK(advance(plan, {"-OOM disk full\r\n"}, reply) == progress::finished);
  CHECK(reply == "-OOM disk full\r\n");
}

TEST_CASE("RANDOMKEY tries the other shards when one has only expired keys") {
  prng random(1);
  const words command{"randomkey"};
  const auto argv = views_of(command);
  multi_shard_plan plan(*find("randomkey"), argv, 2, random);
  std::string reply;
  REQUIRE(plan.pieces().size() == 2);
  CHECK(advance(plan, {":5\r\n", ":1\r\n"}, reply) == progress::next_phase);
  const shard_id first = plan.pieces()[0].shard;
  CHECK(advance(plan, {nil}, reply) == progress::next_phase);
  CHECK(plan.pieces()[0].shard != first);
  CHECK(advance(plan, {nil}, reply) == progress::finished);
  CHECK(reply == nil);
}

TEST_CASE("values move between shards with their bytes and deadlines") {
  command_harness node({.shards = four, .segments = 8});
  const std::string binary("\0\r\n$-1", 6);
  node.run({"set", "a", binary, "px", "12345"});
  CHECK(node.run({"rename", "a", "b"}) == ok);
  CHECK(node.run({"exists", "a"}) == integer(0));
  CHECK(node.run({"get", "b"}) == bulk(binary));
  CHECK(node.run({"pttl", "b"}) == integer(12345));
  CHECK(node.run({"copy", "b", "c"}) == integer(1));
  CHECK(node.run({"pttl", "c"}) == integer(12345));
  CHECK(node.run({"exists", "b"}) == integer(1));
  CHECK(node.run({"renamenx", "b", "c"}) == integer(0));
  CHECK(node.run({"renamenx", "b", "d"}) == integer(1));
  CHECK(node.run({"rename", "none", "b"}) == error("ERR no such key"));
  CHECK(node.run({"renamenx", "none", "b"}) == error("ERR no such key"));
  CHECK(node.run({"copy", "none", "b"}) == integer(0));
}

TEST_CASE("MSETNX over shards stores everywhere or nowhere") {
  command_harness node({.shards = four, .segments = 8});
  node.run({"set", "c", "old"});
  CHECK(node.run({"msetnx", "a", "1", "b", "2", "c", "3"}) == integer(0));
  CHECK(node.run({"exists", "a", "b", "c"}) == integer(1));
  CHECK(node.run({"msetnx", "a", "1", "b", "2", "d", "3"}) == integer(1));
  CHECK(node.run({"mget", "a", "b", "c", "d"}) ==
        "*4\r\n" + bulk("1") + bulk("2") + bulk("old") + bulk("3"));
}

std::string random_key(prng& random) {
  return std::string(1, static_cast<char>('a' + random.below(12)));
}

words random_command(prng& random) {
  const auto key = [&] { return random_key(random); };
  const auto value = [&] { return std::to_string(random.below(100)); };
  switch (random.below(16)) {
    case 0: return {"set", key(), value()};
    case 1: return {"set", key(), value(), "px", std::to_string(1 + random.below(50))};
    case 2: return {"mset", key(), value(), key(), value(), key(), value()};
    case 3: return {"msetnx", key(), value(), key(), value()};
    case 4: return {"mget", key(), key(), key(), key()};
    case 5: return {"del", key(), key()};
    case 6: return {"exists", key(), key(), key()};
    case 7: return {"rename", key(), key()};
    case 8: return {"renamenx", key(), key()};
    case 9: return {"copy", key(), key()};
    case 10: return {"copy", key(), key(), "replace"};
    case 11: return {"pttl", key()};
    case 12: return {"incr", key()};
    case 13: return {"unlink", key(), key(), key()};
    case 14: return {"touch", key(), key()};
    default: return random.one_in(10) ? words{"flushall"} : words{"get", key()};
  }
}

TEST_CASE("several shards answer every command as one shard does") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    prng random(seed);
    command_harness one({.shards = 1, .segments = 8});
    command_harness many({.shards = four, .segments = 8});
    for (int step = 0; step < 300; ++step) {
      const words command = random_command(random);
      const auto version = random.one_in(2) ? protocol::resp2 : protocol::resp3;
      REQUIRE(one.run(command, version) == many.run(command, version));
      const std::string keys_of_one = one.run({"keys", "*"});
      const std::string keys_of_many = many.run({"keys", "*"});
      std::string_view rest_of_one = keys_of_one;
      std::string_view rest_of_many = keys_of_many;
      auto sorted_one = tests::take_array(rest_of_one);
      auto sorted_many = tests::take_array(rest_of_many);
      std::sort(sorted_one.begin(), sorted_one.end());
      std::sort(sorted_many.begin(), sorted_many.end());
      REQUIRE(sorted_one == sorted_many);
      const auto passed = static_cast<std::int64_t>(random.below(10));
      one.time.now_ms += passed;
      many.time.now_ms += passed;
    }
  }
}

}  // namespace
}  // namespace troupe::resp
