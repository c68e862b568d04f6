#include "storage/base/ids.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <functional>
#include <type_traits>

namespace troupe {
namespace {

TEST_CASE("ids of one kind are ordered by value and count up") {
  CHECK(lsn{3} < lsn{4});
  CHECK(next(lsn{3}) == lsn{4});
  CHECK(lsn{} == lsn{0});
  CHECK(next(hash_slot{9}).value == 10);
}

TEST_CASE("ids of two kinds neither convert nor compare") {
  CHECK_FALSE(std::is_convertible_v<lsn, use_id>);
  CHECK_FALSE(std::is_convertible_v<std::uint64_t, lsn>);
  CHECK_FALSE(std::is_convertible_v<node_id, cluster_id>);
  CHECK_FALSE(std::is_invocable_v<std::less<>, lsn, use_id>);
}

TEST_CASE("a 128-bit id is nothing until it is set") {
  node_id node;
  CHECK(node == node_id{});
  node.value.bytes[15] = 1;
  CHECK(node != node_id{});
  CHECK(node > node_id{});
}

TEST_CASE("durability levels are ordered by strength") {
  CHECK(durability::memory < durability::interval);
  CHECK(durability::interval < durability::durable);
  CHECK(durability::durable < durability::replicated);
}

}  // namespace
}  // namespace troupe
