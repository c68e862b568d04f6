// Commands that change, copy or move a large value: how much of it they read and write.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <string>
#include <vector>

#include "tests/actors/one_client.hpp"

namespace troupe::tests {
namespace {

constexpr std::size_t mib = limits::part_bytes_max;

std::string bulk(const std::string& bytes) {
  return fmt::format("${}\r\n{}\r\n", bytes.size(), bytes);
}

struct large_world {
  one_client client;
  std::string value;

  explicit large_world(std::size_t size) {
    for (int i = 0; value.size() < size; ++i) value += fmt::format("{:07}", i);
    value.resize(size);
    client.shard.run({"SET", "key", value});
    client.commit();
  }

  /// Runs commands to their ends; returns their replies.
  std::string run(const std::vector<std::string>& lines) { return follow(client.send(lines)); }
  /// The same for one command with arguments of any bytes.
  std::string run_words(const std::vector<std::string>& words) {
    auto sent = fmt::format("*{}\r\n", words.size());
    for (const auto& word : words) sent += bulk(word);
    return follow(client.exchange(sent));
  }
  std::string follow(std::string all) {
    for (bool moved = true; moved;) {
      moved = !client.shard.reads.empty();
      reads += client.shard.reads.size();
      while (!client.shard.reads.empty()) client.shard.answer_read();
      client.pump();
      const auto more = client.take() + client.commit();
      moved = moved || !more.empty() || !client.shard.reads.empty();
      all += more;
    }
    return all;
  }
  std::string get(const std::string& key) { return run({"GET " + key}); }
  /// Bytes that the log took since the last call.
  std::uint64_t written() {
    const auto now = client.shard.core->statistics().appended_bytes;
    return now - std::exchange(written_, now);
  }

  std::size_t reads = 0;

 private:
  std::uint64_t written_ = 0;
};

}  // namespace

TEST_CASE("APPEND to a large value reads and writes its last part only") {
  large_world world(5 * mib + 100);
  world.written();
  CHECK(world.run({"APPEND key 12345"}) == fmt::format(":{}\r\n", world.value.size() + 5));
  CHECK(world.reads == 1);
  CHECK(world.written() < 1000);
  world.value += "12345";
  CHECK(world.get("key") == bulk(world.value));
  CHECK(world.run({"STRLEN key", "EXPIRE key 100", "APPEND key x", "TTL key"}) ==
        fmt::format(":{}\r\n:1\r\n:{}\r\n:100\r\n", world.value.size(), world.value.size() + 1));
  CHECK(world.get("key") == bulk(world.value + "x"));
}

TEST_CASE("a value that grows by APPEND has a part for each MiB, or two") {
  large_world world(mib + 1);
  const std::string more(200'000, 'm');
  for (int i = 0; i < 40; ++i) {
    world.run_words({"APPEND", "key", more});
    world.value += more;
  }
  auto& store = world.client.shard.core->store();
  CHECK(store.parts_of("key", store.hash("key")).parts.size() <= 2 * world.value.size() / mib);
  CHECK(world.get("key") == bulk(world.value));
}

TEST_CASE("what EXEC appends to a large value and reads again is there at once") {
  large_world world(2 * mib + 9);
  const auto size = world.value.size();
  CHECK(world
            .run({"MULTI", "APPEND key ab", "APPEND key cd", "GETRANGE key -5 -1",
                  fmt::format("SETRANGE key {} X", size + 1), "RENAME key other", "COPY other key",
                  "APPEND key e", "EXEC"})
            .ends_with(fmt::format("*7\r\n:{}\r\n:{}\r\n{}:{}\r\n+OK\r\n:1\r\n:{}\r\n", size + 2,
                                   size + 4, bulk(world.value.substr(size - 1) + "abcd"), size + 4,
                                   size + 5)));
  CHECK(world.get("other") == bulk(world.value + "aXcd"));
  CHECK(world.get("key") == bulk(world.value + "aXcde"));
}

TEST_CASE("SETRANGE in a large value reads and writes the parts it cuts") {
  large_world world(5 * mib + 100);
  struct change {
    std::size_t offset, size, reads, written;
  };
  for (const auto& each : {change{2 * mib + 5, 10, 1, mib + 1000},        // inside a part
                           change{3 * mib - 2, 4, 2, 2 * mib + 1000},     // over a border
                           change{mib, mib, 0, mib + 1000},               // a whole part
                           change{10, 2 * mib, 2, 3 * mib + 1000},        // one whole, two cut
                           change{5 * mib + 90, 50, 1, 1000},             // over the end
                           change{5 * mib + 200, 20, 1, 1000},            // close behind it
                           change{9 * mib + 7, 5, 0, 2 * mib + 1000}}) {  // far behind it
    world.written();
    world.reads = 0;
    const std::string bytes(each.size, 'N');
    world.run_words({"SETRANGE", "key", std::to_string(each.offset), bytes});
    CHECK(world.reads == each.reads);
    CHECK(world.written() < each.written);
    world.value.resize(std::max(world.value.size(), each.offset + each.size), '\0');
    world.value.replace(each.offset, each.size, bytes);
    CHECK(world.get("key") == bulk(world.value));
  }
}

TEST_CASE("SETRANGE far behind the end of a small value writes its zeros once") {
  large_world world(10);
  world.written();
  CHECK(world.run({"SETRANGE key 104857600 end"}) == ":104857603\r\n");
  CHECK(world.written() < 2 * mib + 2000);
  world.value.resize(100 * mib);
  CHECK(world.get("key") == bulk(world.value + "end"));
  CHECK(world.run({"SETRANGE none 3000000 x", "STRLEN none"}) == ":3000001\r\n:3000001\r\n");
}

TEST_CASE("COPY and RENAME of a large value neither read nor write its parts") {
  large_world world(6 * mib + 1);
  world.written();
  CHECK(world.run({"EXPIRE key 100", "COPY key copy", "RENAME key moved", "EXISTS key", "TTL copy",
                   "TTL moved"}) == ":1\r\n:1\r\n+OK\r\n:0\r\n:100\r\n:100\r\n");
  CHECK(world.reads == 0);
  CHECK(world.written() < 2000);
  CHECK(world.run({"APPEND copy x"}) == fmt::format(":{}\r\n", world.value.size() + 1));
  CHECK(world.get("moved") == bulk(world.value));
  CHECK(world.get("copy") == bulk(world.value + "x"));
  CHECK(world.run({"DEL moved"}) == ":1\r\n");
  CHECK(world.get("copy") == bulk(world.value + "x"));
}

}  // namespace troupe::tests
