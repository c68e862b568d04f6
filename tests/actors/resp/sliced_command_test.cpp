// Sliced commands against shards played by the test: how much they ask for at once, and what they
// make of the replies.
#include "actors/resp/sliced_command.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>

#include "storage/base/hash_slot.hpp"
#include "tests/actors/resp/command_harness.hpp"

namespace troupe::resp {
namespace {

using tests::bulk;
using tests::integer;

constexpr std::uint32_t four = 4;

/// A command of `count` keys, with a value behind each one if `value` is not empty.
std::vector<std::string> many_keys(std::string_view name, std::size_t count,
                                   std::string_view value = {}) {
  std::vector<std::string> words{std::string(name)};
  for (std::size_t i = 0; i < count; ++i) {
    words.push_back(fmt::format("key:{}", i));
    if (!value.empty()) words.emplace_back(value);
  }
  return words;
}

/// A sliced command, and how its pieces are answered.
class course {
 public:
  using answer = std::function<streamed_reply(const slice_piece&)>;

  course(std::vector<std::string> words, std::uint32_t shards, protocol version = protocol::resp2)
      : words_(std::move(words)), views_(words_.begin(), words_.end()) {
    const auto& spec = *find(words_[0]);
    REQUIRE(goes_in_slices(spec, views_.size()));
    command = make_sliced_command(spec, views_, shards, version);
  }

  /// All that may be sent now.
  std::size_t send() {
    if (command->wants_turn()) command->take_turn();
    const auto before = under_way.size();
    while (auto next = command->next()) {
      ++pieces[std::string(next->argv[0])];
      under_way.push_back(std::move(*next));
    }
    return under_way.size() - before;
  }
  void reply_to_first(const answer& how) {
    const auto piece = std::move(under_way.front());
    under_way.pop_front();
    command->take(piece.number, how(piece));
  }
  streamed_reply run(const answer& how) {
    while (!command->is_done()) {
      send();
      if (!under_way.empty()) reply_to_first(how);
    }
    return command->take_reply();
  }
  std::size_t keys_under_way() const {
    std::size_t keys = 0;
    for (const auto& piece : under_way) keys += piece.argv.size() - 1;
    return keys;
  }

  std::unique_ptr<sliced_command> command;
  std::deque<slice_piece> under_way;
  std::map<std::string, std::size_t> pieces;  // sent, by name

 private:
  std::vector<std::string> words_;
  std::vector<std::string_view> views_;
};

/// An array of the keys themselves.
streamed_reply echo(const slice_piece& piece) {
  streamed_reply reply;
  reply_writer out(reply.bytes, piece.version);
  out.array(piece.argv.size() - 1);
  for (std::size_t i = 1; i < piece.argv.size(); ++i) {
    if (piece.argv[i].ends_with('7')) {
      out.null();
    } else {
      out.bulk(piece.argv[i]);
    }
  }
  return reply;
}

streamed_reply stored(const slice_piece&) { return {"+OK\r\n", {}}; }

TEST_CASE("commands of few keys are run at once") {
  CHECK_FALSE(goes_in_slices(*find("del"), 100));
  CHECK_FALSE(goes_in_slices(*find("get"), 2));
  CHECK_FALSE(goes_in_slices(*find("dbsize"), 1));
  CHECK_FALSE(goes_in_slices(*find("mset"), 100'000));  // a key without a value
  CHECK(goes_in_slices(*find("mset"), 100'001));
  CHECK(goes_in_slices(*find("keys"), 2));
  for (const auto* name : {"del", "unlink", "exists", "touch", "mget"}) {
    CHECK(goes_in_slices(*find(name), 100'000));
  }
}

TEST_CASE("what is under way of a command of many keys is bounded, and all keys have their turn") {
  for (const std::uint32_t shards : {1u, four}) {
    course del(many_keys("del", 10'000), shards);
    std::multiset<std::string> seen;
    const auto reply = del.run([&](const slice_piece& piece) {
      CHECK(del.keys_under_way() + piece.argv.size() - 1 <= window_keys);
      CHECK(piece.argv.size() - 1 <= slice_keys);
      for (std::size_t i = 1; i < piece.argv.size(); ++i) {
        CHECK(shard_of(piece.argv[i], shards) == piece.shard);
        seen.insert(std::string(piece.argv[i]));
      }
      return streamed_reply{integer(static_cast<std::int64_t>(piece.argv.size()) - 1), {}};
    });
    CHECK(reply.bytes == integer(10'000));
    CHECK(seen.size() == 10'000);
    CHECK(std::set<std::string>(seen.begin(), seen.end()).size() == 10'000);
  }
}

TEST_CASE("long words make small slices, and one is always under way") {
  course exists(
      [] {
        auto words = many_keys("exists", 1100);
        for (std::size_t i = 1; i < words.size(); ++i) words[i].resize(60'000);
        return words;
      }(),
      1);
  CHECK(exists.send() > 0);
  CHECK(exists.keys_under_way() * 60'000 < window_bytes + 2 * slice_bytes);
  const auto reply = exists.run([](const slice_piece& piece) {
    CHECK(piece.argv.size() - 1 <= 2);
    return streamed_reply{integer(1), {}};
  });
  CHECK(reply.bytes == integer(550));
}

TEST_CASE("a sliced MGET replies in the order of its keys, whatever order the shards answer in") {
  for (const auto version : {protocol::resp2, protocol::resp3}) {
    for (const std::uint32_t shards : {1u, four}) {
      const auto words = many_keys("mget", 3000);
      std::string expected;
      reply_writer out(expected, version);
      out.array(3000);
      for (std::size_t i = 1; i < words.size(); ++i) {
        if (words[i].ends_with('7')) {
          out.null();
        } else {
          out.bulk(words[i]);
        }
      }
      course mget(words, shards, version);
      std::size_t turn = 0;
      while (!mget.command->is_done()) {
        mget.send();
        // The pieces of one shard come back in their order, those of others before or after them.
        const auto chosen = ++turn % mget.under_way.size();
        const auto shard = mget.under_way[chosen].shard;
        const auto first =
            std::ranges::find(mget.under_way, shard, &slice_piece::shard) - mget.under_way.begin();
        const auto piece = mget.under_way[static_cast<std::size_t>(first)];
        mget.under_way.erase(mget.under_way.begin() + first);
        mget.command->take(piece.number, echo(piece));
      }
      CHECK(mget.command->take_reply().bytes == expected);
    }
  }
}

TEST_CASE("a sliced MGET asks for more at once when it knows that its values are small") {
  course small(many_keys("mget", 3000), 1);
  CHECK(small.send() == 1);
  small.reply_to_first(echo);
  CHECK(small.send() == window_keys / slice_keys);

  course large(many_keys("mget", 3000), 1);
  large.send();
  large.reply_to_first([](const slice_piece&) {
    return streamed_reply{"*128\r\n" + std::string(48 << 20, 'x'), {}};
  });
  CHECK(large.send() == 1);
}

TEST_CASE("streamed values keep their places in a sliced MGET, and are dropped with an error") {
  const auto one_stream = [](const slice_piece& piece) {
    streamed_reply reply{"*128\r\n", {}};
    for (std::size_t i = 1; i < piece.argv.size() - 1; ++i) reply.bytes += bulk("v");
    reply.marks.push_back({6 + bulk("v").size(), {piece.shard, piece.number + 100, 5, 1}});
    return reply;
  };
  course mget(many_keys("mget", 1280), 1);
  const auto reply = mget.run(one_stream);
  REQUIRE(reply.marks.size() == 10);
  const auto header = std::string("*1280\r\n").size();
  const auto slice = 127 * bulk("v").size();
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(reply.marks[i].at == header + i * slice + bulk("v").size());
    CHECK(reply.marks[i].source.number == 100 + i);
  }
  CHECK(mget.command->take_dropped_streams().empty());

  course refused(many_keys("mget", 2560), 1);
  const auto error = refused.run([&](const slice_piece& piece) {
    return piece.number == 2 ? streamed_reply{"-ERR broken\r\n", {}} : one_stream(piece);
  });
  CHECK(error.bytes == "-ERR broken\r\n");
  CHECK(error.marks.empty());
  // Those of the slices before it and of those that were under way.
  CHECK(refused.command->take_dropped_streams().size() == refused.pieces["mget"] - 1);
  CHECK(refused.pieces["mget"] < 20);
}

TEST_CASE("a sliced MSET stores nothing before all shards have room for all of it") {
  course mset(many_keys("mset", 6000, "value"), four);
  while (mset.send() == 0) REQUIRE(mset.command->wants_turn());
  REQUIRE(mset.under_way.size() == four);
  std::size_t bytes = 0;
  for (const auto& piece : mset.under_way) {
    CHECK(piece.argv[0] == "~check-room");
    bytes += std::stoul(std::string(piece.argv[1]));
  }
  CHECK(bytes > 6000 * (sizeof "key:" + sizeof "value" + 60));
  for (int i = 0; i < 3; ++i) {
    mset.reply_to_first(stored);
    CHECK(mset.send() == 0);
  }
  mset.reply_to_first(stored);
  CHECK(mset.send() > 0);
  CHECK(mset.run(stored).bytes == "+OK\r\n");

  course refused(many_keys("mset", 6000, "value"), four);
  const auto reply = refused.run([](const slice_piece& piece) {
    return streamed_reply{piece.shard.value == 2 ? "-OOM full\r\n" : "+OK\r\n", {}};
  });
  CHECK(reply.bytes == "-OOM full\r\n");
  CHECK(refused.pieces["mset"] == 0);
}

TEST_CASE("reads end when their client leaves, writes are made all the same") {
  course exists(many_keys("exists", 3000), 1);
  exists.send();
  exists.command->abandon();
  exists.run([](const slice_piece&) { return streamed_reply{integer(1), {}}; });
  CHECK(exists.pieces["exists"] == window_keys / slice_keys);

  course del(many_keys("del", 3000), 1);
  del.send();
  del.command->abandon();
  del.run([](const slice_piece&) { return streamed_reply{integer(1), {}}; });
  CHECK(del.pieces["del"] == 24);
}

TEST_CASE("KEYS walks one shard after the other, one step at a time") {
  course keys({"keys", "pattern*"}, 2);
  std::vector<std::string> asked;
  const auto reply = keys.run([&](const slice_piece& piece) {
    asked.push_back(fmt::format("{} {} {}", piece.shard.value, piece.argv[1], piece.argv[2]));
    const bool first = piece.argv[1] == "0";
    return streamed_reply{first ? "*2\r\n$3\r\n500\r\n*2\r\n" + bulk("a") + bulk("b")
                                : "*2\r\n$1\r\n0\r\n*1\r\n" + bulk("c"),
                          {}};
  });
  CHECK(asked == std::vector<std::string>{"0 0 pattern*", "0 500 pattern*", "1 0 pattern*",
                                          "1 500 pattern*"});
  CHECK(reply.bytes ==
        "*6\r\n" + bulk("a") + bulk("b") + bulk("c") + bulk("a") + bulk("b") + bulk("c"));

  course left({"keys", "*"}, 2);
  CHECK(left.send() == 1);
  CHECK(left.send() == 0);
  left.command->abandon();
  left.reply_to_first([](const slice_piece&) {
    return streamed_reply{"*2\r\n$3\r\n500\r\n*0\r\n", {}};
  });
  CHECK(left.command->is_done());
}

}  // namespace
}  // namespace troupe::resp
