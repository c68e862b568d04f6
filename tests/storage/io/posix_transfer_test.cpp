#include "storage/io/posix_transfer.hpp"

#include <doctest/doctest.h>
#include <sys/types.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <string>
#include <string_view>

namespace troupe::io {
namespace {

/// A system call that does what the script says: a byte count at most, or minus an errno. After the
/// script it does all that is asked.
struct scripted_call {
  std::deque<ssize_t> script;
  std::string content;
  int calls = 0;

  ssize_t next(std::size_t wanted) {
    ++calls;
    if (script.empty()) return static_cast<ssize_t>(wanted);
    const auto outcome = script.front();
    script.pop_front();
    if (outcome >= 0) return std::min(outcome, static_cast<ssize_t>(wanted));
    errno = static_cast<int>(-outcome);
    return -1;
  }
  ssize_t write(const char* data, std::size_t size, std::uint64_t offset) {
    const auto count = next(size);
    if (count <= 0) return count;
    const auto end = offset + static_cast<std::size_t>(count);
    content.resize(std::max<std::size_t>(content.size(), end));
    std::copy_n(data, count, content.begin() + static_cast<std::ptrdiff_t>(offset));
    return count;
  }
  ssize_t read(char* data, std::size_t size, std::uint64_t offset) {
    const auto available = offset < content.size() ? content.size() - offset : 0;
    const auto count = next(std::min<std::size_t>(size, available));
    if (count > 0) std::copy_n(content.data() + offset, count, data);
    return count;
  }
};

result<void> write(scripted_call& call, std::string_view bytes, std::uint64_t step) {
  return write_fully("/d/f", 0, bytes, step,
                     [&](const char* data, std::size_t size, std::uint64_t at) {
                       return call.write(data, size, at);
                     });
}

result<std::size_t> read(scripted_call& call, std::span<char> into) {
  return read_fully("/d/f", 0, into, [&](char* data, std::size_t size, std::uint64_t at) {
    return call.read(data, size, at);
  });
}

TEST_CASE("interrupted and short writes go on until all is written") {
  scripted_call call{{-EINTR, 3, 1, -EINTR, -EINTR, 2}, {}};
  REQUIRE(write(call, "0123456789", 1));
  CHECK(call.content == "0123456789");
  CHECK(call.calls == 7);
}

TEST_CASE("a short direct write goes on from the last whole step") {
  scripted_call call{{700}, {}};
  const auto bytes = std::string(512, 'a') + std::string(512, 'b');
  REQUIRE(write(call, bytes, 512));
  CHECK(call.content == bytes);
  CHECK(call.calls == 2);
}

TEST_CASE("a write error names the path, the offset reached and the cause") {
  scripted_call call{{4, -ENOSPC}, {}};
  const auto outcome = write(call, "0123456789", 1);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::no_space);
  CHECK(outcome.error().message == "cannot write /d/f at 4: No space left on device");
}

TEST_CASE("a write that makes no progress fails instead of spinning") {
  scripted_call nothing{{0}, {}};
  CHECK(write(nothing, "x", 1).error().code == errc::io_failed);
  scripted_call less_than_a_step{{100}, {}};
  CHECK(write(less_than_a_step, std::string(512, 'a'), 512).error().code == errc::io_failed);
}

TEST_CASE("interrupted and short reads go on until the buffer is full or the file ends") {
  scripted_call call{{-EINTR, 2, 1, -EINTR}, "0123456789"};
  std::string bytes(6, '?');
  CHECK(read(call, bytes).value() == 6);
  CHECK(bytes == "012345");
  std::string more(20, '?');
  CHECK(read(call, more).value() == 10);
}

TEST_CASE("a read error names the path, the offset reached and the cause") {
  scripted_call call{{5, -EIO}, "0123456789"};
  std::string bytes(8, '?');
  const auto outcome = read(call, bytes);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::io_failed);
  CHECK(outcome.error().message == "cannot read /d/f at 5: Input/output error");
}

}  // namespace
}  // namespace troupe::io
