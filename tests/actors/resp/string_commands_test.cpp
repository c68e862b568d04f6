#include "actors/resp/string_commands.hpp"

#include <doctest/doctest.h>

#include "tests/actors/resp/command_harness.hpp"

namespace troupe::tests {
namespace {

constexpr const char* syntax_error = "-ERR syntax error\r\n";
constexpr const char* not_integer = "-ERR value is not an integer or out of range\r\n";
constexpr auto resp3 = resp::protocol::resp3;

TEST_CASE("a stored string comes back, whatever its bytes") {
  command_harness node;
  CHECK(node.run({"SET", "k", "v"}) == ok);
  CHECK(node.run({"get", "k"}) == bulk("v"));
  const std::string binary("a\0\r\nb", 5);
  CHECK(node.run({"set", binary, binary}) == ok);
  CHECK(node.run({"get", binary}) == bulk(binary));
  CHECK(node.run({"set", "", ""}) == ok);
  CHECK(node.run({"get", ""}) == bulk(""));
  CHECK(node.run({"get", "none"}) == nil);
  CHECK(node.run({"get", "none"}, resp3) == "_\r\n");
}

TEST_CASE("SET obeys NX and XX and replies nil when it does not store") {
  command_harness node;
  CHECK(node.run({"set", "k", "1", "xx"}) == nil);
  CHECK(node.run({"set", "k", "1", "NX"}) == ok);
  CHECK(node.run({"set", "k", "2", "nx"}) == nil);
  CHECK(node.run({"set", "k", "2", "nx"}, resp3) == "_\r\n");
  CHECK(node.run({"set", "k", "3", "XX"}) == ok);
  CHECK(node.run({"get", "k"}) == bulk("3"));
}

TEST_CASE("SET GET replies the old value, also when a condition refuses") {
  command_harness node;
  CHECK(node.run({"set", "k", "1", "get"}) == nil);
  CHECK(node.run({"set", "k", "2", "GET"}) == bulk("1"));
  CHECK(node.run({"set", "k", "3", "nx", "get"}) == bulk("2"));
  CHECK(node.run({"get", "k"}) == bulk("2"));
  CHECK(node.run({"set", "new", "3", "xx", "get"}) == nil);
  CHECK(node.run({"exists", "new"}) == integer(0));
}

TEST_CASE("SET sets, keeps or drops the expiry as its options say") {
  command_harness node;
  node.run({"set", "k", "1", "ex", "100"});
  CHECK(node.run({"ttl", "k"}) == integer(100));
  node.run({"set", "k", "2", "keepttl"});
  CHECK(node.run({"ttl", "k"}) == integer(100));
  node.run({"set", "k", "2", "px", "1500"});
  CHECK(node.run({"pttl", "k"}) == integer(1500));
  node.run({"set", "k", "2", "pxat", std::to_string(node.time.now_ms + 77)});
  CHECK(node.run({"pttl", "k"}) == integer(77));
  node.run({"set", "k", "2", "exat", std::to_string(node.time.now_ms / 1000 + 5)});
  CHECK(node.run({"expiretime", "k"}) == integer(node.time.now_ms / 1000 + 5));
  node.run({"set", "k", "2"});
  CHECK(node.run({"ttl", "k"}) == integer(-1));
  CHECK(node.run({"set", "k", "2", "exat", "1"}) == ok);
  CHECK(node.run({"get", "k"}) == nil);
}

TEST_CASE("contradicting or unknown options of SET are a syntax error") {
  command_harness node;
  using words = std::vector<std::string>;
  for (const words& options :
       {words{"nx", "xx"}, words{"ex", "1", "px", "1"}, words{"ex", "1", "keepttl"},
        words{"keepttl", "pxat", "1"}, words{"ex"}, words{"foo"}, words{"persist"},
        words{"exat", "1", "ex", "1"}}) {
    words command{"set", "k", "v"};
    command.insert(command.end(), options.begin(), options.end());
    CHECK(node.run(command) == syntax_error);
  }
  CHECK(node.run({"set", "k", "v", "nx", "nx", "ex", "1", "ex", "2", "get"}) == nil);
  CHECK(node.run({"ttl", "k"}) == integer(2));
}

TEST_CASE("expiry amounts must be positive and must not overflow") {
  command_harness node;
  const auto invalid = [](const std::string& name) {
    return error("ERR invalid expire time in '" + name + "' command");
  };
  for (const char* option : {"ex", "px", "exat", "pxat"}) {
    CHECK(node.run({"set", "k", "v", option, "0"}) == invalid("set"));
    CHECK(node.run({"set", "k", "v", option, "-1"}) == invalid("set"));
    CHECK(node.run({"set", "k", "v", option, "x"}) == not_integer);
  }
  CHECK(node.run({"set", "k", "v", "ex", "9223372036854775807"}) == invalid("set"));
  CHECK(node.run({"set", "k", "v", "px", "9223372036854775807"}) == invalid("set"));
  CHECK(node.run({"set", "k", "v", "exat", "9223372036854775"}) == ok);
  CHECK(node.run({"setex", "k", "0", "v"}) == invalid("setex"));
  CHECK(node.run({"psetex", "k", "-5", "v"}) == invalid("psetex"));
  CHECK(node.run({"setex", "k", "1.5", "v"}) == not_integer);
  CHECK(node.run({"setex", "k", "10", "v"}) == ok);
  CHECK(node.run({"ttl", "k"}) == integer(10));
  CHECK(node.run({"psetex", "k", "10", "v"}) == ok);
  CHECK(node.run({"pttl", "k"}) == integer(10));
}

TEST_CASE("GETEX changes the expiry and replies the value") {
  command_harness node;
  CHECK(node.run({"getex", "none", "ex", "x"}) == nil);
  CHECK(node.run({"getex", "none", "ex"}) == syntax_error);
  node.run({"set", "k", "v"});
  CHECK(node.run({"getex", "k"}) == bulk("v"));
  CHECK(node.run({"getex", "k", "ex", "x"}) == not_integer);
  CHECK(node.run({"getex", "k", "ex", "0"}) == error("ERR invalid expire time in 'getex' command"));
  CHECK(node.run({"getex", "k", "ex", "10"}) == bulk("v"));
  CHECK(node.run({"ttl", "k"}) == integer(10));
  CHECK(node.run({"getex", "k", "persist", "ex", "1"}) == syntax_error);
  CHECK(node.run({"getex", "k", "nx"}) == syntax_error);
  CHECK(node.run({"getex", "k", "persist"}) == bulk("v"));
  CHECK(node.run({"ttl", "k"}) == integer(-1));
  CHECK(node.run({"getex", "k", "pxat", "1"}) == bulk("v"));
  CHECK(node.run({"exists", "k"}) == integer(0));
}

TEST_CASE("GETDEL and GETSET reply what was there") {
  command_harness node;
  CHECK(node.run({"getset", "k", "1"}) == nil);
  node.run({"expire", "k", "100"});
  CHECK(node.run({"getset", "k", "2"}) == bulk("1"));
  CHECK(node.run({"ttl", "k"}) == integer(-1));
  CHECK(node.run({"getdel", "k"}) == bulk("2"));
  CHECK(node.run({"getdel", "k"}) == nil);
}

TEST_CASE("several keys are read and stored at once") {
  command_harness node;
  CHECK(node.run({"mset", "a", "1", "b", "2", "a", "3"}) == ok);
  CHECK(node.run({"mget", "a", "none", "b", "a"}) ==
        "*4\r\n" + bulk("3") + nil + bulk("2") + bulk("3"));
  CHECK(node.run({"mget", "none"}, resp3) == "*1\r\n_\r\n");
  CHECK(node.run({"mset", "a"}) == error("ERR wrong number of arguments for 'mset' command"));
  CHECK(node.run({"mset", "a", "1", "b"}) ==
        error("ERR wrong number of arguments for 'mset' command"));
  CHECK(node.run({"msetnx", "a", "1", "c", "1"}) == integer(0));
  CHECK(node.run({"exists", "c"}) == integer(0));
  CHECK(node.run({"msetnx", "c", "1", "d", "1"}) == integer(1));
  CHECK(node.run({"msetnx", "c", "1", "d"}) ==
        error("ERR wrong number of arguments for 'msetnx' command"));
  CHECK(node.run({"setnx", "c", "2"}) == integer(0));
  CHECK(node.run({"setnx", "e", "2"}) == integer(1));
}

TEST_CASE("APPEND, STRLEN and SETRANGE keep the expiry") {
  command_harness node;
  CHECK(node.run({"append", "k", "Hello "}) == integer(6));
  node.run({"expire", "k", "100"});
  CHECK(node.run({"append", "k", "World"}) == integer(11));
  CHECK(node.run({"strlen", "k"}) == integer(11));
  CHECK(node.run({"strlen", "none"}) == integer(0));
  CHECK(node.run({"setrange", "k", "6", "Redis"}) == integer(11));
  CHECK(node.run({"get", "k"}) == bulk("Hello Redis"));
  CHECK(node.run({"ttl", "k"}) == integer(100));
}

TEST_CASE("SETRANGE fills gaps with zero bytes and creates nothing for an empty piece") {
  command_harness node;
  CHECK(node.run({"setrange", "k", "3", "x"}) == integer(4));
  CHECK(node.run({"get", "k"}) == bulk(std::string("\0\0\0x", 4)));
  CHECK(node.run({"setrange", "none", "3", ""}) == integer(0));
  CHECK(node.run({"exists", "none"}) == integer(0));
  CHECK(node.run({"setrange", "k", "9", ""}) == integer(4));
  CHECK(node.run({"setrange", "k", "-1", "x"}) == error("ERR offset is out of range"));
  CHECK(node.run({"setrange", "k", "x", "x"}) == not_integer);
  const auto too_long = error("ERR string exceeds maximum allowed size (proto-max-bulk-len)");
  CHECK(node.run({"setrange", "k", "536870912", "x"}) == too_long);
  CHECK(node.run({"setrange", "k", "9223372036854775807", "xx"}) == too_long);
}

TEST_CASE("GETRANGE counts from either end and never leaves the string") {
  command_harness node;
  node.run({"set", "k", "This is a string"});
  const auto range = [&](const char* first, const char* last) {
    return node.run({"getrange", "k", first, last});
  };
  CHECK(range("0", "3") == bulk("This"));
  CHECK(range("-3", "-1") == bulk("ing"));
  CHECK(range("0", "-1") == bulk("This is a string"));
  CHECK(range("10", "100") == bulk("string"));
  CHECK(range("-1", "-5") == bulk(""));
  CHECK(range("5", "3") == bulk(""));
  CHECK(range("-100", "-50") == bulk("T"));
  CHECK(range("-9223372036854775808", "9223372036854775807") == bulk("This is a string"));
  CHECK(range("a", "1") == not_integer);
  CHECK(node.run({"getrange", "none", "0", "-1"}) == bulk(""));
  CHECK(node.run({"SUBSTR", "k", "0", "0"}) == bulk("T"));
}

TEST_CASE("a command that meets a cold value changes nothing and works when run again") {
  command_harness node({.memory_bytes = 0});
  const std::string value(1000, 'v');
  for (const std::vector<std::string>& command : {std::vector<std::string>{"append", "k", "x"},
                                                  {"getdel", "k"},
                                                  {"getset", "k", "n"},
                                                  {"set", "k", "n", "get"},
                                                  {"setrange", "k", "0", "y"},
                                                  {"getex", "k", "ex", "5"},
                                                  {"rename", "k", "k2"},
                                                  {"copy", "k", "k3", "replace"},
                                                  {"mget", "k", "none"}}) {
    node.run({"flushall"});
    node.run({"set", "k", value});
    node.evict_all();
    std::string reply = "before";
    REQUIRE(node.call(command, reply) == resp::exec_status::cold);
    CHECK(reply == "before");
    CHECK(!node.store().wrote());
    REQUIRE(node.store().missing().size() == 1);
    const kv::cold_read wanted = node.store().missing().front();
    CHECK(wanted.key == "k");
    node.store().supply(wanted, value);
    REQUIRE(node.call(command, reply) == resp::exec_status::done);
    node.store().drop_loans();
    CHECK(reply.size() > 6);
  }
}

TEST_CASE("a full disk refuses writes in one piece and still deletes") {
  command_harness node({.segments = 4});
  const std::string value(900 * 1024, 'v');
  std::string reply = ok;
  int stored = 0;
  while (reply == ok && stored < 100) {
    reply = node.run({"set", "k" + std::to_string(stored++), value});
  }
  CHECK(reply.starts_with("-OOM disk full: "));
  CHECK(node.run({"mset", "a", value, "b", value}).starts_with("-OOM disk full: "));
  CHECK(node.run({"exists", "a", "b"}) == integer(0));
  CHECK(node.run({"append", "k0", value}).starts_with("-OOM disk full: "));
  CHECK(node.run({"getset", "k0", value}).starts_with("-OOM disk full: "));
  CHECK(node.run({"rename", "k0", "k0new"}).starts_with("-OOM disk full: "));
  CHECK(node.run({"strlen", "k0"}) == integer(900 * 1024));
  CHECK(node.run({"del", "k0"}) == integer(1));
  CHECK(node.run({"flushall"}) == ok);
}

}  // namespace
}  // namespace troupe::tests
