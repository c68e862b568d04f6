#include "tools/quantity.hpp"

#include <doctest/doctest.h>

namespace troupe::tests {

using tools::parse_bytes;
using tools::parse_count;

TEST_CASE("sizes are powers of 1024 or of 1000 by their unit, in any case") {
  CHECK(*parse_bytes("4096") == 4096);
  CHECK(*parse_bytes("0") == 0);
  CHECK(*parse_bytes("512MiB") == 512ull << 20);
  CHECK(*parse_bytes("2gib") == 2ull << 30);
  CHECK(*parse_bytes("4GB") == 4'000'000'000);
  CHECK(*parse_bytes("7b") == 7);
}

TEST_CASE("what is not a size is refused by its text") {
  for (const auto* text : {"", "MiB", "-1", "1.5GiB", "1 GiB", "12parsecs", "0x10", "1M"}) {
    CAPTURE(text);
    const auto size = parse_bytes(text);
    REQUIRE_FALSE(size);
    CHECK(size.error().code == errc::refused);
    CHECK(size.error().message.find(text) != std::string::npos);
  }
}

TEST_CASE("a size beyond 64 bits is too large, not something smaller") {
  CHECK(*parse_bytes("18446744073709551615") == UINT64_MAX);
  CHECK(parse_bytes("18446744073709551616").error().message.ends_with("too large"));
  CHECK(parse_bytes("16777216TiB").error().message.ends_with("too large"));
  CHECK(parse_bytes("99999999999999999999KiB").error().message.ends_with("too large"));
}

TEST_CASE("counts are whole 32-bit numbers") {
  CHECK(*parse_count("0") == 0);
  CHECK(*parse_count("4294967295") == UINT32_MAX);
  CHECK_FALSE(parse_count("4294967296"));
  CHECK_FALSE(parse_count("-1"));
  CHECK_FALSE(parse_count("3x"));
  CHECK_FALSE(parse_count(""));
}

}  // namespace troupe::tests
