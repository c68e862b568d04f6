#include "actors/resp/key_commands.hpp"

#include <doctest/doctest.h>

#include "tests/actors/resp/command_harness.hpp"

namespace troupe::tests {
namespace {

TEST_CASE("keys are counted and deleted once per mention") {
  command_harness node;
  node.run({"mset", "a", "1", "b", "2"});
  CHECK(node.run({"exists", "a", "a", "none", "b"}) == integer(3));
  CHECK(node.run({"touch", "a", "none"}) == integer(1));
  CHECK(node.run({"del", "a", "a", "none"}) == integer(1));
  CHECK(node.run({"unlink", "b", "none"}) == integer(1));
  CHECK(node.run({"exists", "a", "b"}) == integer(0));
}

TEST_CASE("TYPE knows strings and nothing") {
  command_harness node;
  node.run({"set", "a", "1"});
  CHECK(node.run({"type", "a"}) == "+string\r\n");
  CHECK(node.run({"type", "none"}) == "+none\r\n");
}

TEST_CASE("OBJECT shows how a value came to be, also where it was moved or copied to") {
  command_harness node;
  const auto encoding = [&](const char* key) { return node.run({"object", "encoding", key}); };
  const auto references = [&](const char* key) { return node.run({"object", "refcount", key}); };
  node.run({"append", "a", "1"});
  CHECK(encoding("a") == bulk("int"));
  CHECK(references("a") == integer(2147483647));
  node.run({"append", "a", "2"});
  CHECK(encoding("a") == bulk("raw"));
  CHECK(references("a") == integer(1));
  node.run({"expire", "a", "100"});
  node.run({"rename", "a", "b"});
  node.run({"copy", "b", "c"});
  CHECK(encoding("b") == bulk("raw"));
  CHECK(encoding("c") == bulk("raw"));
  node.run({"incr", "c"});
  CHECK(encoding("c") == bulk("int"));
  CHECK(references("c") == integer(2147483647));
  node.run({"copy", "c", "d"});
  CHECK(encoding("d") == bulk("int"));
  CHECK(references("d") == integer(1));
  node.run({"setrange", "s", "0", "12"});
  CHECK(encoding("s") == bulk("raw"));
  node.run({"incrbyfloat", "s", "1"});
  CHECK(encoding("s") == bulk("embstr"));
  CHECK(references("s") == integer(1));
  node.run({"set", "s", "10000"});
  CHECK(encoding("s") == bulk("int"));
  CHECK(references("s") == integer(1));
}

TEST_CASE("RENAME takes value and expiry along and replaces the target") {
  command_harness node;
  node.run({"set", "a", "1", "ex", "100"});
  node.run({"set", "b", "2"});
  CHECK(node.run({"rename", "none", "b"}) == error("ERR no such key"));
  CHECK(node.run({"rename", "none", "none"}) == error("ERR no such key"));
  CHECK(node.run({"rename", "a", "b"}) == ok);
  CHECK(node.run({"exists", "a"}) == integer(0));
  CHECK(node.run({"get", "b"}) == bulk("1"));
  CHECK(node.run({"ttl", "b"}) == integer(100));
  CHECK(node.run({"rename", "b", "b"}) == ok);
  CHECK(node.run({"get", "b"}) == bulk("1"));
}

TEST_CASE("RENAMENX moves only to a free name") {
  command_harness node;
  node.run({"mset", "a", "1", "b", "2"});
  CHECK(node.run({"renamenx", "a", "b"}) == integer(0));
  CHECK(node.run({"renamenx", "a", "a"}) == integer(0));
  CHECK(node.run({"renamenx", "none", "a"}) == error("ERR no such key"));
  CHECK(node.run({"renamenx", "a", "c"}) == integer(1));
  CHECK(node.run({"get", "c"}) == bulk("1"));
  CHECK(node.run({"exists", "a"}) == integer(0));
}

TEST_CASE("COPY copies value and expiry and replaces only when told to") {
  command_harness node;
  node.run({"set", "a", "1", "px", "5000"});
  CHECK(node.run({"copy", "a", "b"}) == integer(1));
  CHECK(node.run({"pttl", "b"}) == integer(5000));
  node.run({"set", "a", "2"});
  CHECK(node.run({"copy", "a", "b"}) == integer(0));
  CHECK(node.run({"copy", "a", "b", "db", "0", "REPLACE"}) == integer(1));
  CHECK(node.run({"get", "b"}) == bulk("2"));
  CHECK(node.run({"ttl", "b"}) == integer(-1));
  CHECK(node.run({"copy", "none", "b", "replace"}) == integer(0));
  CHECK(node.run({"copy", "a", "a"}) == error("ERR source and destination objects are the same"));
  CHECK(node.run({"copy", "a", "b", "db", "1"}) == error("ERR DB index is out of range"));
  CHECK(node.run({"copy", "a", "b", "db", "x"}) ==
        error("ERR value is not an integer or out of range"));
  CHECK(node.run({"copy", "a", "b", "foo"}) == error("ERR syntax error"));
  CHECK(node.run({"copy", "a", "b", "db"}) == error("ERR syntax error"));
}

TEST_CASE("OBJECT tells how a string is represented") {
  command_harness node;
  node.run({"set", "n", "123"});
  node.run({"set", "s", std::string(44, 'x')});
  node.run({"set", "l", std::string(45, 'x')});
  CHECK(node.run({"object", "encoding", "n"}) == bulk("int"));
  CHECK(node.run({"object", "encoding", "s"}) == bulk("embstr"));
  CHECK(node.run({"object", "encoding", "l"}) == bulk("raw"));
  CHECK(node.run({"object", "encoding", "none"}) == nil);
  CHECK(node.run({"object", "refcount", "s"}) == integer(1));
  CHECK(node.run({"object", "idletime", "none"}) == nil);
  CHECK(node.run({"object", "idletime", "n"}).starts_with("-ERR Idle time not tracked: "));
  CHECK(node.run({"object", "freq", "none"}) == nil);
  CHECK(node.run({"object", "freq", "n"}).starts_with("-ERR An LFU maxmemory policy is not"));
  CHECK(node.run({"object", "foo", "n"}) ==
        error("ERR unknown subcommand 'foo'. Try OBJECT HELP."));
}

TEST_CASE("MEMORY USAGE counts at least key and value") {
  command_harness node;
  node.run({"set", "k", std::string(1000, 'x')});
  const std::string reply = node.run({"memory", "usage", "k", "samples", "5"});
  REQUIRE(reply.starts_with(":"));
  CHECK(std::stoi(reply.substr(1)) >= 1001);
  CHECK(std::stoi(reply.substr(1)) <= 1200);
  CHECK(node.run({"memory", "usage", "none"}) == nil);
  CHECK(node.run({"memory", "usage", "k", "samples", "-1"}) == error("ERR syntax error"));
  CHECK(node.run({"memory", "usage", "k", "samples"}) == error("ERR syntax error"));
  CHECK(node.run({"memory", "usage", "k", "foo", "1"}) == error("ERR syntax error"));
}

}  // namespace
}  // namespace troupe::tests
