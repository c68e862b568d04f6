#include "actors/descriptor_limit.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <string>

#include "storage/base/limits.hpp"

namespace troupe::tests {

using actors::clients_within;
using actors::descriptors_beside_clients;

TEST_CASE("clients get the descriptors that the node leaves") {
  const auto own = descriptors_beside_clients({4, 2});
  CHECK(own > descriptors_beside_clients({1, 2}));
  CHECK(own > descriptors_beside_clients({4, 1}));
  CHECK(clients_within(own + 100, {4, 2}).value() == 100);
  CHECK(clients_within(UINT64_MAX, {4, 2}).value() == limits::clients_max);
}

TEST_CASE("a usual limit of descriptors leaves room for clients of a small node") {
  CHECK(clients_within(1024, {1, 1}).value() >= 512);
}

TEST_CASE("a node without a descriptor for a client is refused, with what it needs") {
  const auto own = descriptors_beside_clients({1, 1});
  const auto refused = clients_within(own, {1, 1});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::refused);
  CHECK(refused.error().message.find(std::to_string(own)) != std::string::npos);
  CHECK(clients_within(own + 1, {1, 1}).value() == 1);
}

}  // namespace troupe::tests
