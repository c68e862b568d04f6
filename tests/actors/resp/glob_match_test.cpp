#include "actors/resp/glob_match.hpp"

#include <doctest/doctest.h>

#include <string>

namespace troupe::resp {
namespace {

TEST_CASE("literals, question marks and stars match as in Redis") {
  CHECK(glob_match("", ""));
  CHECK(!glob_match("", "a"));
  CHECK(glob_match("abc", "abc"));
  CHECK(!glob_match("abc", "abd"));
  CHECK(!glob_match("abc", "ab"));
  CHECK(glob_match("h?llo", "hello"));
  CHECK(!glob_match("h?llo", "hllo"));
  CHECK(glob_match("*", "anything"));
  CHECK(glob_match("h*llo", "heeeello"));
  CHECK(glob_match("h*llo", "hllo"));
  CHECK(glob_match("a*b*c", "aXbYbZc"));
  CHECK(!glob_match("a*b*c", "aXbYbZ"));
  CHECK(glob_match("a**", "a"));
}

TEST_CASE("character classes know ranges, inversion and escapes") {
  CHECK(glob_match("h[ae]llo", "hallo"));
  CHECK(!glob_match("h[ae]llo", "hillo"));
  CHECK(glob_match("h[^e]llo", "hallo"));
  CHECK(!glob_match("h[^e]llo", "hello"));
  CHECK(glob_match("h[a-c]llo", "hbllo"));
  CHECK(glob_match("h[c-a]llo", "hbllo"));
  CHECK(!glob_match("h[a-c]llo", "hdllo"));
  CHECK(glob_match("[\\]]", "]"));
  CHECK(glob_match("[\\-a]", "-"));
  CHECK(glob_match("[abc", "b"));
  CHECK(!glob_match("[]", "a"));
  CHECK(glob_match("[^]", "a"));
}

TEST_CASE("a backslash makes the next character literal") {
  CHECK(glob_match("\\*", "*"));
  CHECK(!glob_match("\\*", "a"));
  CHECK(glob_match("a\\", "a\\"));
  CHECK(glob_match("\\[a]", "[a]"));
}

TEST_CASE("case is ignored on request") {
  CHECK(!glob_match("ABC", "abc"));
  CHECK(glob_match("ABC", "abc", letter_case::ignored));
  CHECK(glob_match("[A-C]x", "bX", letter_case::ignored));
}

TEST_CASE("a pattern of many stars takes no exponential time") {
  std::string pattern;
  for (int i = 0; i < 50; ++i) pattern += "a*";
  CHECK(!glob_match(pattern + "b", std::string(5000, 'a')));
}

}  // namespace
}  // namespace troupe::resp
