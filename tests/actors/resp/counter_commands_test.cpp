#include "actors/resp/counter_commands.hpp"

#include <doctest/doctest.h>

#include "tests/actors/resp/command_harness.hpp"

namespace troupe::tests {
namespace {

TEST_CASE("integer counters start at zero and keep their expiry") {
  command_harness node;
  CHECK(node.run({"incr", "n"}) == integer(1));
  node.run({"expire", "n", "100"});
  CHECK(node.run({"incrby", "n", "41"}) == integer(42));
  CHECK(node.run({"decr", "n"}) == integer(41));
  CHECK(node.run({"decrby", "n", "-9"}) == integer(50));
  CHECK(node.run({"ttl", "n"}) == integer(100));
  CHECK(node.run({"get", "n"}) == bulk("50"));
}

TEST_CASE("integer counters refuse what is no integer and what overflows") {
  command_harness node;
  const auto not_integer = error("ERR value is not an integer or out of range");
  const auto overflow = error("ERR increment or decrement would overflow");
  node.run({"set", "s", "abc"});
  CHECK(node.run({"incr", "s"}) == not_integer);
  CHECK(node.run({"incrby", "n", "1.5"}) == not_integer);
  CHECK(node.run({"exists", "n"}) == integer(0));
  node.run({"set", "max", "9223372036854775807"});
  CHECK(node.run({"incr", "max"}) == overflow);
  node.run({"set", "min", "-9223372036854775808"});
  CHECK(node.run({"decr", "min"}) == overflow);
  CHECK(node.run({"decrby", "n", "-9223372036854775808"}) == error("ERR decrement would overflow"));
  CHECK(node.run({"get", "max"}) == bulk("9223372036854775807"));
}

TEST_CASE("INCRBYFLOAT prints as Redis prints and keeps the expiry") {
  command_harness node;
  node.run({"set", "f", "10.50", "ex", "100"});
  CHECK(node.run({"incrbyfloat", "f", "0.1"}) == bulk("10.6"));
  CHECK(node.run({"incrbyfloat", "f", "-5"}) == bulk("5.6"));
  CHECK(node.run({"ttl", "f"}) == integer(100));
  node.run({"set", "f", "5.0e3"});
  CHECK(node.run({"incrbyfloat", "f", "2.0e2"}) == bulk("5200"));
  CHECK(node.run({"get", "f"}) == bulk("5200"));
  CHECK(node.run({"incrbyfloat", "new", "3.0"}) == bulk("3"));
  CHECK(node.run({"incrbyfloat", "new", "-3"}) == bulk("0"));
}

TEST_CASE("INCRBYFLOAT refuses what is no number and what has no finite result") {
  command_harness node;
  const auto not_float = error("ERR value is not a valid float");
  node.run({"set", "s", "abc"});
  CHECK(node.run({"incrbyfloat", "s", "1"}) == not_float);
  CHECK(node.run({"incrbyfloat", "f", "x"}) == not_float);
  CHECK(node.run({"incrbyfloat", "f", "nan"}) == not_float);
  CHECK(node.run({"incrbyfloat", "f", "inf"}) ==
        error("ERR increment would produce NaN or Infinity"));
  CHECK(node.run({"exists", "f"}) == integer(0));
}

}  // namespace
}  // namespace troupe::tests
