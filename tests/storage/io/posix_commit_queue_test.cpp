// The commit queue of the operating system, on real files.
#include "storage/io/posix_commit_queue.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>

#include "storage/io/aligned_buffer.hpp"
#include "storage/io/posix_file_system.hpp"
#include "tests/support/temporary_directory.hpp"

namespace troupe::io {
namespace {

constexpr std::uint64_t file_bytes = 64 * 1024;
constexpr std::size_t block_bytes = 4096;

// A file of zeros and a queue for it; no queue where the kernel or the directory refuses.
struct queued_file {
  tests::temporary_directory directory;
  std::unique_ptr<file_system> files = make_posix_file_system();
  std::string path = directory.path("f");
  std::unique_ptr<file> opened;
  aligned_buffer block{block_bytes};
  std::unique_ptr<commit_queue> queue;  // first to go: it may still read the block

  queued_file() {
    REQUIRE(files->create_zeroed(path, file_bytes));
    auto made = files->make_commit_queue(path);
    if (!made) {
      CHECK(made.error().code == errc::refused);
      MESSAGE("skipped: " << made.error().message);
      return;
    }
    queue = std::move(*made);
    auto file = files->open(path, access::commit);
    REQUIRE(file);
    opened = std::move(*file);
  }

  void fill(char with) {
    block.clear();
    block.append(std::string(block_bytes, with));
  }
  result<void> finish() {
    pollfd readable{queue->descriptor(), POLLIN, 0};
    for (;;) {
      REQUIRE(::poll(&readable, 1, -1) == 1);
      if (auto ended = queue->finished()) return *ended;
    }
  }
  std::string read(std::uint64_t offset) {
    std::string bytes(block_bytes, '?');
    const auto got = opened->read_at(offset, bytes);
    REQUIRE(got);
    REQUIRE(*got == block_bytes);
    return bytes;
  }
};

TEST_CASE("a commit that was begun ends, is told once and is in the file") {
  queued_file at;
  if (!at.queue) return;
  CHECK_FALSE(at.queue->finished());
  for (std::uint64_t i = 0; i < 8; ++i) {
    at.fill(static_cast<char>('a' + i));
    REQUIRE(at.queue->begin(*at.opened, i * block_bytes, at.block.view()));
    CHECK(at.finish());
    CHECK_FALSE(at.queue->finished());
  }
  for (std::uint64_t i = 0; i < 8; ++i) {
    CHECK(at.read(i * block_bytes) == std::string(block_bytes, static_cast<char>('a' + i)));
  }
}

TEST_CASE("a queue that goes waits for the commit under way") {
  queued_file at;
  if (!at.queue) return;
  at.fill('z');
  REQUIRE(at.queue->begin(*at.opened, block_bytes, at.block.view()));
  at.queue.reset();
  at.fill('!');
  CHECK(at.read(block_bytes) == std::string(block_bytes, 'z'));
}

TEST_CASE("a commit beyond the end of a file that was cut is not begun") {
  queued_file at;
  if (!at.queue) return;
  REQUIRE(::truncate(at.path.c_str(), block_bytes) == 0);
  at.fill('a');
  const auto begun = at.queue->begin(*at.opened, block_bytes, at.block.view());
  REQUIRE_FALSE(begun);
  CHECK(begun.error().code == errc::io_failed);
  CHECK_FALSE(at.queue->finished());
}

TEST_CASE("where files are not written directly there is no commit queue") {
  const tests::temporary_directory directory;
  const auto files = make_posix_file_system(direct_io::never);
  REQUIRE(files->create_zeroed(directory.path("f"), file_bytes));
  const auto made = files->make_commit_queue(directory.path("f"));
  REQUIRE_FALSE(made);
  CHECK(made.error().code == errc::refused);
}

TEST_CASE("a file that is not written directly is refused by a queue for others") {
  queued_file at;
  if (!at.queue) return;
  const auto buffered = make_posix_file_system(direct_io::never)->open(at.path, access::commit);
  REQUIRE(buffered);
  at.fill('a');
  const auto begun = at.queue->begin(**buffered, 0, at.block.view());
  REQUIRE_FALSE(begun);
  CHECK(begun.error().code == errc::refused);
}

}  // namespace
}  // namespace troupe::io
