// Values above one part: how they are cut up, named by a head record and put together again.
//
// Place: storage/kv; plain functions, and the parts met in recovery before their head.
// A large value is never cached in its entry. The entry holds its list of parts instead:
// u32 count, then per part u64 LSN, u32 segment, u32 offset, u32 size of the record, u32 of the
// piece.
// Parts belong to the log, not to a key: a value made of another one names its parts once more, and
// a stretch that repeats itself names one part several times.
// Invariants: (1) parts of a value have LSNs below that of its head; (2) a part that no head names
// is dead after a restart; before, it is live until its upload is dropped; (3) a part counts as
// live once for every time a value or an upload names it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/limits.hpp"
#include "storage/base/result.hpp"
#include "storage/kv/types.hpp"

namespace troupe::kv {

/// A large value of which parts are in the log, and its head not yet.
struct upload {
  std::vector<part_position> parts;
  std::uint64_t size = 0;  ///< of the parts
  std::uint32_t crc = 0;   ///< CRC-32C of them
  bool has_crc = true;     ///< false: some of the parts were not at hand
};

/// Value of the head record that makes `from` visible.
[[nodiscard]] std::string encode_head(const upload& from);

inline constexpr std::size_t part_list_item_bytes = 8 + 4 + 4 + 4 + 4;
/// Bytes of the list of `count` parts in an entry.
[[nodiscard]] constexpr std::size_t part_list_bytes(std::size_t count) noexcept {
  return 4 + count * part_list_item_bytes;
}
/// Writes the list; `to` has part_list_bytes(parts.size()) bytes.
void write_part_list(char* to, std::span<const part_position> parts) noexcept;
/// Number of parts in a list.
[[nodiscard]] std::uint32_t listed_parts(const char* list) noexcept;
/// One part of a list. Precondition: index < listed_parts(list).
[[nodiscard]] part_position listed_part(const char* list, std::uint32_t index) noexcept;

/// All parts that recovery met: any head behind them may name them.
class recovered_parts {
 public:
  /// `corrupt` unless its LSN is above those of all before it.
  result<void> add(part_position part);
  /// The parts that a head record's value names, in order. `corrupt` if the head is malformed or
  /// its parts do not add up, `not_found` if one is not there.
  [[nodiscard]] result<std::vector<part_position>> named_by(std::string_view head) const;
  void clear() { std::vector<part_position>().swap(parts_); }

 private:
  std::vector<part_position> parts_;  // ascending
};

}  // namespace troupe::kv
