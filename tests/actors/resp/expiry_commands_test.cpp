#include "actors/resp/expiry_commands.hpp"

#include <doctest/doctest.h>

#include "tests/actors/resp/command_harness.hpp"

namespace troupe::tests {
namespace {

TEST_CASE("time left is told in both units and in both ways") {
  command_harness node;
  CHECK(node.run({"ttl", "k"}) == integer(-2));
  CHECK(node.run({"pexpiretime", "k"}) == integer(-2));
  node.run({"set", "k", "v"});
  CHECK(node.run({"pttl", "k"}) == integer(-1));
  CHECK(node.run({"expiretime", "k"}) == integer(-1));
  CHECK(node.run({"pexpire", "k", "1500"}) == integer(1));
  CHECK(node.run({"ttl", "k"}) == integer(2));
  CHECK(node.run({"pexpire", "k", "1499"}) == integer(1));
  CHECK(node.run({"ttl", "k"}) == integer(1));
  CHECK(node.run({"pexpiretime", "k"}) == integer(node.time.now_ms + 1499));
  CHECK(node.run({"expireat", "k", std::to_string(node.time.now_ms / 1000 + 9)}) == integer(1));
  CHECK(node.run({"ttl", "k"}) == integer(9));
  CHECK(node.run({"pexpireat", "k", std::to_string(node.time.now_ms + 1)}) == integer(1));
  node.time.now_ms += 1;  // the deadline itself still belongs to the key's life
  CHECK(node.run({"get", "k"}) == bulk("v"));
  CHECK(node.run({"ttl", "k"}) == integer(0));
  node.time.now_ms += 1;
  CHECK(node.run({"get", "k"}) == nil);
  CHECK(node.run({"ttl", "k"}) == integer(-2));
}

TEST_CASE("a deadline in the past deletes at once") {
  command_harness node;
  for (const std::vector<std::string>& command : {std::vector<std::string>{"expire", "k", "0"},
                                                  {"expire", "k", "-1"},
                                                  {"pexpire", "k", "-9223372036854775808"},
                                                  {"expireat", "k", "1"},
                                                  {"pexpireat", "k", "-5"}}) {
    node.run({"set", "k", "v"});
    CHECK(node.run(command) == integer(1));
    CHECK(node.run({"exists", "k"}) == integer(0));
    CHECK(node.run(command) == integer(0));
  }
}

TEST_CASE("conditions compare the new deadline with the present one") {
  command_harness node;
  const auto expire = [&](const char* seconds, const char* condition) {
    return node.run({"expire", "k", seconds, condition});
  };
  node.run({"set", "k", "v"});
  CHECK(expire("10", "XX") == integer(0));
  CHECK(expire("10", "gt") == integer(0));  // no deadline counts as infinitely late
  CHECK(expire("10", "lt") == integer(1));
  CHECK(expire("20", "nx") == integer(0));
  CHECK(expire("20", "lt") == integer(0));
  CHECK(expire("10", "lt") == integer(0));
  CHECK(expire("10", "gt") == integer(0));
  CHECK(expire("20", "gt") == integer(1));
  CHECK(expire("5", "xx") == integer(1));
  CHECK(node.run({"expire", "k", "3", "xx", "lt"}) == integer(1));
  CHECK(node.run({"persist", "k"}) == integer(1));
  CHECK(node.run({"persist", "k"}) == integer(0));
  CHECK(node.run({"persist", "none"}) == integer(0));
  CHECK(expire("10", "nx") == integer(1));
  CHECK(node.run({"ttl", "k"}) == integer(10));
}

TEST_CASE("wrong options and amounts are refused in Redis' words") {
  command_harness node;
  node.run({"set", "k", "v"});
  CHECK(node.run({"expire", "k", "1", "foo"}) == error("ERR Unsupported option foo"));
  CHECK(node.run({"expire", "k", "1", "nx", "gt"}) ==
        error("ERR NX and XX, GT or LT options at the same time are not compatible"));
  CHECK(node.run({"expire", "k", "1", "gt", "lt"}) ==
        error("ERR GT and LT options at the same time are not compatible"));
  CHECK(node.run({"expire", "k", "x"}) == error("ERR value is not an integer or out of range"));
  const auto invalid = [](const std::string& name) {
    return error("ERR invalid expire time in '" + name + "' command");
  };
  CHECK(node.run({"expire", "k", "9223372036854775807"}) == invalid("expire"));
  CHECK(node.run({"expire", "k", "-9223372036854775808"}) == invalid("expire"));
  CHECK(node.run({"pexpire", "k", "9223372036854775807"}) == invalid("pexpire"));
  CHECK(node.run({"expireat", "none", "9223372036854775807"}) == invalid("expireat"));
  CHECK(node.run({"pexpireat", "k", "9223372036854775807"}) == integer(1));
  CHECK(node.run({"expiretime", "k"}) == integer(9223372036854776));
}

}  // namespace
}  // namespace troupe::tests
