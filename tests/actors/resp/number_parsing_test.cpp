#include "actors/resp/number_parsing.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

namespace troupe::resp {
namespace {

TEST_CASE("integers are read in their canonical form only") {
  CHECK(parse_integer("0") == 0);
  CHECK(parse_integer("-1") == -1);
  CHECK(parse_integer("9223372036854775807") == INT64_MAX);
  CHECK(parse_integer("-9223372036854775808") == INT64_MIN);
  for (const char* text : {"", "-", "+1", "01", "-0", "-01", "1 ", " 1", "1.0", "0x1", "a",
                           "9223372036854775808", "-9223372036854775809", "99999999999999999999"}) {
    CHECK_MESSAGE(!parse_integer(text), text);
  }
}

TEST_CASE("amounts of memory take the units of Redis' configuration") {
  CHECK(parse_memory("5") == 5);
  CHECK(parse_memory("5b") == 5);
  CHECK(parse_memory("5k") == 5000);
  CHECK(parse_memory("5KB") == 5120);
  CHECK(parse_memory("2m") == 2'000'000);
  CHECK(parse_memory("2Mb") == 2 << 20);
  CHECK(parse_memory("3g") == 3'000'000'000);
  CHECK(parse_memory("3gb") == 3ull << 30);
  for (const char* text : {"", "kb", "-1", "+1", " 1", "1 kb", "1x", "1.5mb", "1%", "1tb",
                           "18446744073709551616", "18446744073709551615kb"}) {
    CHECK_MESSAGE(!parse_memory(text), text);
  }
}

TEST_CASE("long doubles are read like strtold reads them") {
  CHECK(parse_long_double("3.5") == 3.5L);
  CHECK(parse_long_double("-5.0e3") == -5000.0L);
  CHECK(parse_long_double("0x10") == 16.0L);
  CHECK(parse_long_double("inf").has_value());
  for (const char* text : {"", " 1", "1 ", "abc", "nan", "1e99999", "1e-99999", "1,5"}) {
    CHECK_MESSAGE(!parse_long_double(text), text);
  }
  CHECK(!parse_long_double(std::string(6000, '1')));
  CHECK(!parse_long_double(std::string("1\0", 2)));
}

TEST_CASE("long doubles are printed without exponent and trailing zeros") {
  CHECK(format_long_double(10.6L) == "10.6");
  CHECK(format_long_double(5200.0L) == "5200");
  CHECK(format_long_double(-0.0L) == "0");
  CHECK(format_long_double(3.0L) == "3");
  CHECK(format_long_double(0.1L + 0.2L) == "0.3");
  CHECK(format_long_double(1e20L) == "100000000000000000000");
}

TEST_CASE("cursors are read like strtoul reads them") {
  CHECK(parse_cursor("0") == 0);
  CHECK(parse_cursor("") == 0);
  CHECK(parse_cursor("18446744073709551615") == UINT64_MAX);
  CHECK(parse_cursor("-1") == UINT64_MAX);
  CHECK(!parse_cursor("18446744073709551616"));
  CHECK(!parse_cursor("1x"));
  CHECK(!parse_cursor(" 1"));
  CHECK(!parse_cursor("x"));
}

TEST_CASE("integers are printed in place") {
  CHECK(integer_text(0).view() == "0");
  CHECK(integer_text(INT64_MIN).view() == "-9223372036854775808");
}

TEST_CASE("words are compared without regard to case") {
  CHECK(equals_ignoring_case("KeepTTL", "keepttl"));
  CHECK(!equals_ignoring_case("keepttl2", "keepttl"));
  CHECK(!equals_ignoring_case("", "x"));
}

}  // namespace
}  // namespace troupe::resp
