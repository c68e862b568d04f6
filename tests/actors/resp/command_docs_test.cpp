#include "actors/resp/command_docs.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "actors/resp/argument_notation.hpp"

namespace troupe::resp {
namespace {

std::string command(const std::vector<std::string>& words, protocol version = protocol::resp2) {
  std::vector<std::string_view> argv{"command"};
  argv.insert(argv.end(), words.begin(), words.end());
  std::string reply;
  reply_writer writer(reply, version);
  const resolved_command resolved = check_command(argv);
  REQUIRE(!resolved.error);
  reply_command_subcommand(*resolved.spec, argv, writer);
  return reply;
}

// Elements of a RESP reply, nested ones included, to see that headers and elements agree.
void skip_element(std::string_view& rest) {
  REQUIRE(!rest.empty());
  const std::size_t end = rest.find("\r\n");
  REQUIRE(end != std::string_view::npos);
  const char kind = rest.front();
  const std::string number(rest.substr(1, end - 1));
  rest.remove_prefix(end + 2);
  if (kind == '$') rest.remove_prefix(std::stoul(number) + 2);
  if (kind != '*' && kind != '~' && kind != '%') return;
  const std::size_t count = std::stoul(number) * (kind == '%' ? 2 : 1);
  for (std::size_t at = 0; at < count; ++at) skip_element(rest);
}

void check_is_one_element(std::string_view reply) {
  skip_element(reply);
  CHECK(reply.empty());
}

TEST_CASE("COMMAND INFO has Redis' form in both versions") {
  const std::string keys2 =
      "*6\r\n$5\r\nflags\r\n*2\r\n+RO\r\n+access\r\n$12\r\nbegin_search\r\n*4\r\n$4\r\ntype\r\n"
      "$5\r\nindex\r\n$4\r\nspec\r\n*2\r\n$5\r\nindex\r\n:1\r\n$9\r\nfind_keys\r\n*4\r\n$4\r\n"
      "type\r\n$5\r\nrange\r\n$4\r\nspec\r\n*6\r\n$7\r\nlastkey\r\n:0\r\n$7\r\nkeystep\r\n:1\r\n"
      "$5\r\nlimit\r\n:0\r\n";
  CHECK(command({"info", "GET", "nope"}) ==
        "*2\r\n*10\r\n$3\r\nget\r\n:2\r\n*2\r\n+readonly\r\n+fast\r\n:1\r\n:1\r\n:1\r\n*3\r\n"
        "+@read\r\n+@string\r\n+@fast\r\n*0\r\n*1\r\n" +
            keys2 + "*0\r\n$-1\r\n");
  const std::string in3 = command({"info", "get", "nope"}, protocol::resp3);
  CHECK(in3.starts_with("*2\r\n*10\r\n$3\r\nget\r\n:2\r\n~2\r\n+readonly\r\n+fast\r\n"));
  CHECK(in3.find("~1\r\n%3\r\n$5\r\nflags\r\n~2\r\n+RO\r\n") != std::string::npos);
  CHECK(in3.ends_with("~0\r\n_\r\n"));
}

TEST_CASE("every reply about all commands is one complete element") {
  for (const auto version : {protocol::resp2, protocol::resp3}) {
    for (const char* subcommand : {"info", "docs", "list", "help", "count"}) {
      check_is_one_element(command({subcommand}, version));
    }
    std::string reply;
    reply_writer writer(reply, version);
    reply_all_commands(writer);
    check_is_one_element(reply);
    for (const command_spec* spec : all_commands()) {
      if (spec->subcommands.empty()) continue;
      reply.clear();
      reply_help(*spec, writer);
      check_is_one_element(reply);
    }
  }
}

TEST_CASE("COMMAND DOCS describes arguments and leaves out unknown commands") {
  CHECK(command({"docs", "setnx", "nope"}, protocol::resp3) ==
        "%1\r\n$5\r\nsetnx\r\n%5\r\n$7\r\nsummary\r\n$42\r\nStores a string if the key does not "
        "exist.\r\n"
        "$5\r\nsince\r\n$5\r\n1.0.0\r\n$5\r\ngroup\r\n$6\r\nstring\r\n$10\r\ncomplexity\r\n$4\r\n"
        "O(1)\r\n$9\r\narguments\r\n*2\r\n%3\r\n$4\r\nname\r\n$3\r\nkey\r\n$4\r\ntype\r\n$3\r\n"
        "key\r\n$14\r\nkey_spec_index\r\n:0\r\n%2\r\n$4\r\nname\r\n$5\r\nvalue\r\n$4\r\ntype\r\n"
        "$6\r\nstring\r\n");
  CHECK(command({"docs", "nope"}) == "*0\r\n");
  CHECK(command({"docs", "config|get"}).starts_with("*2\r\n$10\r\nconfig|get\r\n"));
}

TEST_CASE("COMMAND LIST filters by category and pattern") {
  CHECK(command({"list", "filterby", "pattern", "GETE*"}) == "*1\r\n$5\r\ngetex\r\n");
  CHECK(command({"list", "filterby", "aclcat", "Transaction"}) ==
        "*5\r\n$7\r\ndiscard\r\n$4\r\nexec\r\n$5\r\nmulti\r\n$7\r\nunwatch\r\n$5\r\nwatch\r\n");
  CHECK(command({"list", "filterby", "aclcat", "nope"}) == "*0\r\n");
  CHECK(command({"list", "filterby", "module", "nope"}) == "*0\r\n");
  CHECK(command({"list", "filterby", "nope", "nope"}) == "-ERR syntax error\r\n");
  CHECK(command({"list", "filterby", "pattern"}) == "-ERR syntax error\r\n");
}

TEST_CASE("COMMAND GETKEYS finds the keys of a full command") {
  CHECK(command({"getkeys", "mset", "a", "1", "b", "2"}) == "*2\r\n$1\r\na\r\n$1\r\nb\r\n");
  CHECK(command({"getkeys", "object", "encoding", "k"}) == "*1\r\n$1\r\nk\r\n");
  CHECK(command({"getkeys", "nope", "k"}) == "-ERR Invalid command specified\r\n");
  CHECK(command({"getkeys", "ping", "k"}) == "-ERR The command has no key arguments\r\n");
  CHECK(command({"getkeys", "get", "a", "b"}) ==
        "-ERR Invalid number of arguments specified for command\r\n");
  CHECK(command({"getkeysandflags", "rename", "a", "b"}) ==
        "*2\r\n*2\r\n$1\r\na\r\n*3\r\n+RW\r\n+access\r\n+delete\r\n*2\r\n$1\r\nb\r\n*2\r\n+OW\r\n"
        "+update\r\n");
}

TEST_CASE("the argument notation is read and shown") {
  const auto notes = parse_argument_notation(
      "key:key#0 [when:oneof(nx:pure-token=NX gt:pure-token=GT@7.0.0)] ip:port:string=ADDR+!");
  REQUIRE(notes.size() == 3);
  CHECK(notes[0].key_spec_index == 0);
  CHECK(notes[1].is_optional);
  REQUIRE(notes[1].nested.size() == 2);
  CHECK(notes[1].nested[1].since == "7.0.0");
  CHECK(notes[2].name == "ip:port");
  CHECK(notes[2].repeats_token);
  CHECK(usage_of(notes) == " <key> [NX|GT] ADDR <ip:port> [ADDR <ip:port> ...]");
}

}  // namespace
}  // namespace troupe::resp
