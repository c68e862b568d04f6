// The reply writer: every element in both protocol versions, byte for byte as Redis 7.0 sends it.
#include "actors/resp/reply_writer.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "actors/resp/error_texts.hpp"

namespace troupe::tests {
namespace {

using resp::protocol;
using resp::reply_writer;

/// What `write` appends in one version.
template <class Write>
std::string written(protocol version, Write write) {
  std::string bytes;
  reply_writer writer(bytes, version);
  write(writer);
  return bytes;
}

template <class Write>
void check_both(Write write, const std::string& resp2, const std::string& resp3) {
  CHECK(written(protocol::resp2, write) == resp2);
  CHECK(written(protocol::resp3, write) == resp3);
}

template <class Write>
void check_same(Write write, const std::string& bytes) {
  check_both(write, bytes, bytes);
}

}  // namespace

TEST_CASE("elements both versions share") {
  check_same([](reply_writer& to) { to.ok(); }, "+OK\r\n");
  check_same([](reply_writer& to) { to.simple("QUEUED"); }, "+QUEUED\r\n");
  check_same([](reply_writer& to) { to.error("ERR syntax error"); }, "-ERR syntax error\r\n");
  check_same([](reply_writer& to) { to.bulk("value"); }, "$5\r\nvalue\r\n");
  check_same([](reply_writer& to) { to.bulk(""); }, "$0\r\n\r\n");
  check_same([](reply_writer& to) { to.array(0); }, "*0\r\n");
  check_same([](reply_writer& to) { to.array(12345); }, "*12345\r\n");
}

TEST_CASE("integers over their whole range") {
  check_same([](reply_writer& to) { to.integer(0); }, ":0\r\n");
  check_same([](reply_writer& to) { to.integer(-1); }, ":-1\r\n");
  check_same([](reply_writer& to) { to.integer(std::numeric_limits<std::int64_t>::min()); },
             ":-9223372036854775808\r\n");
  check_same([](reply_writer& to) { to.integer(std::numeric_limits<std::int64_t>::max()); },
             ":9223372036854775807\r\n");
}

TEST_CASE("elements RESP2 lacks are flattened") {
  check_both([](reply_writer& to) { to.null(); }, "$-1\r\n", "_\r\n");
  check_both([](reply_writer& to) { to.null_array(); }, "*-1\r\n", "_\r\n");
  check_both([](reply_writer& to) { to.map(3); }, "*6\r\n", "%3\r\n");
  check_both([](reply_writer& to) { to.set(3); }, "*3\r\n", "~3\r\n");
  check_both([](reply_writer& to) { to.boolean(true); }, ":1\r\n", "#t\r\n");
  check_both([](reply_writer& to) { to.boolean(false); }, ":0\r\n", "#f\r\n");
  check_both([](reply_writer& to) { to.verbatim("txt", "hello"); }, "$5\r\nhello\r\n",
             "=9\r\ntxt:hello\r\n");
}

TEST_CASE("doubles have seventeen significant digits") {
  const auto real = [](double value) { return [value](reply_writer& to) { to.real(value); }; };
  check_both(real(3), "$1\r\n3\r\n", ",3\r\n");
  check_both(real(0.1), "$19\r\n0.10000000000000001\r\n", ",0.10000000000000001\r\n");
  check_both(real(-1.5e300), "$24\r\n-1.5000000000000001e+300\r\n",
             ",-1.5000000000000001e+300\r\n");
  check_both(real(INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
  check_both(real(-INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
  check_both(real(std::copysign(NAN, -1.0)), "$3\r\nnan\r\n", ",nan\r\n");
}

TEST_CASE("no text can split a reply") {
  const std::string hostile("a\r\n+OK\r\nb\0c\n", 12);
  check_same([&](reply_writer& to) { to.error(hostile); }, "-a  +OK  b c\r\n");
  check_same([&](reply_writer& to) { to.simple(hostile); }, "+a  +OK  b c \r\n");
  check_same([&](reply_writer& to) { to.bulk(hostile); }, "$12\r\n" + hostile + "\r\n");
}

TEST_CASE("line ends behind an error text go without a trace, as in Redis") {
  check_same([](reply_writer& to) { to.error("ERR why\r\n"); }, "-ERR why\r\n");
  check_same([](reply_writer& to) { to.error("ERR a\nb\n\r\n"); }, "-ERR a b\r\n");
  check_same([](reply_writer& to) { to.error("ERR 'a\r\n'"); }, "-ERR 'a  '\r\n");
  check_same([](reply_writer& to) { to.error("\r\n"); }, "-\r\n");
}

TEST_CASE("a bulk may be appended in pieces, and replies taken back") {
  std::string bytes = "+PONG\r\n";
  reply_writer writer(bytes, protocol::resp2);
  const std::size_t before = writer.size();
  writer.begin_bulk(6);
  writer.append_bulk("abc");
  writer.append_bulk("def");
  writer.end_bulk();
  CHECK(bytes == "+PONG\r\n$6\r\nabcdef\r\n");
  writer.truncate(before);
  writer.encoded(":1\r\n");
  CHECK(bytes == "+PONG\r\n:1\r\n");
}

TEST_CASE("error texts are those of Redis 7.0") {
  namespace texts = resp::error_texts;
  CHECK(texts::wrong_arity("get") == "ERR wrong number of arguments for 'get' command");
  CHECK(texts::invalid_expire("set") == "ERR invalid expire time in 'set' command");
  CHECK(texts::unknown_subcommand("config", "foo") ==
        "ERR unknown subcommand 'foo'. Try CONFIG HELP.");
  const std::vector<std::string_view> none = {"FOO"};
  CHECK(texts::unknown_command(none) == "ERR unknown command 'FOO', with args beginning with: ");
  const std::vector<std::string_view> some = {"FOO", "a", "b c"};
  CHECK(texts::unknown_command(some) ==
        "ERR unknown command 'FOO', with args beginning with: 'a' 'b c' ");
}

TEST_CASE("an unknown command is repeated only in part") {
  const std::string long_word(1000, 'x');
  const std::vector<std::string_view> argv = {long_word, long_word, "next"};
  CHECK(resp::error_texts::unknown_command(argv) ==
        "ERR unknown command '" + std::string(128, 'x') + "', with args beginning with: '" +
            std::string(128, 'x') + "' ");
}

TEST_CASE("errors repeat a client's word up to its first zero byte, as those of Redis do") {
  namespace texts = resp::error_texts;
  using namespace std::string_view_literals;
  CHECK(texts::shown("plain") == "plain");
  CHECK(texts::shown("a\0b"sv) == "a");
  CHECK(texts::shown("\0"sv).empty());
  const std::vector<std::string_view> argv = {"no\0pe"sv, "a\r\n\0"sv, "\0b"sv, "c"};
  CHECK(texts::unknown_command(argv) ==
        "ERR unknown command 'no', with args beginning with: 'a\r\n' '' 'c' ");
  CHECK(texts::unknown_subcommand("config", "x\0\r\n"sv) ==
        "ERR unknown subcommand 'x'. Try CONFIG HELP.");
}

}  // namespace troupe::tests
