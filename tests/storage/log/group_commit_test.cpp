#include "storage/log/group_commit.hpp"

#include <doctest/doctest.h>

#include "storage/base/limits.hpp"

namespace troupe::log {

TEST_CASE("a lone durable write is sent at once") {
  group_commit commit;
  CHECK_FALSE(commit.should_send(0));
  commit.on_append(durability::durable, 100, 5);
  CHECK(commit.should_send(5));
}

TEST_CASE("what arrives while a frame is in flight waits for it and then goes together") {
  group_commit commit;
  commit.on_append(durability::durable, 100, 0);
  commit.on_sent(0);
  commit.on_append(durability::durable, 100, 1);
  commit.on_append(durability::interval, 100, 2);
  CHECK_FALSE(commit.should_send(1'000'000));
  commit.on_committed();
  CHECK(commit.should_send(3));
  commit.on_sent(0);
  commit.on_committed();
  CHECK_FALSE(commit.should_send(1'000'000));
}

TEST_CASE("writes of level memory gather until they are old or many") {
  group_commit commit;
  commit.on_append(durability::memory, 100, 1000);
  commit.on_append(durability::memory, 100, 50'000);
  CHECK_FALSE(commit.should_send(50'000));
  REQUIRE(commit.next_deadline_us());
  CHECK(*commit.next_deadline_us() == 1000 + limits::memory_frame_age_ms * 1000);
  CHECK(commit.should_send(*commit.next_deadline_us()));
  commit.on_append(durability::memory, limits::memory_frame_bytes, 50'001);
  CHECK(commit.should_send(50'001));
  CHECK_FALSE(commit.next_deadline_us());
}

TEST_CASE("a demand sends what level memory would keep") {
  group_commit commit;
  commit.on_demand();
  CHECK_FALSE(commit.should_send(0));
  commit.on_append(durability::memory, 1, 0);
  CHECK(commit.should_send(0));
}

TEST_CASE("frames left behind a sent one keep their urgency") {
  group_commit commit;
  commit.on_append(durability::durable, 5'000'000, 0);
  commit.on_sent(1'000'000);
  CHECK_FALSE(commit.should_send(0));
  commit.on_committed();
  CHECK(commit.should_send(0));
}

}  // namespace troupe::log
