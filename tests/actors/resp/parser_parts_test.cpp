// Large arguments that the parser announces: taken part by part, or collected after all.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "actors/resp/parser.hpp"
#include "storage/base/limits.hpp"

namespace troupe::tests {
namespace {

using resp::parse_status;

constexpr std::size_t mib = limits::part_bytes_max;

resp::parse_limits announcing() {
  auto limits = resp::parse_limits::authenticated();
  limits.whole_bulk_bytes_max = mib;
  return limits;
}

std::string command(const std::vector<std::string>& words) {
  std::string all = fmt::format("*{}\r\n", words.size());
  for (const auto& word : words) all += fmt::format("${}\r\n{}\r\n", word.size(), word);
  return all;
}

/// What came out of a stream: words, "[" before and "]" behind a streamed argument.
struct outcome {
  std::vector<std::string> words;
  std::string streamed;
  std::size_t unread_max = 0;
  std::string error;
};

/// Feeds `bytes` in pieces; large arguments are streamed or collected.
outcome parse(const std::string& bytes, std::size_t piece, bool streams) {
  resp::parser parser(announcing());
  outcome all;
  std::string unread;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    unread += bytes.substr(at, piece);
    all.unread_max = std::max(all.unread_max, unread.size());
    for (bool more = true; more;) {
      std::vector<std::string_view> words;
      const auto status = parser.next(unread, words);
      auto done = parser.consumed();
      switch (status) {
        case parse_status::need_more: more = false; break;
        case parse_status::command:
        case parse_status::streamed:
          all.words.insert(all.words.end(), words.begin(), words.end());
          break;
        case parse_status::large_argument:
          CHECK(parser.announced_bytes() > mib);
          if (!streams) {
            parser.collect_argument();
            break;
          }
          all.words.insert(all.words.end(), words.begin(), words.end());
          done += parser.stream_argument();
          break;
        case parse_status::part:
          REQUIRE(words.size() == 1);
          CHECK(words[0].size() <= mib);
          all.streamed += words[0];
          break;
        default: all.error = parser.error(); return all;
      }
      unread.erase(0, done);
    }
  }
  CHECK(unread.empty());
  return all;
}

std::string content(std::size_t size) {
  std::string bytes(size, '\0');
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 7 + i / 256);
  return bytes;
}

}  // namespace

TEST_CASE("a large argument comes in parts, and little of it is ever here") {
  const auto value = content(5 * mib + 17);
  const auto bytes =
      command({"PING"}) + command({"SET", "key", value, "EX", "60"}) + command({"GET", "key"});
  for (const std::size_t piece :
       {std::size_t{1000}, std::size_t{4096}, std::size_t{65536}, mib, 2 * mib}) {
    const auto got = parse(bytes, piece, true);
    CHECK(got.words == std::vector<std::string>{"PING", "SET", "key", "EX", "60", "GET", "key"});
    CHECK(got.streamed == value);
    CHECK(got.unread_max < mib + 2 * piece + 100);
  }
}

TEST_CASE("a large argument may be collected after all, the next one is announced again") {
  const auto value = content(2 * mib);
  const auto bytes = command({"APPEND", "key", value, value}) + command({"SET", "key", value});
  const auto got = parse(bytes, 65536, false);
  CHECK(got.words == std::vector<std::string>{"APPEND", "key", value, value, "SET", "key", value});
}

TEST_CASE("only the first large argument of a command is streamed, and never its name") {
  const auto value = content(mib + 1);
  CHECK(parse(command({value, "x"}), 65536, true).words == std::vector<std::string>{value, "x"});
  const auto got = parse(command({"SET", value, value, "x"}), 65536, true);
  CHECK(got.words == std::vector<std::string>{"SET", value, "x"});
  CHECK(got.streamed == value);
}

TEST_CASE("what is at most one part, or all here, comes whole") {
  const auto exact = content(mib);
  CHECK(parse(command({"SET", "key", exact}), 65536, true).words.size() == 3);
  const auto larger = content(mib + 1);
  CHECK(parse(command({"SET", "key", larger}), 8 * mib, true).words.size() == 3);
}

TEST_CASE("a streamed argument that is longer than announced is a protocol error") {
  auto bytes = command({"SET", "key", content(2 * mib)});
  bytes.insert(bytes.size() - 2, "x");
  CHECK(parse(bytes, 65536, true).error == "ERR Protocol error: invalid bulk length");
}

TEST_CASE("limits are checked before a large argument is announced") {
  const auto bytes =
      fmt::format("*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n${}\r\n", limits::value_bytes_max + 1);
  CHECK(parse(bytes, 10, true).error == "ERR Protocol error: invalid bulk length");
}

}  // namespace troupe::tests
