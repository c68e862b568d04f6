#include "storage/log/record_format.hpp"

#include <cstring>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/base/limits.hpp"

namespace troupe::log {
namespace {

// Offsets in the record header, see FORMAT.md.
constexpr std::size_t at_crc = 0;
constexpr std::size_t at_size = 4;
constexpr std::size_t at_lsn = 8;
constexpr std::size_t at_collection = 16;
constexpr std::size_t at_key_size = 20;
constexpr std::size_t at_member_size = 24;
constexpr std::size_t at_type = 28;
constexpr std::size_t at_flags = 29;
constexpr std::size_t at_reserved = 30;
constexpr std::size_t at_deadline = 32;
static_assert(at_deadline + sizeof(std::int64_t) == record_header_bytes);

constexpr std::uint8_t flag_batched = 1;

void put(char* to, std::string_view piece) noexcept {
  if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
}

failure damaged(const char* why) { return {errc::corrupt, std::string("record: ") + why}; }

std::uint32_t load_u32(std::string_view from, std::size_t at) {
  return load_le<std::uint32_t>(from.data() + at);
}

}  // namespace

std::string_view to_string(record_type type) noexcept {
  switch (type) {
    case record_type::put: return "put";
    case record_type::part: return "part";
    case record_type::head: return "head";
    case record_type::del: return "del";
    case record_type::del_range: return "del_range";
    case record_type::expire: return "expire";
    case record_type::no_op: return "no_op";
    case record_type::batch: return "batch";
    case record_type::config: return "config";
  }
  return "unknown";
}

record_seed::record_seed(shard_id shard) noexcept {
  char bytes[sizeof shard.value];
  store_le(bytes, shard.value);
  crc_ = crc32c({bytes, sizeof bytes});
}

void append_record(std::string& to, record_seed seed, lsn sequence, const record_fields& fields) {
  // The header as words in registers, for the checksum and for the buffer: what was just stored
  // can be read back only after all stores before it, those of the last record's cache misses too.
  const std::size_t size = encoded_size(fields);
  const std::uint8_t flags = fields.batched == batching::batched ? flag_batched : 0;
  const std::uint64_t keyed = fields.collection.value | std::uint64_t{fields.key.size()} << 32;
  const std::uint64_t kind = fields.member.size() |
                             static_cast<std::uint64_t>(fields.type)
                                 << 8 * (at_type - at_member_size) |
                             std::uint64_t{flags} << 8 * (at_flags - at_member_size);
  const auto deadline = static_cast<std::uint64_t>(fields.deadline_ms);

  crc32c_sum sum(seed.crc());
  sum.add(static_cast<std::uint32_t>(size));
  sum.add(sequence.value);
  sum.add(keyed);
  sum.add(kind);
  sum.add(deadline);
  sum.add(fields.key);
  if (!fields.member.empty()) sum.add(fields.member);
  sum.add(fields.value);

  const std::size_t start = to.size();
  to.resize(start + size);
  char* const header = to.data() + start;
  store_le(header + at_crc, sum.value() | std::uint64_t{size} << 32);
  store_le(header + at_lsn, sequence.value);
  store_le(header + at_collection, keyed);
  store_le(header + at_member_size, kind);
  store_le(header + at_deadline, deadline);
  char* const body = header + record_header_bytes;
  put(body, fields.key);
  if (!fields.member.empty()) put(body + fields.key.size(), fields.member);
  put(body + fields.key.size() + fields.member.size(), fields.value);
}

result<record_mark> check_record(std::string_view bytes, record_seed seed) {
  if (bytes.size() < record_header_bytes) return damaged("shorter than its header");
  const std::uint32_t size = load_u32(bytes, at_size);
  if (size < record_header_bytes || size > limits::record_bytes_max) {
    return damaged("impossible size");
  }
  if (size > bytes.size()) return damaged("longer than the bytes that hold it");
  crc32c_sum sum(seed.crc());
  sum.add(bytes.substr(at_size, size - at_size));
  if (sum.value() != load_u32(bytes, at_crc)) return damaged("checksum does not match");
  return record_mark{{load_le<std::uint64_t>(bytes.data() + at_lsn)}, size};
}

result<record_view> decode_record(std::string_view bytes, record_seed seed) {
  TRY(const record_mark mark, check_record(bytes, seed));
  const std::size_t size = mark.size;
  const std::string_view whole = bytes.substr(0, size);
  const std::size_t key_size = load_u32(whole, at_key_size);
  const std::size_t member_size = load_u32(whole, at_member_size);
  const auto type = static_cast<std::uint8_t>(whole[at_type]);
  const auto flags = static_cast<std::uint8_t>(whole[at_flags]);
  if (key_size > limits::key_bytes_max || member_size > limits::member_bytes_max ||
      record_header_bytes + key_size + member_size > size) {
    return damaged("impossible key or member size");
  }
  if (type < static_cast<std::uint8_t>(record_type::put) ||
      type > static_cast<std::uint8_t>(record_type::config)) {
    return damaged("unknown type");
  }
  if ((flags & ~flag_batched) != 0 || load_le<std::uint16_t>(whole.data() + at_reserved) != 0) {
    return damaged("unknown flags");
  }
  record_view view;
  view.type = static_cast<record_type>(type);
  view.batched = (flags & flag_batched) != 0 ? batching::batched : batching::alone;
  view.collection = {load_u32(whole, at_collection)};
  view.key = whole.substr(record_header_bytes, key_size);
  view.member = whole.substr(record_header_bytes + key_size, member_size);
  view.value = whole.substr(record_header_bytes + key_size + member_size);
  view.deadline_ms = load_le<std::int64_t>(whole.data() + at_deadline);
  view.sequence = mark.sequence;
  view.size = size;
  if (view.sequence.value == 0) return damaged("LSN 0");
  return view;
}

void append_head_prefix(std::string& to, const head_prefix& prefix) {
  append_le(to, prefix.total_length);
  append_le(to, prefix.crc);
  append_le(to, prefix.part_count);
}

result<head_prefix> decode_head(std::string_view value) {
  if (value.size() < head_prefix_bytes) return damaged("head too short");
  head_prefix prefix;
  prefix.total_length = load_le<std::uint64_t>(value.data());
  prefix.crc = load_u32(value, 8);
  prefix.part_count = load_u32(value, 12);
  if (value.size() - head_prefix_bytes != std::uint64_t{prefix.part_count} * sizeof(lsn::value) ||
      prefix.total_length > limits::value_bytes_max ||
      prefix.total_length > std::uint64_t{prefix.part_count} * limits::part_bytes_max) {
    return damaged("head's length and parts do not agree");
  }
  return prefix;
}

lsn head_part(std::string_view value, std::uint32_t index) noexcept {
  return {load_le<std::uint64_t>(value.data() + head_prefix_bytes +
                                 std::size_t{index} * sizeof(std::uint64_t))};
}

result<std::uint32_t> decode_batch(std::string_view value) {
  if (value.size() != batch_value_bytes) return damaged("batch record of wrong length");
  const std::uint32_t count = load_u32(value, 0);
  if (count == 0) return damaged("batch record that covers nothing");
  return count;
}

void append_epoch_opening(std::string& to, const epoch_opening& opening) {
  append_le(to, opening.epoch.value);
  append_le(to, opening.history.value);
  for (const std::uint8_t byte : opening.leader.value.bytes) to.push_back(static_cast<char>(byte));
}

result<epoch_opening> decode_epoch_opening(std::string_view value) {
  if (value.size() != epoch_opening_bytes) return damaged("no_op record of wrong length");
  epoch_opening opening;
  opening.epoch = {load_le<std::uint64_t>(value.data())};
  opening.history = {load_le<std::uint64_t>(value.data() + 8)};
  std::memcpy(opening.leader.value.bytes.data(), value.data() + 16, 16);
  return opening;
}

}  // namespace troupe::log
