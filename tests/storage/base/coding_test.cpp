#include "storage/base/coding.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace troupe {
namespace {

using namespace std::string_view_literals;

TEST_CASE("integers are stored least significant byte first") {
  std::string bytes;
  append_le<std::uint32_t>(bytes, 0x01020304);
  append_le<std::uint16_t>(bytes, 0xa0b0);
  append_le<std::int64_t>(bytes, -2);
  CHECK(bytes == "\x04\x03\x02\x01\xb0\xa0\xfe\xff\xff\xff\xff\xff\xff\xff"sv);
}

TEST_CASE("what was stored is loaded, at any address") {
  char bytes[16] = {};
  for (std::size_t offset = 0; offset < 8; ++offset) {
    store_le<std::uint64_t>(bytes + offset, 0x1122334455667788);
    CHECK(load_le<std::uint64_t>(bytes + offset) == 0x1122334455667788);
    store_le<std::int64_t>(bytes + offset, std::numeric_limits<std::int64_t>::min());
    CHECK(load_le<std::int64_t>(bytes + offset) == std::numeric_limits<std::int64_t>::min());
  }
}

TEST_CASE("aligning rounds up to the next multiple and leaves multiples alone") {
  CHECK(align_up(0, 512) == 0);
  CHECK(align_up(1, 512) == 512);
  CHECK(align_up(512, 512) == 512);
  CHECK(align_up(513, 512) == 1024);
  CHECK(align_up((std::uint64_t{1} << 40) + 1, 4096) == (std::uint64_t{1} << 40) + 4096);
}

}  // namespace
}  // namespace troupe
