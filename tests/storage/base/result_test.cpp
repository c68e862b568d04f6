#include "storage/base/result.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>

namespace troupe {
namespace {

result<int> parse_digit(char digit) {
  if (digit < '0' || digit > '9') return failure{errc::refused, "not a digit"};
  return digit - '0';
}

result<int> sum(char left, char right) {
  TRY(const auto first, parse_digit(left));
  TRY(const auto second, parse_digit(right));
  return first + second;
}

result<void> require_digit(char digit) {
  TRY_VOID(parse_digit(digit));
  return {};
}

TEST_CASE("a result holds a value or the error, not both") {
  const auto good = parse_digit('7');
  REQUIRE(good);
  CHECK(*good == 7);
  const auto bad = parse_digit('x');
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == errc::refused);
  CHECK(bad.error().message == "not a digit");
}

TEST_CASE("TRY hands on the first error and goes on with the values") {
  CHECK(sum('3', '4').value() == 7);
  CHECK_FALSE(sum('x', '4'));
  CHECK_FALSE(sum('3', 'y'));
  CHECK(require_digit('1'));
  CHECK(require_digit('?').error().message == "not a digit");
}

TEST_CASE("a result of void succeeds by default") { CHECK(result<void>{}.has_value()); }

TEST_CASE("a value that only moves passes through a result") {
  result<std::unique_ptr<int>> held(std::make_unique<int>(5));
  REQUIRE(held);
  const auto taken = std::move(held).value();
  CHECK(*taken == 5);
}

TEST_CASE("the value of a temporary result outlives it") {
  const auto make = [] { return result<std::string>(std::string(100, 'x')); };
  std::string seen;
  for (const char letter : make().value()) seen += letter;
  for (const char letter : *make()) seen += letter;
  CHECK(seen == std::string(200, 'x'));
}

TEST_CASE("the boolean inside a result is not its success") {
  const result<bool> no(false);
  CHECK(no.has_value());
  CHECK_FALSE(*no);
}

TEST_CASE("reading the value of an error stops the process") {
  const auto child = ::fork();
  if (child == 0) {
    std::signal(SIGABRT, SIG_DFL);
    ::close(STDERR_FILENO);
    static_cast<void>(parse_digit('x').value());
    std::_Exit(0);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  CHECK(WTERMSIG(status) == SIGABRT);
}

}  // namespace
}  // namespace troupe
