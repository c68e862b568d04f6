#include "replication/link/unproved_places.hpp"

#include <doctest/doctest.h>

#include <vector>

namespace troupe::tests {

using link::unproved_places;

TEST_CASE("strangers get as many places as there are, and what was given back is given again") {
  unproved_places places;
  std::vector<unproved_places::place> taken;
  while (auto place = places.take()) taken.push_back(std::move(*place));
  CHECK(taken.size() == limits::link_unproved_max);
  taken.pop_back();
  CHECK(places.taken() == limits::link_unproved_max - 1);
  CHECK(places.take());  // given back at once
  auto again = places.take();
  REQUIRE(again);
  CHECK_FALSE(places.take());
  again.reset();
  taken.clear();
  CHECK(places.taken() == 0);
}

}  // namespace troupe::tests
