#include "tools/suggestion.hpp"

#include <doctest/doctest.h>

#include <array>

namespace troupe::tests {

using tools::suggestion;

constexpr std::array<std::string_view, 4> words{"data-dir", "durability", "memory", "shards"};

TEST_CASE("a typing mistake suggests the word that was meant") {
  CHECK(suggestion("data-dri", words) == " (did you mean 'data-dir'?)");
  CHECK(suggestion("durabilty", words) == " (did you mean 'durability'?)");
  CHECK(suggestion("shard", words) == " (did you mean 'shards'?)");
}

TEST_CASE("a word that was cut short suggests the whole") {
  CHECK(suggestion("mem", words) == " (did you mean 'memory'?)");
}

TEST_CASE("case makes no difference to what was meant") {
  CHECK(suggestion("Shards", words) == " (did you mean 'shards'?)");
  CHECK(suggestion("DATA-DRI", words) == " (did you mean 'data-dir'?)");
  CHECK(suggestion("MEM", words) == " (did you mean 'memory'?)");
}

TEST_CASE("a word unlike any other suggests nothing") {
  CHECK(suggestion("compression", words).empty());
  CHECK(suggestion("x", words).empty());
  CHECK(suggestion("", words).empty());
}

}  // namespace troupe::tests
