#include "actors/client_places.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

namespace troupe::tests {

using actors::client_places;

TEST_CASE("no place is given above the bound, and one that was given back is given again") {
  client_places places;
  std::vector<client_places::place> taken;
  for (int i = 0; i < 3; ++i) taken.push_back(std::move(*places.take(3)));
  CHECK_FALSE(places.take(3));
  CHECK(places.taken() == 3);
  taken.pop_back();
  CHECK(places.taken() == 2);
  auto again = places.take(3);
  CHECK(again);
  CHECK_FALSE(places.take(3));
  // A bound lowered below what is taken admits nobody and takes nothing away.
  CHECK_FALSE(places.take(1));
  CHECK(places.taken() == 3);
}

TEST_CASE("threads that ask at the same time get as many places as there are") {
  constexpr std::uint32_t most = 1000;
  client_places places;
  std::vector<std::vector<client_places::place>> taken(4);
  std::vector<std::thread> gateways;
  for (auto& mine : taken) {
    gateways.emplace_back([&places, &mine] {
      for (std::uint32_t i = 0; i < most; ++i) {
        if (auto place = places.take(most)) mine.push_back(std::move(*place));
      }
    });
  }
  for (auto& each : gateways) each.join();
  std::size_t sum = 0;
  for (const auto& mine : taken) sum += mine.size();
  CHECK(sum == most);
  taken.clear();
  CHECK(places.taken() == 0);
}

}  // namespace troupe::tests
