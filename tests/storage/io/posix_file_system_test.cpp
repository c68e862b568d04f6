// What only the operating system's files do.
#include "storage/io/posix_file_system.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "storage/io/aligned_buffer.hpp"
#include "storage/io/posix_direct.hpp"
#include "tests/support/temporary_directory.hpp"

namespace troupe::io {
namespace {

/// Files of this process cannot grow beyond `bytes` while it lives.
class file_size_limit {
 public:
  explicit file_size_limit(rlim_t bytes) {
    REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit lower{bytes, before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_FSIZE, &lower) == 0);
  }
  ~file_size_limit() {
    static_cast<void>(::setrlimit(RLIMIT_FSIZE, &before_));
    static_cast<void>(std::signal(SIGXFSZ, handler_));
  }
  file_size_limit(const file_size_limit&) = delete;
  file_size_limit& operator=(const file_size_limit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

TEST_CASE("without direct I/O a commit file says that it is buffered") {
  const tests::temporary_directory directory;
  const auto files = make_posix_file_system(direct_io::never);
  REQUIRE(files->create_zeroed(directory.path("f"), 4096));
  auto opened = files->open(directory.path("f"), access::commit);
  REQUIRE(opened);
  CHECK_FALSE((*opened)->direct());
  CHECK((*opened)->alignment() == 512);
}

TEST_CASE("trial reads find a step that the file system's own answer allows") {
  const tests::temporary_directory directory;
  const auto path = directory.path("f");
  REQUIRE(make_posix_file_system()->create_zeroed(path, 16'384));
  const auto direct = open_direct(path, O_RDWR);
  REQUIRE(direct);
  if (!*direct) {
    MESSAGE("no direct I/O under ", directory.path());
    return;
  }
  CHECK(try_direct_alignment((*direct)->descriptor) == (*direct)->alignment);
}

TEST_CASE("a full device is no_space") {
  const auto files = make_posix_file_system();
  auto full = files->open("/dev/full", access::write);
  REQUIRE(full);
  const auto outcome = (*full)->write_at(0, "x");
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::no_space);
  CHECK(outcome.error().message.find("/dev/full") != std::string::npos);
}

TEST_CASE("a creation that fails half-way leaves no file, a failed replacement the old one") {
  const tests::temporary_directory directory;
  const auto files = make_posix_file_system();
  REQUIRE(files->replace(directory.path("state"), "old"));
  {
    const file_size_limit limit(64 * 1024);
    const auto created = files->create_zeroed(directory.path("segment"), 1 << 20);
    REQUIRE_FALSE(created);
    CHECK(created.error().message.find(directory.path("segment")) != std::string::npos);
    CHECK_FALSE(files->replace(directory.path("state"), std::string(100'000, 'n')));
  }
  CHECK(files->list(directory.path()).value() == std::vector<std::string>{"state"});
  std::string bytes(8, '?');
  CHECK(files->open(directory.path("state"), access::read).value()->read_at(0, bytes).value() == 3);
  CHECK(bytes.starts_with("old"));
}

TEST_CASE("a created file has all its blocks, so that commits allocate nothing") {
  const tests::temporary_directory directory;
  const auto path = directory.path("segment");
  REQUIRE(make_posix_file_system()->create_zeroed(path, 8 << 20));
  struct ::stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK(status.st_blocks * 512 >= 8 << 20);
}

TEST_CASE("a commit to a file that somebody cut short fails and does not grow it") {
  const tests::temporary_directory directory;
  const auto path = directory.path("segment");
  const auto files = make_posix_file_system();
  REQUIRE(files->create_zeroed(path, 64 * 1024));
  auto opened = files->open(path, access::commit);
  REQUIRE(opened);
  std::filesystem::resize_file(path, 8192);
  aligned_buffer block(4096);
  block.resize(4096);
  CHECK((*opened)->commit_at(8192, block.view()).error().code == errc::io_failed);
  CHECK(std::filesystem::file_size(path) == 8192);
}

TEST_CASE("a second link to a file is counted") {
  const tests::temporary_directory directory;
  const auto files = make_posix_file_system();
  REQUIRE(files->create_zeroed(directory.path("a"), 512));
  std::filesystem::create_hard_link(directory.path("a"), directory.path("b"));
  CHECK(files->link_count(directory.path("a")).value() == 2);
}

TEST_CASE("opening a directory for writing is an error that names it") {
  const tests::temporary_directory directory;
  const auto files = make_posix_file_system();
  const auto outcome = files->open(directory.path(), access::write);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message.find(directory.path()) != std::string::npos);
}

TEST_CASE("a lock names the process that holds it and dies with it") {
  const tests::temporary_directory directory;
  const auto files = make_posix_file_system();
  std::array<int, 2> ready{};
  REQUIRE(::pipe(ready.data()) == 0);
  const auto child = ::fork();
  if (child == 0) {
    const auto held = make_posix_file_system()->lock_directory(directory.path());
    const char outcome = held ? 'y' : 'n';
    static_cast<void>(::write(ready[1], &outcome, 1) + 1);
    for (;;) ::pause();
  }
  char outcome = '?';
  REQUIRE(::read(ready[0], &outcome, 1) == 1);
  REQUIRE(outcome == 'y');
  const auto refused = files->lock_directory(directory.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::busy);
  CHECK(refused.error().message.find("process " + std::to_string(child)) != std::string::npos);
  REQUIRE(::kill(child, SIGKILL) == 0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  CHECK(files->lock_directory(directory.path()));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_CASE("a lock file without a readable process id still makes a sentence") {
  const tests::temporary_directory directory;
  const auto files = make_posix_file_system();
  const auto held = files->lock_directory(directory.path());
  REQUIRE(held);
  std::ofstream(directory.path("LOCK")) << "nonsense";
  const auto refused = files->lock_directory(directory.path());
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message.find("in use by another process") != std::string::npos);
}

}  // namespace
}  // namespace troupe::io
