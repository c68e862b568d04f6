// Values that arrive part by part: invisible until their head, dead when they are dropped or lost.
#include <doctest/doctest.h>

#include <string>

#include "tests/storage/kv/store_world.hpp"

namespace troupe::tests {
namespace {

constexpr std::size_t mib = limits::part_bytes_max;
constexpr kv::upload_id anna{1};
constexpr kv::upload_id bert{2};

/// Uploads `count` parts of 1 MiB and one of 5 bytes; returns the value.
std::string upload(store_world& w, kv::upload_id who, std::string_view key, std::size_t count,
                   char content = 'x') {
  std::string value;
  for (std::size_t i = 0; i <= count; ++i) {
    const std::string part(i == count ? 5 : mib, static_cast<char>(content + static_cast<int>(i)));
    w.kv->begin_command(durability::durable);
    REQUIRE(w.kv->upload_part(who, key, part));
    CHECK(w.kv->wrote());
    CHECK(w.kv->observed() == lsn{});
    value += part;
  }
  return value;
}

void put(store_world& w, kv::upload_id who, std::string_view key, std::size_t size) {
  w.kv->begin_command(durability::durable);
  REQUIRE(w.kv->put_uploaded(who, size, key, w.kv->hash(key), 0));
}

}  // namespace

TEST_CASE("an uploaded value is visible from its head on, and after a restart") {
  store_world w;
  w.set("key", "old");
  const auto value = upload(w, anna, "key", 3);
  CHECK(w.get("key") == "old");
  put(w, anna, "key", value.size());
  CHECK(w.state("key") == kv::presence::large);
  CHECK(w.kv->newest_upload() == w.tail->appended());
  w.commit();
  CHECK(w.get("key") == value);
  w.reopen();
  CHECK(w.get("key") == value);
}

TEST_CASE("a crash before the head is durable leaves the key as it was, wherever it comes") {
  for (std::size_t written = 0; written <= 4; ++written) {
    store_world w;
    w.set("key", "old");
    w.commit();
    for (std::size_t i = 0; i < written; ++i) {
      w.kv->begin_command(durability::durable);
      REQUIRE(w.kv->upload_part(anna, "key", std::string(mib, 'x')));
      w.commit();
    }
    if (written == 4) put(w, anna, "key", 4 * mib);  // but not committed
    w.reopen();
    CHECK(w.get("key") == "old");
    CHECK(w.kv->size() == 1);
  }
}

TEST_CASE("two uploads at once and other writes between do not mix") {
  store_world w;
  std::string of_anna, of_bert;
  for (int i = 0; i < 3; ++i) {
    for (const auto who : {anna, bert}) {
      auto& value = who == anna ? of_anna : of_bert;
      const std::string part(mib, static_cast<char>('a' + i + (who == anna ? 0 : 10)));
      w.kv->begin_command(durability::durable);
      REQUIRE(w.kv->upload_part(who, who == anna ? "a" : "b", part));
      value += part;
    }
    w.set("small", std::to_string(i));
  }
  put(w, bert, "b", of_bert.size());
  put(w, anna, "a", of_anna.size());
  w.commit();
  w.reopen();
  CHECK(w.get("a") == of_anna);
  CHECK(w.get("b") == of_bert);
}

TEST_CASE("an upload that is not complete cannot become a value") {
  store_world w;
  const auto value = upload(w, anna, "key", 2);
  w.kv->begin_command(durability::durable);
  CHECK_FALSE(w.kv->put_uploaded(anna, value.size() + 1, "key", w.kv->hash("key"), 0));
  CHECK_FALSE(w.kv->put_uploaded(bert, value.size(), "key", w.kv->hash("key"), 0));
  CHECK_FALSE(w.kv->wrote());
  CHECK(w.kv->size() == 0);
  put(w, anna, "key", value.size());
  w.kv->begin_command(durability::durable);
  CHECK_FALSE(w.kv->put_uploaded(anna, value.size(), "key", w.kv->hash("key"), 0));
}

TEST_CASE("parts keep their segments while their upload lasts, not when it is dropped") {
  store_world w;
  upload(w, anna, "key", 20);
  w.commit();
  REQUIRE(w.tail->active_segment() >= 2);
  CHECK_FALSE(w.kv->retirable());
  w.kv->drop_upload(anna);
  REQUIRE(w.kv->retirable());  // at once: the disk may be full, then nothing more is committed
  CHECK(w.kv->retirable()->first_live_ordinal == w.tail->active_segment());
  w.kv->drop_upload(anna);
}

TEST_CASE("parts dropped before they are durable are dead when they are") {
  store_world w;
  upload(w, anna, "key", 20);
  w.kv->drop_upload(anna);
  CHECK_FALSE(w.kv->retirable());
  w.commit();
  CHECK(w.kv->retirable());
}

TEST_CASE("an uploaded value that is overwritten gives its segments back") {
  store_world w;
  const auto value = upload(w, anna, "key", 20);
  put(w, anna, "key", value.size());
  w.commit();
  CHECK_FALSE(w.kv->retirable());
  w.set("key", "small");
  w.commit();
  REQUIRE(w.kv->retirable());
  CHECK(w.kv->retirable()->first_live_ordinal == w.tail->active_segment());
}

TEST_CASE("a flush in the middle of an upload does not touch it") {
  store_world w;
  const auto value = upload(w, anna, "key", 20);
  w.flush();
  w.commit();
  CHECK_FALSE(w.kv->retirable());
  put(w, anna, "key", value.size());
  w.commit();
  CHECK_FALSE(w.kv->retirable());
  CHECK(w.get("key") == value);
  w.reopen();
  CHECK(w.get("key") == value);
  w.del("key");
  w.commit();
  CHECK(w.kv->retirable());
}

TEST_CASE("a part that finds no room says how much it lacked") {
  store_world w({.segment_bytes = 8ull << 20, .spares = 3});
  const std::string part(mib, 'x');
  std::size_t stored = 0;
  w.kv->begin_command(durability::durable);
  while (w.kv->upload_part(anna, "key", part)) ++stored;
  CHECK(stored > 3);
  CHECK(w.kv->lacked_room() >= mib);
  w.kv->drop_upload(anna);
  CHECK(w.del("key") == false);
}

}  // namespace troupe::tests
