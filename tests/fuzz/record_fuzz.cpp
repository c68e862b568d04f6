// Fuzzes the record decoder, and the decoders of head, batch and no_op values. A checksum stops
// nearly every random input, so each is tried again with a right one. Checked: what is accepted is
// within bounds and encodes to the same bytes.
#include <string>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/base/ensure.hpp"
#include "storage/base/limits.hpp"
#include "storage/log/record_format.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace troupe;

constexpr shard_id shard{3};
constexpr std::size_t at_size = 4;

void check_value(const log::record_view& record) {
  if (const auto head = log::decode_head(record.value)) {
    ENSURE(head->total_length <= limits::value_bytes_max);
    for (std::uint32_t i = 0; i < head->part_count; ++i) {
      static_cast<void>(log::head_part(record.value, i));
    }
    std::string again;
    log::append_head_prefix(again, *head);
    ENSURE(record.value.starts_with(again));
  }
  if (const auto opening = log::decode_epoch_opening(record.value)) {
    std::string again;
    log::append_epoch_opening(again, *opening);
    ENSURE(again == record.value);
  }
  if (const auto covered = log::decode_batch(record.value)) ENSURE(*covered > 0);
}

void check(std::string_view bytes) {
  const auto record = log::decode_record(bytes, shard);
  if (!record) return;
  ENSURE(record->size <= bytes.size());
  ENSURE(record->key.size() <= limits::key_bytes_max);
  ENSURE(record->member.size() <= limits::member_bytes_max);
  std::string again;
  log::append_record(again, shard, record->sequence, *record);
  ENSURE(again == bytes.substr(0, record->size));
  check_value(*record);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(tests::fuzz_bytes(data, size));
  check(bytes);
  if (bytes.size() < log::record_header_bytes) return 0;
  const auto record_size = load_le<std::uint32_t>(bytes.data() + at_size);
  if (record_size < at_size || record_size > bytes.size()) return 0;
  const std::string_view checked = std::string_view(bytes).substr(at_size, record_size - at_size);
  store_le(bytes.data(), crc32c(checked, log::record_seed(shard).crc()));
  check(bytes);
  return 0;
}
