// The simulated disk keeps its promises and, over many seeds, breaks all that it did not promise.
#include "tests/sim/disk.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "storage/io/aligned_buffer.hpp"

namespace troupe::sim {
namespace {

constexpr std::uint64_t seeds = 200;
constexpr std::size_t block_bytes = 512;

std::string blocks(std::size_t count, char fill) { return std::string(count * block_bytes, fill); }

std::string content(disk& files, const std::string& path) {
  auto opened = files.open(path, io::access::read);
  REQUIRE(opened);
  std::string bytes((*opened)->size().value(), '?');
  REQUIRE((*opened)->read_at(0, bytes).value() == bytes.size());
  return bytes;
}

/// The first byte of every block; REQUIREs that blocks are whole.
std::string fills(const std::string& bytes) {
  std::string seen;
  for (std::size_t at = 0; at < bytes.size(); at += block_bytes) {
    const auto block = bytes.substr(at, block_bytes);
    REQUIRE(block == std::string(block.size(), block[0]));
    seen.push_back(block[0] == '\0' ? '0' : block[0]);
  }
  return seen;
}

std::unique_ptr<io::file> open(disk& files, const std::string& path,
                               io::access mode = io::access::write) {
  auto opened = files.open(path, mode);
  REQUIRE(opened);
  return std::move(opened).value();
}

/// /d/f with `count` durable blocks of `fill`.
void make_durable(disk& files, std::size_t count, char fill) {
  REQUIRE(files.make_directories("/d"));
  auto file = open(files, "/d/f");
  REQUIRE(file->write_at(0, blocks(count, fill)));
  REQUIRE(file->sync_data());
  REQUIRE(files.sync_directory("/d"));
}

void crash_and_restart(disk& files) {
  files.crash();
  files.restart();
}

result<void> commit(io::file& file, std::uint64_t offset, const std::string& bytes) {
  io::aligned_buffer buffer;
  buffer.append(bytes);
  return file.commit_at(offset, buffer.view());
}

/// Runs `scenario` on a new disk for many seeds and returns the different outcomes.
template <class Scenario>
std::set<std::string> outcomes(Scenario&& scenario) {
  std::set<std::string> seen;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    disk files({.seed = seed});
    seen.insert(scenario(files));
  }
  return seen;
}

TEST_CASE("committed and synced bytes survive every crash") {
  const auto seen = outcomes([](disk& files) {
    make_durable(files, 4, 'a');
    REQUIRE(commit(*open(files, "/d/f", io::access::commit), block_bytes, blocks(2, 'b')));
    crash_and_restart(files);
    return fills(content(files, "/d/f"));
  });
  CHECK(seen == std::set<std::string>{"abba"});
}

TEST_CASE("of an unsynced write each block survives or not, on its own") {
  const auto seen = outcomes([](disk& files) {
    make_durable(files, 4, 'a');
    REQUIRE(open(files, "/d/f")->write_at(block_bytes, blocks(2, 'b')));
    CHECK(fills(content(files, "/d/f")) == "abba");
    crash_and_restart(files);
    return fills(content(files, "/d/f"));
  });
  CHECK(seen == std::set<std::string>{"aaaa", "abaa", "aaba", "abba"});
}

TEST_CASE("a crash may bring back any version since the last sync, none before it") {
  const auto seen = outcomes([](disk& files) {
    make_durable(files, 1, 'a');
    auto file = open(files, "/d/f");
    REQUIRE(file->write_at(0, blocks(1, 'b')));
    REQUIRE(file->sync_data());
    for (const char fill : {'c', 'd'}) REQUIRE(file->write_at(0, blocks(1, fill)));
    crash_and_restart(files);
    return fills(content(files, "/d/f"));
  });
  CHECK(seen == std::set<std::string>{"b", "c", "d"});
}

TEST_CASE("a commit promises its own blocks only") {
  const auto seen = outcomes([](disk& files) {
    make_durable(files, 3, 'a');
    REQUIRE(open(files, "/d/f")->write_at(0, blocks(3, 'b')));
    REQUIRE(commit(*open(files, "/d/f", io::access::commit), block_bytes, blocks(1, 'c')));
    crash_and_restart(files);
    return fills(content(files, "/d/f"));
  });
  CHECK(seen == std::set<std::string>{"aca", "bca", "acb", "bcb"});
}

TEST_CASE("a commit interrupted by a crash is torn in any way and harms nothing else") {
  const auto seen = outcomes([](disk& files) {
    make_durable(files, 4, 'a');
    auto file = open(files, "/d/f", io::access::commit);
    files.crash_at_write(files.write_points() + 1);
    CHECK(commit(*file, block_bytes, blocks(2, 'b')).error().code == errc::io_failed);
    CHECK(files.crashed());
    files.restart();
    return fills(content(files, "/d/f"));
  });
  CHECK(seen == std::set<std::string>{"aaaa", "abaa", "aaba", "abba"});
}

TEST_CASE("unsynced growth survives in part, as old blocks, zeros or new ones") {
  const auto seen = outcomes([](disk& files) {
    make_durable(files, 1, 'a');
    REQUIRE(open(files, "/d/f")->write_at(block_bytes, blocks(2, 'b')));
    crash_and_restart(files);
    const auto found = fills(content(files, "/d/f"));
    // What grows again over a lost end must not meet the lost bytes.
    REQUIRE(open(files, "/d/f")->write_at(3 * block_bytes, blocks(1, 'c')));
    const auto again = fills(content(files, "/d/f"));
    CHECK(again == found + std::string(3 - found.size(), '0') + "c");
    return found;
  });
  CHECK(seen == std::set<std::string>{"a", "a0", "ab", "a00", "ab0", "a0b", "abb"});
}

TEST_CASE("a file survives only with its directory entry, a zeroed one is whole") {
  const auto unsynced = outcomes([](disk& files) {
    REQUIRE(files.make_directories("/d"));
    REQUIRE(files.create_zeroed("/d/f", 4 * block_bytes));
    crash_and_restart(files);
    return files.exists("/d/f").value() ? fills(content(files, "/d/f")) : "gone";
  });
  CHECK(unsynced == std::set<std::string>{"gone", "0000"});
  const auto synced = outcomes([](disk& files) {
    REQUIRE(files.make_directories("/d"));
    REQUIRE(files.create_zeroed("/d/f", 4 * block_bytes));
    REQUIRE(files.sync_directory("/d"));
    crash_and_restart(files);
    return fills(content(files, "/d/f"));
  });
  CHECK(synced == std::set<std::string>{"0000"});
}

TEST_CASE("unsynced renames are whole and independent of each other") {
  const auto seen = outcomes([](disk& files) {
    REQUIRE(files.make_directories("/d"));
    for (const auto* name : {"/d/a", "/d/b"}) REQUIRE(files.replace(name, "x"));
    REQUIRE(files.rename("/d/a", "/d/c"));
    REQUIRE(files.rename("/d/b", "/d/e"));
    crash_and_restart(files);
    std::string names;
    for (const auto& name : files.list("/d").value()) names += name;
    return names;
  });
  CHECK(seen == std::set<std::string>{"ab", "bc", "ae", "ce"});
}

TEST_CASE("a change of a name survives only with the earlier ones of that name") {
  const auto seen = outcomes([](disk& files) {
    REQUIRE(files.make_directories("/d"));
    REQUIRE(files.replace("/d/a", "old"));
    REQUIRE(files.rename("/d/a", "/d/b"));
    REQUIRE(files.create_zeroed("/d/a", 0));
    crash_and_restart(files);
    std::string found;
    for (const auto& name : files.list("/d").value()) {
      found += name + "=" + content(files, "/d/" + name) + " ";
    }
    return found;
  });
  CHECK(seen == std::set<std::string>{"a=old ", "b=old ", "a= b=old "});
}

TEST_CASE("a synced directory keeps what was done in it, and draws in what that rests on") {
  const auto seen = outcomes([](disk& files) {
    REQUIRE(files.make_directories("/d/x"));
    REQUIRE(files.make_directories("/d/y"));
    REQUIRE(files.create_zeroed("/d/x/a", 1));
    REQUIRE(files.create_zeroed("/d/x/other", 1));
    REQUIRE(files.rename("/d/x/a", "/d/y/a"));
    REQUIRE(files.sync_directory("/d/y"));
    crash_and_restart(files);
    const auto other = files.exists("/d/x/other").value();
    CHECK_FALSE(files.exists("/d/x/a").value());
    return std::string(files.exists("/d/y/a").value() ? "moved" : "lost") + (other ? "+" : "");
  });
  CHECK(seen == std::set<std::string>{"moved", "moved+"});
}

TEST_CASE("a replacement is old or new, whichever of its write points is interrupted") {
  std::set<std::string> seen;
  for (std::uint64_t point = 1; point <= 6; ++point) {
    for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
      disk files({.seed = seed});
      REQUIRE(files.make_directories("/d"));
      REQUIRE(files.replace("/d/f", blocks(2, 'a')));
      const auto before = files.write_points();
      files.crash_at_write(before + point);
      const auto outcome = files.replace("/d/f", blocks(3, 'b'));
      CHECK(outcome.has_value() == (point == 6));
      CHECK(files.crashed() == (point != 6));
      if (point == 6) files.crash();
      files.restart();
      const auto found = fills(content(files, "/d/f"));
      if (point == 6) CHECK(found == "bbb");
      seen.insert(found);
    }
  }
  CHECK(seen == std::set<std::string>{"aa", "bbb"});
}

TEST_CASE("every call fails between crash and restart, old files and locks are dead after it") {
  disk files({});
  make_durable(files, 1, 'a');
  auto file = open(files, "/d/f");
  auto held = files.lock_directory("/d");
  REQUIRE(held);
  files.crash();
  CHECK(files.open("/d/f", io::access::read).error().code == errc::io_failed);
  CHECK(files.exists("/d/f").error().code == errc::io_failed);
  CHECK(files.replace("/d/f", "x").error().code == errc::io_failed);
  CHECK(files.lock_directory("/d").error().code == errc::io_failed);
  files.restart();
  CHECK(file->write_at(0, "x").error().code == errc::io_failed);
  CHECK(file->sync_data().error().code == errc::io_failed);
  const auto locked_again = files.lock_directory("/d");
  CHECK(locked_again);
  held = failure{errc::busy, "released"};  // the dead lock must not free the living one
  CHECK(files.lock_directory("/d").error().code == errc::busy);
}

TEST_CASE("a restart without a crash loses nothing but promises nothing either") {
  const auto seen = outcomes([](disk& files) {
    make_durable(files, 2, 'a');
    REQUIRE(open(files, "/d/f")->write_at(0, blocks(2, 'b')));
    files.restart();
    CHECK(fills(content(files, "/d/f")) == "bb");
    crash_and_restart(files);
    return fills(content(files, "/d/f"));
  });
  CHECK(seen == std::set<std::string>{"aa", "ab", "ba", "bb"});
}

TEST_CASE("a planned write error leaves nothing or, if asked, any blocks of the write") {
  const auto nothing = outcomes([](disk& files) {
    make_durable(files, 2, 'a');
    auto file = open(files, "/d/f", io::access::commit);
    files.plan_write_fault(files.write_points() + 1, write_fault::fail);
    const auto outcome = commit(*file, 0, blocks(2, 'b'));
    CHECK(outcome.error().code == errc::io_failed);
    CHECK(outcome.error().message.find("/d/f") != std::string::npos);
    return fills(content(files, "/d/f"));
  });
  CHECK(nothing == std::set<std::string>{"aa"});
  const auto some = outcomes([](disk& files) {
    make_durable(files, 2, 'a');
    auto file = open(files, "/d/f", io::access::commit);
    files.plan_write_fault(files.write_points() + 1, write_fault::fail_partial);
    CHECK(commit(*file, 0, blocks(2, 'b')).error().code == errc::io_failed);
    return fills(content(files, "/d/f"));
  });
  CHECK(some == std::set<std::string>{"aa", "ab", "ba", "bb"});
}

TEST_CASE("after a failed sync later syncs answer success and promise nothing until a restart") {
  const auto scenario = [](disk& files, bool restart) {
    make_durable(files, 1, 'a');
    REQUIRE(open(files, "/d/f")->write_at(0, blocks(1, 'b')));
    files.plan_write_fault(files.write_points() + 1, write_fault::fail);
    CHECK_FALSE(open(files, "/d/f")->sync_data());
    if (restart) files.restart();
    CHECK(open(files, "/d/f")->sync_data());
    crash_and_restart(files);
    return fills(content(files, "/d/f"));
  };
  CHECK(outcomes([&](disk& files) { return scenario(files, false); }) ==
        std::set<std::string>{"a", "b"});
  CHECK(outcomes([&](disk& files) { return scenario(files, true); }) == std::set<std::string>{"b"});
}

TEST_CASE("a lying disk loses writes at once or forgets them in a crash, and says success") {
  disk losing({});
  make_durable(losing, 1, 'a');
  losing.plan_write_fault(losing.write_points() + 1, write_fault::lose);
  CHECK(commit(*open(losing, "/d/f", io::access::commit), 0, blocks(1, 'b')));
  CHECK(fills(content(losing, "/d/f")) == "a");
  const auto seen = outcomes([](disk& files) {
    make_durable(files, 1, 'a');
    files.plan_write_fault(files.write_points() + 1, write_fault::forget);
    CHECK(commit(*open(files, "/d/f", io::access::commit), 0, blocks(1, 'b')));
    CHECK(fills(content(files, "/d/f")) == "b");
    crash_and_restart(files);
    return fills(content(files, "/d/f"));
  });
  CHECK(seen == std::set<std::string>{"a", "b"});
}

TEST_CASE("a full disk refuses what grows, not what overwrites, and recovers by removal") {
  disk files({.capacity_bytes = 10 * block_bytes});
  make_durable(files, 4, 'a');
  CHECK(files.free_bytes("/d").value() == 6 * block_bytes);
  REQUIRE(files.create_zeroed("/d/segment", 6 * block_bytes));
  CHECK(files.create_zeroed("/d/more", block_bytes).error().code == errc::no_space);
  CHECK_FALSE(files.exists("/d/more").value());
  CHECK(files.replace("/d/f", "x").error().code == errc::no_space);
  CHECK_FALSE(files.exists("/d/f.new").value());
  CHECK(commit(*open(files, "/d/segment", io::access::commit), 0, blocks(6, 'b')));
  CHECK(open(files, "/d/f")->write_at(4 * block_bytes, "x").error().code == errc::no_space);
  REQUIRE(files.remove("/d/segment"));
  CHECK(files.replace("/d/f", "x"));
  files.set_capacity(1000 * block_bytes);
  CHECK(files.create_zeroed("/d/more", 100 * block_bytes));
  files.plan_write_fault(files.write_points() + 1, write_fault::no_space);
  CHECK(files.create_zeroed("/d/most", block_bytes).error().code == errc::no_space);
}

TEST_CASE("a planned read error hits that read only") {
  disk files({});
  make_durable(files, 1, 'a');
  auto file = open(files, "/d/f");
  files.plan_read_fault(files.read_points() + 2);
  std::string bytes(10, '?');
  CHECK(file->read_at(0, bytes));
  CHECK(file->read_at(0, bytes).error().code == errc::io_failed);
  CHECK(file->read_at(0, bytes).value() == 10);
}

TEST_CASE("a flipped bit is there now and after a crash") {
  const auto seen = outcomes([](disk& files) {
    make_durable(files, 1, 'a');
    REQUIRE(open(files, "/d/f")->write_at(0, blocks(1, 'c')));
    files.flip_bit("/d/f", 8 * 100 + 1);
    CHECK(content(files, "/d/f")[100] == ('c' ^ 2));
    crash_and_restart(files);
    return content(files, "/d/f").substr(99, 3);
  });
  CHECK(seen == std::set<std::string>{"aca", "cac"});
}

TEST_CASE("a second link shares the file and is counted") {
  disk files({});
  make_durable(files, 1, 'a');
  files.add_link("/d/f", "/d/g");
  CHECK(files.link_count("/d/f").value() == 2);
  REQUIRE(open(files, "/d/g")->write_at(0, blocks(1, 'b')));
  CHECK(fills(content(files, "/d/f")) == "b");
  REQUIRE(files.remove("/d/g"));
  CHECK(files.link_count("/d/f").value() == 1);
}

TEST_CASE("every write point that fails is reported to its caller") {
  for (const auto fault : {write_fault::fail, write_fault::fail_partial, write_fault::no_space,
                           write_fault::no_space_partial}) {
    disk files({});
    make_durable(files, 1, 'a');
    const auto is_full = fault == write_fault::no_space || fault == write_fault::no_space_partial;
    const auto expected = is_full ? errc::no_space : errc::io_failed;
    const auto plan = [&] { files.plan_write_fault(files.write_points() + 1, fault); };
    auto file = open(files, "/d/f");
    plan();
    CHECK(file->write_at(0, "x").error().code == expected);
    plan();
    CHECK(file->sync_data().error().code == expected);
    plan();
    CHECK(files.create_zeroed("/d/new", 1).error().code == expected);
    plan();
    CHECK(files.make_directories("/d/sub").error().code == expected);
    plan();
    CHECK(files.sync_directory("/d").error().code == expected);
    plan();
    CHECK(files.open("/d/other", io::access::write).error().code == expected);
    plan();
    CHECK(files.remove("/d/f").error().code == expected);
  }
}

TEST_CASE("the same seed meets the same fate") {
  const auto fate = [](std::uint64_t seed) {
    disk files({.seed = seed});
    make_durable(files, 64, 'a');
    REQUIRE(open(files, "/d/f")->write_at(0, blocks(64, 'b')));
    crash_and_restart(files);
    return fills(content(files, "/d/f"));
  };
  std::set<std::string> fates;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CHECK(fate(seed) == fate(seed));
    fates.insert(fate(seed));
  }
  CHECK(fates.size() > 5);
}

TEST_CASE("large files of zeros cost almost nothing") {
  disk files({});
  REQUIRE(files.make_directories("/d"));
  for (int count = 0; count < 100; ++count) {
    REQUIRE(files.create_zeroed("/d/" + std::to_string(count), 1 << 30));
  }
  CHECK(commit(*open(files, "/d/7", io::access::commit), (1 << 30) - 512, blocks(1, 'x')));
  CHECK(files.free_bytes("/d").value() == (std::uint64_t{1} << 40) - (std::uint64_t{100} << 30));
}

TEST_CASE("a commit in a queue ends when told; until then a crash leaves any of its blocks") {
  bool was_torn = false;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    disk files({.seed = seed});
    REQUIRE(files.make_directories("/d"));
    REQUIRE(files.create_zeroed("/d/f", 4096));
    REQUIRE(files.sync_directory("/d"));
    auto queue = files.make_commit_queue("/d/f");
    REQUIRE(queue);
    const auto file = files.open("/d/f", io::access::commit);
    REQUIRE(file);
    io::aligned_buffer block(1024);
    block.append(std::string(1024, 'a'));
    REQUIRE((*queue)->begin(**file, 0, block.view()));
    CHECK_FALSE((*queue)->finished());
    CHECK(files.end_commits() == 1);
    const auto first = (*queue)->finished();
    REQUIRE(first);
    CHECK(*first);
    block.clear();
    block.append(std::string(1024, 'b'));
    REQUIRE((*queue)->begin(**file, 1024, block.view()));
    files.crash();
    CHECK(files.end_commits() == 1);
    const auto second = (*queue)->finished();
    REQUIRE(second);
    CHECK_FALSE(*second);
    files.restart();
    const auto again = files.open("/d/f", io::access::read);
    REQUIRE(again);
    std::string bytes(2048, '?');
    REQUIRE((*again)->read_at(0, bytes));
    CHECK(bytes.substr(0, 1024) == std::string(1024, 'a'));
    was_torn = was_torn || bytes.substr(1024, 512) != bytes.substr(1536);
  }
  CHECK(was_torn);
}

}  // namespace
}  // namespace troupe::sim
