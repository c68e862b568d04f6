// One record: the unit of change, of replication and of checking.
//
// Place: storage/log; pure functions, any thread. Layout: storage/FORMAT.md, "Record".
// Invariants:
//  I1. The checksum covers every byte behind it and is seeded with the shard, so that a record that
//      strayed into another shard's file is never believed.
//  I2. decode_record reads nothing before the size is bounded, and believes nothing before the
//      checksum agrees: bytes from disk and network may be anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"

namespace troupe::log {

/// What a record changes. Values are on disk: never renumbered.
enum class record_type : std::uint8_t {
  put = 1,        ///< key (and member) has this value
  part = 2,       ///< piece of a large value; invisible until a head names it
  head = 3,       ///< key has the large value made of these parts
  del = 4,        ///< key (and member) has no value
  del_range = 5,  ///< many keys or members have no value: see range_scope
  expire = 6,     ///< the record at a given LSN has another deadline
  no_op = 7,      ///< opens an epoch
  batch = 8,      ///< makes the flagged records before it valid, all at once
  config = 9,     ///< a setting of a collection or of the shard
};

/// Name of a type, e.g. "del_range"; "unknown" for a number that is none.
[[nodiscard]] std::string_view to_string(record_type type) noexcept;

/// Whether a record counts at once or only when a later batch record covers it.
enum class batching : std::uint8_t { alone = 0, batched = 1 };

/// First byte of a del_range record's value.
enum class range_scope : std::uint8_t { key = 1, prefix = 2, collection = 3, all = 4 };

/// What a writer states about a record. Views are borrowed.
struct record_fields {
  record_type type = record_type::put;
  batching batched = batching::alone;
  collection_id collection{};
  std::string_view key{};
  std::string_view member{};
  std::string_view value{};
  std::int64_t deadline_ms = 0;  ///< 0 = none
};

/// A decoded record; its views live as long as the bytes it was decoded from.
struct record_view : record_fields {
  lsn sequence{};
  std::size_t size = 0;  ///< of the whole record, header included
};

/// Bytes of a record before its key.
inline constexpr std::size_t record_header_bytes = 40;

/// Start value of a shard's record checksums. Made from a shard id wherever one is given; a hot
/// path makes it once.
class record_seed {
 public:
  record_seed(shard_id shard) noexcept;  // NOLINT: a shard id is as good as its seed
  [[nodiscard]] std::uint32_t crc() const noexcept { return crc_; }

 private:
  std::uint32_t crc_;
};

/// Size of the record that append_record makes of these fields.
[[nodiscard]] constexpr std::size_t encoded_size(const record_fields& fields) noexcept {
  return record_header_bytes + fields.key.size() + fields.member.size() + fields.value.size();
}

/// Adds the encoded record to `to`. Preconditions: key, member and record within limits.hpp; the
/// fields' views do not point into `to`.
void append_record(std::string& to, record_seed seed, lsn sequence, const record_fields& fields);

/// What identifies a record whose checksum agrees.
struct record_mark {
  lsn sequence{};
  std::uint32_t size = 0;  ///< of the whole record
};

/// Checks size and checksum of the record at the start of `bytes`, which may go on behind it, and
/// nothing else: for those who pass a record on without reading it. errc::corrupt like
/// decode_record.
[[nodiscard]] result<record_mark> check_record(std::string_view bytes, record_seed seed);

/// The record at the start of `bytes`, which may go on behind it. errc::corrupt with the reason if
/// there is no intact record of this shard.
[[nodiscard]] result<record_view> decode_record(std::string_view bytes, record_seed seed);

/// Value of a head record: how a large value is put together.
struct head_prefix {
  std::uint64_t total_length = 0;
  std::uint32_t crc = 0;  ///< CRC-32C of the whole value; 0 = unknown, parts of it are shared
  std::uint32_t part_count = 0;
};
inline constexpr std::size_t head_prefix_bytes = 16;

/// Appends total length, checksum and part count; the parts' LSNs (8 bytes each) follow.
void append_head_prefix(std::string& to, const head_prefix& prefix);
/// Reads a head record's value; errc::corrupt unless it has exactly the parts it counts.
[[nodiscard]] result<head_prefix> decode_head(std::string_view value);
/// LSN of part `index`. Precondition: decode_head succeeded and index < part_count.
[[nodiscard]] lsn head_part(std::string_view value, std::uint32_t index) noexcept;

/// Value of a batch record.
inline constexpr std::size_t batch_value_bytes = 4;
/// Number of records a batch record covers; errc::corrupt if the value is none.
[[nodiscard]] result<std::uint32_t> decode_batch(std::string_view value);

/// Value of a no_op record: the epoch that begins with it.
struct epoch_opening {
  epoch_number epoch;
  history_id history;
  node_id leader;
};
inline constexpr std::size_t epoch_opening_bytes = 32;
void append_epoch_opening(std::string& to, const epoch_opening& opening);
/// Reads a no_op record's value; errc::corrupt if it is none.
[[nodiscard]] result<epoch_opening> decode_epoch_opening(std::string_view value);

}  // namespace troupe::log
