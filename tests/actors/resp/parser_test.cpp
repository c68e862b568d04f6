// The RESP parser: what it accepts, refuses in Redis' words, and what hostile input costs.
#include "actors/resp/parser.hpp"

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

#include "storage/base/limits.hpp"
#include "tests/actors/resp/parsed_stream.hpp"

namespace troupe::tests {
namespace {

using namespace std::string_literals;
using resp::parse_limits;
using resp::parse_status;
using commands = std::vector<std::vector<std::string>>;

const parse_limits open = parse_limits::authenticated();
const parse_limits strict = parse_limits::unauthenticated();

/// Parses `bytes` whole, cut in two at every position, and byte by byte; all must agree.
parsed_stream parse_every_way(const std::string& bytes, const parse_limits& limits = open) {
  const parsed_stream whole = parse_stream(bytes, limits);
  for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
    INFO("cut at ", cut);
    CHECK(parse_stream(bytes, limits, cut, bytes.size()) == whole);
  }
  CHECK(parse_stream(bytes, limits, 1, 1) == whole);
  return whole;
}

void check_commands(const std::string& bytes, const commands& expected) {
  CAPTURE(bytes);
  const parsed_stream got = parse_every_way(bytes);
  CHECK(got.commands == expected);
  CHECK(got.end == parse_status::need_more);
}

void check_error(const std::string& bytes, const std::string& text,
                 const parse_limits& limits = open) {
  CAPTURE(bytes.substr(0, 80));
  const parsed_stream got = parse_every_way(bytes, limits);
  CHECK(got.end == parse_status::protocol_error);
  CHECK(got.error == "ERR Protocol error: " + text);
}

std::string array_of(const std::vector<std::string>& words) {
  std::string bytes = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words) {
    bytes += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  }
  return bytes;
}

}  // namespace

TEST_CASE("arrays of bulk strings become commands, however they are cut") {
  check_commands("*1\r\n$4\r\nPING\r\n", {{"PING"}});
  check_commands("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nvalue\r\n*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n",
                 {{"SET", "key", "value"}, {"GET", "key"}});
}

TEST_CASE("arguments are binary: empty, with line ends, zeros and protocol look-alikes") {
  const std::vector<std::string> words = {"SET", "", "\r\n", "\0\xff\0"s, "*1\r\n$4\r\nPING\r\n"};
  check_commands(array_of(words) + array_of({"GET"}), {words, {"GET"}});
}

TEST_CASE("empty arrays and blank lines are skipped as Redis does") {
  check_commands("*0\r\n*-1\r\n*-7\r\n\r\n\n  \r\n*1\r\n$4\r\nPING\r\n\r\n", {{"PING"}});
}

TEST_CASE("inline commands and arrays may alternate") {
  check_commands("PING\r\n*1\r\n$4\r\nECHO\r\nSET a b\nGET a\r\n",
                 {{"PING"}, {"ECHO"}, {"SET", "a", "b"}, {"GET", "a"}});
}

TEST_CASE("inline words follow Redis' quoting rules") {
  check_commands("  SET\t key   value \r\n", {{"SET", "key", "value"}});
  check_commands("SET k \"a b\" ''\r\n", {{"SET", "k", "a b", ""}});
  check_commands("ECHO \"\\x41\\x0g\\n\\r\\t\\b\\a\\\\\\\"\\q\"\r\n",
                 {{"ECHO", "Ax0g\n\r\t\b\a\\\"q"}});
  check_commands("ECHO 'it\\'s \\n \"so\"'\r\n", {{"ECHO", "it's \\n \"so\""}});
  check_commands("ECHO pre\"fix ed\"\tnext\r\n", {{"ECHO", "prefix ed", "next"}});
  check_commands("ECHO \"\\x00\\xff\" a\\b\r\n", {{"ECHO", "\0\xff"s, "a\\b"}});
  check_commands("ECHO a\vb\r\n", {{"ECHO", "a\vb"}});
}

TEST_CASE("several unquoted words of one round stay valid until the round ends") {
  check_commands("ECHO \"a\\x41\" 'b'\r\nECHO \"c\\n\" plain\r\n*1\r\n$1\r\nx\r\n",
                 {{"ECHO", "aA", "b"}, {"ECHO", "c\n", "plain"}, {"x"}});
}

TEST_CASE("quotes that do not close, or close inside a word, are refused") {
  for (const char* line : {"SET \"a\r\n", "SET 'a\r\n", "SET \"a\"b c\r\n", "SET 'a'b\r\n",
                           "\"\r\n", "SET \"a\\\"\r\n", "SET 'a\\'\r\n", "SET \"\\\r\n"}) {
    check_error(line, "unbalanced quotes in request");
  }
}

TEST_CASE("lengths that are no plain numbers are refused") {
  for (const char* count : {"", "abc", "+1", " 1", "1 ", "01", "-0", "00", "1x", "0x1",
                            "2147483648", "99999999999999999999", "1\r1", "--1"}) {
    CAPTURE(count);
    check_error("*"s + count + "\r\n", "invalid multibulk length");
  }
  check_error("*1048577\r\n", "invalid multibulk length");
  for (const char* size : {"", "abc", "-1", "+1", "01", "536870913", "99999999999999999999"}) {
    CAPTURE(size);
    check_error("*1\r\n$"s + size + "\r\n", "invalid bulk length");
  }
}

TEST_CASE("an element that is not a bulk string is named") {
  check_error("*2\r\n$3\r\nGET\r\n:12\r\n", "expected '$', got ':'");
  check_error("*1\r\nPING\r\n", "expected '$', got 'P'");
  check_error("*1\r\n\r\n", "expected '$', got '\r'");
}

TEST_CASE("bytes behind a bulk that are no line end mean a wrong length") {
  check_error("*1\r\n$3\r\nPING\r\n", "invalid bulk length");
  check_error("*1\r\n$4\r\nPING\n\n", "invalid bulk length");
}

TEST_CASE("lines without end are refused at their limit, not one byte later") {
  const std::size_t most = limits::inline_bytes;
  const auto ends = [&](const std::string& bytes) { return parse_stream(bytes, open).error; };
  const std::string prefix = "ERR Protocol error: ";
  CHECK(ends(std::string(most, 'a')).empty());
  CHECK(ends(std::string(most + 1, 'a')) == prefix + "too big inline request");
  CHECK(ends("*" + std::string(most, '1')) == prefix + "too big mbulk count string");
  CHECK(ends("*1\r\n$" + std::string(most, '1')) == prefix + "too big bulk count string");
  // A line that comes whole is measured like one that trickles in.
  CHECK(ends(std::string(most + 1, 'a') + "\r\n") == prefix + "too big inline request");
  const parsed_stream longest = parse_stream(std::string(most, 'a') + "\r\n", open, most + 1, 1);
  CHECK(longest.commands == commands{{std::string(most, 'a')}});
}

TEST_CASE("before authentication a command is small") {
  const std::vector<std::string> ten(10, "a");
  CHECK(parse_stream(array_of(ten), strict).commands == commands{ten});
  check_error("*11\r\n", "unauthenticated multibulk length", strict);
  check_error("a b c d e f g h i j k\r\n", "unauthenticated multibulk length", strict);
  check_error("*1\r\n$16385\r\n", "unauthenticated bulk length", strict);
  check_error("*2147483648\r\n", "invalid multibulk length", strict);
  check_error("*1\r\n$536870913\r\n", "invalid bulk length", strict);
  CHECK(parse_stream(std::string(16385, 'a'), strict).error ==
        "ERR Protocol error: too big inline request");
  // The whole of it counts, not each word alone.
  const std::vector<std::string> large(2, std::string(8000, 'x'));
  CHECK(parse_stream(array_of(large), strict, 1, 1000).commands == commands{large});
  const std::vector<std::string> larger(3, std::string(8000, 'x'));
  CHECK(parse_stream(array_of(larger), strict, 1, 1000).error ==
        "ERR Protocol error: unauthenticated bulk length");
}

TEST_CASE("limits can change between two commands of one piece") {
  const std::string large(20000, 'x');
  std::string bytes = array_of({"AUTH", "secret"}) + array_of({"SET", "k", large});
  resp::parser parser(strict);
  std::vector<std::string_view> words;
  REQUIRE(parser.next(bytes, words) == parse_status::command);
  parser.set_limits(open);
  CHECK(parser.next(std::span(bytes).subspan(parser.consumed()), words) == parse_status::command);
  CHECK(words == std::vector<std::string_view>{"AUTH", "secret", "SET", "k", large});
}

TEST_CASE("a command that exceeds the bytes of a whole command is refused by its header") {
  parse_limits narrow = open;
  narrow.command_bytes_max = 60;
  CHECK(parse_stream(array_of({"SET", "k", std::string(30, 'v')}), narrow).commands.size() == 1);
  check_error(array_of({"SET", std::string(20, 'k'), std::string(30, 'v')}), "invalid bulk length",
              narrow);
}

TEST_CASE("HTTP is recognised and nothing behind it is run") {
  const std::string evil = "\r\nHost: localhost\r\n\r\nSET a b\r\n";
  for (const char* line : {"POST / HTTP/1.1", "post", "GET / HTTP/1.1", "GET /key", "get /",
                           "HEAD /x HTTP/1.0", "OPTIONS * HTTP/1.1", "Host: example", " POST",
                           "\tPost\t/", " \v post / HTTP/1.1", "  Host:", " GET / HTTP/1.1"}) {
    CAPTURE(line);
    const parsed_stream got = parse_every_way(line + evil);
    CHECK(got.end == parse_status::http);
    CHECK(got.commands.empty());
  }
  const parsed_stream later = parse_every_way("PING\r\nhOsT: x\r\nSET a b\r\n");
  CHECK(later.end == parse_status::http);
  CHECK(later.commands == commands{{"PING"}});
}

TEST_CASE("commands that only resemble HTTP are run") {
  check_commands("PING\r\nGET /key\r\n", {{"PING"}, {"GET", "/key"}});
  check_commands("GET key\r\nSET HTTP/1.1 x\r\nSET x HTTP/1.1\r\n",
                 {{"GET", "key"}, {"SET", "HTTP/1.1", "x"}, {"SET", "x", "HTTP/1.1"}});
  check_commands("POSTER x\r\n Host :\r\n", {{"POSTER", "x"}, {"Host", ":"}});
  check_commands("*1\r\n$4\r\nPOST\r\n", {{"POST"}});
}

TEST_CASE("after a protocol error nothing more is parsed") {
  resp::parser parser(open);
  std::vector<std::string_view> words;
  std::string bad = "*x\r\n";
  CHECK(parser.next(bad, words) == parse_status::protocol_error);
  std::string good = "PING\r\n";
  CHECK(parser.next(good, words) == parse_status::protocol_error);
  CHECK(words.empty());
}

TEST_CASE("a pending bulk says how many bytes it still needs") {
  resp::parser parser(open);
  std::vector<std::string_view> words;
  std::string bytes = "\r\n*2\r\n$3\r\nGET\r\n$1000\r\nabc";
  CHECK(parser.next(bytes, words) == parse_status::need_more);
  CHECK(parser.consumed() == 2);
  CHECK(parser.missing() == 999);
  CHECK(parser.in_command());
  CHECK(words.empty());
}

TEST_CASE("announced lengths alone cost no memory") {
  const parsed_stream many = parse_stream("*1048576\r\n$536870912\r\nabc", open);
  CHECK(many.end == parse_status::need_more);
  CHECK(many.memory_max <= resp::read_buffer::base_bytes + 1024);
}

TEST_CASE("a command of very many arguments that trickles in is parsed in linear time") {
  // Rescanning or moving all earlier arguments at each piece would take hours.
  const std::size_t count = 200'000;
  std::string bytes = "*" + std::to_string(count) + "\r\n";
  for (std::size_t i = 0; i < count; ++i) bytes += "$1\r\nx\r\n";
  resp::parser parser(open);
  std::vector<std::string_view> words;
  const std::span<char> all(bytes);
  for (std::size_t size = 1; size < all.size(); ++size) {
    REQUIRE(parser.next(all.first(size), words) == parse_status::need_more);
  }
  REQUIRE(parser.next(all, words) == parse_status::command);
  CHECK(words.size() == count);
  CHECK_FALSE(parser.in_command());
  CHECK(parser.memory_bytes() < 64 * 1024);
}

}  // namespace troupe::tests
