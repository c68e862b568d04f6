#include "storage/log/record_format.hpp"

#include <doctest/doctest.h>
#include <rapidcheck.h>

#include "storage/base/limits.hpp"

namespace troupe::log {
namespace {

constexpr shard_id shard{9};

}  // namespace

TEST_CASE("every record round-trips, with others behind it") {
  const bool held =
      rc::check([](const std::string& key, const std::string& member, const std::string& value,
                   std::uint32_t collection, std::int64_t deadline_ms, bool batched) {
        const auto type = static_cast<record_type>(*rc::gen::inRange(1, 10));
        const lsn sequence{*rc::gen::inRange<std::uint64_t>(1, UINT64_MAX)};
        const record_fields fields{.type = type,
                                   .batched = batched ? batching::batched : batching::alone,
                                   .collection = {collection},
                                   .key = key,
                                   .member = member,
                                   .value = value,
                                   .deadline_ms = deadline_ms};
        std::string bytes = "before";
        append_record(bytes, shard, sequence, fields);
        RC_ASSERT(bytes.size() == 6 + encoded_size(fields));
        const std::string followed = bytes.substr(6) + "behind";
        const auto view = decode_record(followed, shard);
        RC_ASSERT(view.has_value());
        RC_ASSERT(view->type == type && view->batched == fields.batched);
        RC_ASSERT(view->key == key && view->member == member && view->value == value);
        RC_ASSERT(view->collection == fields.collection && view->deadline_ms == deadline_ms);
        RC_ASSERT(view->sequence == sequence && view->size == encoded_size(fields));
      });
  CHECK(held);
}

TEST_CASE("random bytes are never a record and never read out of bounds") {
  CHECK(rc::check([](const std::string& bytes) {
    const auto view = decode_record(bytes, shard);
    RC_ASSERT(!view.has_value() && view.error().code == errc::corrupt);
  }));
}

TEST_CASE("the largest record is as large as the limits say") {
  const std::string key(limits::key_bytes_max, 'k');
  const std::string member(limits::member_bytes_max, 'm');
  const std::string value(limits::part_bytes_max, 'v');
  std::string bytes;
  append_record(bytes, shard, {1}, {.key = key, .member = member, .value = value});
  CHECK(bytes.size() <= limits::record_bytes_max);
  CHECK(decode_record(bytes, shard));
}

TEST_CASE("a head lists its parts and nothing else") {
  std::string value;
  append_head_prefix(value, {3 * limits::part_bytes_max, 77, 3});
  for (std::uint64_t part = 5; part < 8; ++part) {
    value.append(reinterpret_cast<const char*>(&part), sizeof part);
  }
  const auto head = decode_head(value);
  REQUIRE(head);
  CHECK(head->part_count == 3);
  CHECK(head->crc == 77);
  CHECK(head_part(value, 2) == lsn{7});
  CHECK_FALSE(decode_head(value.substr(0, value.size() - 1)));
  CHECK_FALSE(decode_head(value + "x"));
  value[0] = 1;  // longer than three parts can be
  CHECK_FALSE(decode_head(value));
}

TEST_CASE("batch and no_op values of a wrong length are refused") {
  CHECK_FALSE(decode_batch("abc"));
  CHECK_FALSE(decode_batch(std::string(4, '\0')));
  CHECK_FALSE(decode_epoch_opening("short"));
}

}  // namespace troupe::log
