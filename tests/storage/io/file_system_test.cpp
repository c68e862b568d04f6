// What every file_system does, whatever stands behind it.
#include "storage/io/file_system.hpp"

#include <doctest/doctest.h>

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "storage/io/aligned_buffer.hpp"
#include "tests/storage/io/file_system_fixtures.hpp"

namespace troupe::tests {
namespace {

constexpr std::uint64_t mebibyte = 1 << 20;

std::string read_all(io::file_system& files, const std::string& path) {
  auto opened = files.open(path, io::access::read);
  REQUIRE(opened);
  const auto size = (*opened)->size();
  REQUIRE(size);
  std::string bytes(*size + 7, '?');
  const auto count = (*opened)->read_at(0, bytes);
  REQUIRE(count);
  bytes.resize(*count);
  return bytes;
}

void write_file(io::file_system& files, const std::string& path, std::string_view bytes) {
  auto opened = files.open(path, io::access::write);
  REQUIRE(opened);
  REQUIRE((*opened)->write_at(0, bytes));
  REQUIRE((*opened)->sync_data());
}

/// A commit of `blocks` alignment steps of `fill`.
struct commit_bytes {
  commit_bytes(std::uint32_t alignment, std::size_t blocks, char fill) {
    buffer.append(std::string(alignment * blocks, fill));
  }
  io::aligned_buffer buffer;
};

TEST_CASE_TEMPLATE_DEFINE("files behave", Fixture, files_behave) {
  Fixture fixture;
  auto& files = fixture.files();
  const auto path = fixture.path("file");

  SUBCASE("opening what does not exist says so and names it") {
    for (const auto mode : {io::access::read, io::access::commit}) {
      const auto opened = files.open(path, mode);
      REQUIRE_FALSE(opened);
      CHECK(opened.error().code == errc::not_found);
      CHECK(opened.error().message.find(path) != std::string::npos);
    }
    CHECK(files.open(fixture.path("no/file"), io::access::write).error().code == errc::not_found);
  }

  SUBCASE("opening for writing creates an empty file") {
    auto opened = files.open(path, io::access::write);
    REQUIRE(opened);
    CHECK((*opened)->size().value() == 0);
    CHECK(files.exists(path).value());
    CHECK_FALSE((*opened)->direct());
  }

  SUBCASE("a write is read back, and a hole before it reads as zeros") {
    auto opened = files.open(path, io::access::write);
    REQUIRE(opened);
    REQUIRE((*opened)->write_at(100'000, "hello"));
    CHECK((*opened)->size().value() == 100'005);
    const auto bytes = read_all(files, path);
    CHECK(bytes == std::string(100'000, '\0') + "hello");
    REQUIRE((*opened)->write_at(99'998, "abcd"));
    CHECK(read_all(files, path).substr(99'997) == std::string("\0abcdllo", 8));
  }

  SUBCASE("a read ends at the end of the file") {
    write_file(files, path, "0123456789");
    auto opened = files.open(path, io::access::read);
    REQUIRE(opened);
    std::array<char, 8> bytes{};
    CHECK((*opened)->read_at(0, bytes).value() == 8);
    CHECK((*opened)->read_at(5, bytes).value() == 5);
    CHECK(std::string_view(bytes.data(), 5) == "56789");
    CHECK((*opened)->read_at(10, bytes).value() == 0);
    CHECK((*opened)->read_at(std::uint64_t{1} << 40, bytes).value() == 0);
  }

  SUBCASE("a file opened for reading refuses writes and commits") {
    write_file(files, path, "x");
    auto opened = files.open(path, io::access::read);
    REQUIRE(opened);
    CHECK((*opened)->write_at(0, "y").error().code == errc::refused);
    CHECK((*opened)->commit_at(0, "y").error().code == errc::refused);
    CHECK(read_all(files, path) == "x");
  }

  SUBCASE("a file opened for writing commits any bytes anywhere") {
    auto opened = files.open(path, io::access::write);
    REQUIRE(opened);
    REQUIRE((*opened)->commit_at(3, "odd"));
    CHECK(read_all(files, path) == std::string("\0\0\0odd", 6));
  }
}

TEST_CASE_TEMPLATE_DEFINE("commits behave", Fixture, commits_behave) {
  Fixture fixture;
  auto& files = fixture.files();
  const auto path = fixture.path("segment");
  REQUIRE(files.create_zeroed(path, mebibyte));
  auto opened = files.open(path, io::access::commit);
  REQUIRE(opened);
  auto& file = **opened;
  const auto step = file.alignment();
  REQUIRE(step >= 512);
  REQUIRE(step <= 4096);
  REQUIRE(4096 % step == 0);

  SUBCASE("committed bytes are read back by the same file and by another") {
    commit_bytes commit(step, 3, 'c');
    REQUIRE(file.commit_at(step, commit.buffer.view()));
    auto expected = std::string(mebibyte, '\0');
    expected.replace(step, std::size_t{3} * step, std::size_t{3} * step, 'c');
    CHECK(read_all(files, path) == expected);
    std::string middle(5, '?');
    CHECK(file.read_at(step + 1, middle).value() == 5);  // reads need no alignment
    CHECK(middle == "ccccc");
  }

  SUBCASE("a read after a commit sees it, though the old bytes were cached") {
    CHECK(read_all(files, path) == std::string(mebibyte, '\0'));
    for (const char fill : {'1', '2', '3'}) {
      commit_bytes commit(step, 1, fill);
      REQUIRE(file.commit_at(0, commit.buffer.view()));
      CHECK(read_all(files, path).substr(0, step) == std::string(step, fill));
    }
  }

  SUBCASE("a large commit is written whole") {
    commit_bytes commit(step, mebibyte / step, 'L');
    REQUIRE(file.commit_at(0, commit.buffer.view()));
    CHECK(read_all(files, path) == std::string(mebibyte, 'L'));
  }

  SUBCASE("a commit at the very end fits, one beyond the end fails and changes nothing") {
    commit_bytes commit(step, 2, 'e');
    REQUIRE(file.commit_at(mebibyte - 2 * step, commit.buffer.view()));
    const auto outcome = file.commit_at(mebibyte - step, commit.buffer.view());
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == errc::io_failed);
    CHECK(outcome.error().message.find(path) != std::string::npos);
    CHECK(file.size().value() == mebibyte);
  }

  SUBCASE("writing it other than by commits is refused") {
    CHECK(file.write_at(0, "x").error().code == errc::refused);
  }

  SUBCASE("an empty commit and a sync succeed") {
    CHECK(file.commit_at(0, {}));
    CHECK(file.sync_data());
  }
}

TEST_CASE_TEMPLATE_DEFINE("creation and replacement behave", Fixture, creation_behaves) {
  Fixture fixture;
  auto& files = fixture.files();
  const auto path = fixture.path("file");

  SUBCASE("a zeroed file has its size and zeros only, whatever the size") {
    for (const auto size :
         std::array<std::uint64_t, 6>{0, 1, 512, 4096, 5000, 3 * mebibyte + 4096}) {
      const auto name = path + std::to_string(size);
      REQUIRE(files.create_zeroed(name, size));
      CHECK(read_all(files, name) == std::string(size, '\0'));
    }
  }

  SUBCASE("a zeroed file never takes the place of another") {
    write_file(files, path, "precious");
    CHECK(files.create_zeroed(path, 4096).error().code == errc::refused);
    CHECK(read_all(files, path) == "precious");
  }

  SUBCASE("a zeroed file larger than the disk is no_space and leaves nothing behind") {
    const auto available = files.free_bytes(fixture.directory());
    REQUIRE(available);
    const auto outcome = files.create_zeroed(path, *available * 2);
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == errc::no_space);
    CHECK(outcome.error().message.find(path) != std::string::npos);
    CHECK(files.list(fixture.directory()).value().empty());
  }

  SUBCASE("replacing creates, then exchanges the content, longer or shorter") {
    for (const std::string_view bytes : {"first", "the second one", "", "3"}) {
      REQUIRE(files.replace(path, bytes));
      CHECK(read_all(files, path) == bytes);
    }
    CHECK(files.list(fixture.directory()).value() == std::vector<std::string>{"file"});
  }

  SUBCASE("replacing where a temporary file was left behind works") {
    write_file(files, path + ".new", "left behind by a crash, and longer");
    REQUIRE(files.replace(path, "new"));
    CHECK(read_all(files, path) == "new");
    CHECK_FALSE(files.exists(path + ".new").value());
  }

  SUBCASE("replacing in a directory that does not exist fails") {
    CHECK(files.replace(fixture.path("no/file"), "x").error().code == errc::not_found);
  }
}

TEST_CASE_TEMPLATE_DEFINE("names behave", Fixture, names_behave) {
  Fixture fixture;
  auto& files = fixture.files();

  SUBCASE("a rename moves the file and takes the place of the target") {
    write_file(files, fixture.path("a"), "new");
    write_file(files, fixture.path("b"), "old");
    REQUIRE(files.rename(fixture.path("a"), fixture.path("b")));
    CHECK(files.list(fixture.directory()).value() == std::vector<std::string>{"b"});
    CHECK(read_all(files, fixture.path("b")) == "new");
  }

  SUBCASE("what does not exist is neither renamed, removed, counted nor listed") {
    const auto absent = fixture.path("absent");
    CHECK(files.rename(absent, fixture.path("b")).error().code == errc::not_found);
    CHECK(files.remove(absent).error().code == errc::not_found);
    CHECK(files.link_count(absent).error().code == errc::not_found);
    CHECK(files.list(absent).error().code == errc::not_found);
    CHECK(files.sync_directory(absent).error().code == errc::not_found);
    CHECK(files.free_bytes(absent).error().code == errc::not_found);
    CHECK(files.lock_directory(absent).error().code == errc::not_found);
    CHECK(files.remove(absent).error().message.find(absent) != std::string::npos);
    CHECK_FALSE(files.exists(absent).value());
  }

  SUBCASE("an open file stays readable after its name is gone") {
    write_file(files, fixture.path("a"), "still here");
    auto opened = files.open(fixture.path("a"), io::access::read);
    REQUIRE(opened);
    REQUIRE(files.remove(fixture.path("a")));
    CHECK_FALSE(files.exists(fixture.path("a")).value());
    std::string bytes(10, '?');
    CHECK((*opened)->read_at(0, bytes).value() == 10);
    CHECK(bytes == "still here");
  }

  SUBCASE("directories are made with their parents, and again without an error") {
    const auto deep = fixture.path("x/y/z");
    REQUIRE(files.make_directories(deep));
    REQUIRE(files.make_directories(deep));
    write_file(files, deep + "/file", "1");
    CHECK(files.list(fixture.directory()).value() == std::vector<std::string>{"x"});
    CHECK(files.list(deep).value() == std::vector<std::string>{"file"});
    CHECK(files.make_directories(deep + "/file/below").error().code == errc::io_failed);
    CHECK(files.sync_directory(deep));
  }

  SUBCASE("a listing is sorted") {
    for (const auto* name : {"b", "c", "a", "B"}) write_file(files, fixture.path(name), "");
    CHECK(files.list(fixture.directory()).value() == std::vector<std::string>{"B", "a", "b", "c"});
  }

  SUBCASE("a file has one link, and the disk some free space") {
    write_file(files, fixture.path("a"), "");
    CHECK(files.link_count(fixture.path("a")).value() == 1);
    CHECK(files.free_bytes(fixture.directory()).value() > 0);
  }

  SUBCASE("a directory is locked by one owner at a time") {
    {
      const auto held = files.lock_directory(fixture.directory());
      REQUIRE(held);
      const auto refused = files.lock_directory(fixture.directory());
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == errc::busy);
      CHECK(refused.error().message.find(fixture.directory()) != std::string::npos);
    }
    CHECK(files.lock_directory(fixture.directory()));
    CHECK(files.exists(fixture.path("LOCK")).value());
  }
}

TEST_CASE_TEMPLATE_INVOKE(files_behave, posix_direct, posix_buffered, posix_tmpfs, simulated);
TEST_CASE_TEMPLATE_INVOKE(commits_behave, posix_direct, posix_buffered, posix_tmpfs, simulated);
TEST_CASE_TEMPLATE_INVOKE(creation_behaves, posix_direct, posix_buffered, posix_tmpfs, simulated);
TEST_CASE_TEMPLATE_INVOKE(names_behave, posix_direct, posix_buffered, posix_tmpfs, simulated);

}  // namespace
}  // namespace troupe::tests
