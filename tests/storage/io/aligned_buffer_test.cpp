#include "storage/io/aligned_buffer.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <string>

namespace troupe::io {
namespace {

bool aligned(aligned_buffer& buffer) {
  return reinterpret_cast<std::uintptr_t>(buffer.data()) % aligned_buffer::alignment == 0;
}

TEST_CASE("a buffer stays aligned and keeps its bytes while it grows") {
  aligned_buffer buffer;
  std::string expected;
  for (int round = 0; round < 300; ++round) {
    const std::string piece(static_cast<std::size_t>(round), static_cast<char>('a' + round % 26));
    buffer.append(piece);
    expected += piece;
    CHECK(aligned(buffer));
    CHECK(buffer.capacity() >= buffer.size());
  }
  CHECK(buffer.view() == expected);
}

TEST_CASE("a cleared buffer keeps its memory") {
  aligned_buffer buffer(10'000);
  buffer.append(std::string(9'000, 'x'));
  const auto* memory = buffer.data();
  const auto capacity = buffer.capacity();
  buffer.clear();
  CHECK(buffer.view().empty());
  buffer.append(std::string(10'000, 'y'));
  CHECK(buffer.data() == memory);
  CHECK(buffer.capacity() == capacity);
}

TEST_CASE("new bytes are zero, though the memory held others before") {
  aligned_buffer buffer;
  buffer.append(std::string(5'000, 'x'));
  buffer.resize(10);
  buffer.resize(5'000);
  CHECK(buffer.view() == std::string(10, 'x') + std::string(4'990, '\0'));
  std::ranges::fill(buffer.bytes(), 'z');
  CHECK(buffer.view() == std::string(5'000, 'z'));
}

TEST_CASE("padding fills up to the next multiple with zeros") {
  aligned_buffer buffer;
  buffer.pad_to(512);
  CHECK(buffer.size() == 0);
  buffer.append("frame");
  buffer.pad_to(512);
  CHECK(buffer.view() == "frame" + std::string(507, '\0'));
  buffer.pad_to(512);
  CHECK(buffer.size() == 512);
  buffer.pad_to(4096);
  CHECK(buffer.size() == 4096);
}

}  // namespace
}  // namespace troupe::io
