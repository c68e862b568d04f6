// The commit queue of the operating system, on real files.
#include "storage/io/posix_commit_queue.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
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
  aligned_buffer block{2 * block_bytes};
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

// While it lives, this process cannot write files beyond so many bytes: a write across that is
// short, one behind it fails.
class file_size_limit {
 public:
  explicit file_size_limit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit lowered{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &lowered) == 0);
  }
  ~file_size_limit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
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

TEST_CASE("a short write goes on where it ended, and only then the commit has") {
  queued_file at;
  if (!at.queue) return;
  at.block.clear();
  at.block.append(std::string(block_bytes, 'a') + std::string(block_bytes, 'b'));
  {
    const file_size_limit limit(block_bytes);
    REQUIRE(at.queue->begin(*at.opened, 0, at.block.view()));
    pollfd readable{at.queue->descriptor(), POLLIN, 0};
    REQUIRE(::poll(&readable, 1, -1) == 1);
  }
  CHECK(at.finish());
  CHECK_FALSE(at.queue->finished());
  CHECK(at.read(0) == std::string(block_bytes, 'a'));
  CHECK(at.read(block_bytes) == std::string(block_bytes, 'b'));
}

TEST_CASE("the rest of a short write that fails fails the commit") {
  queued_file at;
  if (!at.queue) return;
  const file_size_limit limit(block_bytes);
  at.block.clear();
  at.block.append(std::string(2 * block_bytes, 'a'));
  REQUIRE(at.queue->begin(*at.opened, 0, at.block.view()));
  const auto ended = at.finish();
  REQUIRE_FALSE(ended);
  CHECK(ended.error().code == errc::io_failed);
  CHECK(ended.error().message.find("at 4096") != std::string::npos);
  CHECK_FALSE(at.queue->finished());
}

TEST_CASE("a queue that goes ends what a short write left") {
  queued_file at;
  if (!at.queue) return;
  const file_size_limit limit(block_bytes);
  at.block.clear();
  at.block.append(std::string(2 * block_bytes, 'a'));
  REQUIRE(at.queue->begin(*at.opened, 0, at.block.view()));
  at.queue.reset();
  CHECK(at.read(0) == std::string(block_bytes, 'a'));
}

TEST_CASE("a write that the kernel does not take is a failed commit, and nothing is under way") {
  queued_file at;
  if (!at.queue) return;
  at.fill('a');
  // The ring's place is taken by something that is no ring.
  const int other = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  REQUIRE(other >= 0);
  REQUIRE(::dup2(other, at.queue->descriptor()) >= 0);
  ::close(other);
  const auto begun = at.queue->begin(*at.opened, 0, at.block.view());
  REQUIRE_FALSE(begun);
  CHECK(begun.error().message.find(at.path) != std::string::npos);
  CHECK_FALSE(at.queue->finished());
  at.queue.reset();
  CHECK(at.read(0) == std::string(block_bytes, '\0'));
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
