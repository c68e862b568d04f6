// One key of the store in memory: a single malloc'd block of header, key and, while cached, value.
//
// Place: storage/kv, owned by the store's index. Not a C++ object with members behind pointers: 116
// bytes of key and value shall cost one block of 160.
// Layout: 32-byte header | 8 deadline, if flagged | 8 place of an expire record, if flagged | key |
// value (if `cached`) or list of parts (if `large`).
// Invariants:
//  1. Header and key are always valid; the value's bytes only while `cached`. A large value is
//  never
//     cached: its list of parts stands in its place.
//  2. Blocks come from malloc, because only realloc gives the tail of a block back and only malloc
//     says how large a block really is. Out of memory stops the process (recovery is from the log).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/ids.hpp"
#include "storage/base/limits.hpp"
#include "storage/kv/types.hpp"
#include "storage/log/log_types.hpp"

namespace troupe::kv {

/// What a block is to hold; decides its layout.
struct entry_shape {
  std::size_t tail_size = 0;  ///< bytes behind the key: cached value or list of parts
  bool has_deadline = false;
  bool has_expire_record = false;
};

/// Facts about an entry that its slot in the index repeats, so that walks need not touch entries
/// that do not matter to them.
inline constexpr unsigned mark_cached = 1;
inline constexpr unsigned mark_deadline = 2;

/// One key. Created and destroyed by the static functions only.
class alignas(16) entry {
 public:
  entry(const entry&) = delete;
  entry& operator=(const entry&) = delete;

  /// A block of this shape with the key copied in; all else zero, the tail's bytes undefined.
  [[nodiscard]] static entry* create(const entry_shape& shape, std::string_view key);
  static void destroy(entry* block) noexcept;
  /// A copy with room for a deadline or without, and for an expire record; the old block stays.
  [[nodiscard]] static entry* reshaped(const entry& from, bool has_deadline);
  /// Gives the cached value's bytes back; returns the block's new address. Precondition: cached().
  [[nodiscard]] static entry* drop_value(entry* block) noexcept;
  /// Caches `value` behind the key; returns the block's new address. Precondition: !cached() and
  /// !large() and value.size() == value_size().
  [[nodiscard]] static entry* take_value(entry* block, std::string_view value);

  [[nodiscard]] std::string_view key() const noexcept { return {bytes() + fixed(), key_size()}; }
  /// Bytes behind the key that mean something.
  [[nodiscard]] std::size_t tail_size() const noexcept;
  /// The bytes behind the key: the value while cached(), the list of parts if large().
  [[nodiscard]] const char* tail() const noexcept { return bytes() + fixed() + key_size(); }
  [[nodiscard]] char* tail() noexcept { return bytes() + fixed() + key_size(); }
  [[nodiscard]] std::string_view value() const noexcept { return {tail(), value_size_}; }
  [[nodiscard]] std::uint32_t key_size() const noexcept { return key_size_; }
  [[nodiscard]] std::uint32_t value_size() const noexcept { return value_size_; }

  /// Bytes malloc really spends on the block.
  [[nodiscard]] std::size_t block_bytes() const noexcept;
  /// The part of block_bytes() that evicting the value would give back; 0 unless cached().
  [[nodiscard]] std::size_t cached_bytes() const noexcept {
    return cached() ? block_bytes() - fixed() - key_size() : 0;
  }
  /// True if a cached value of `size` bytes and a deadline or none fit into this block as it is,
  /// without wasting much of it.
  [[nodiscard]] bool can_hold(std::size_t size, bool deadline) const noexcept {
    if (large_ || has_expire_record_ || deadline != (has_deadline_ != 0)) return false;
    return (cached_ && size == value_size_) || has_space_for(size);
  }

  // ---- what the key is ------------------------------------------------------------------------
  [[nodiscard]] lsn value_lsn() const noexcept { return value_lsn_; }
  /// LSN of the last change: value, deadline or tombstone.
  [[nodiscard]] lsn last_lsn() const noexcept { return last_lsn_; }
  /// Where the value's record (put or head) stands.
  [[nodiscard]] log::position where() const noexcept { return where_; }
  void set_value(lsn sequence, log::position where, std::uint32_t size) noexcept {
    value_lsn_ = last_lsn_ = sequence;
    where_ = where;
    value_size_ = size;
    form_ = 0;
  }
  void set_last_lsn(lsn sequence) noexcept { last_lsn_ = sequence; }

  /// 0 = never expires.
  [[nodiscard]] std::int64_t deadline_ms() const noexcept;
  /// Precondition: the shape has room for one.
  void set_deadline_ms(std::int64_t deadline_ms) noexcept;
  /// Segment of the expire record in force. Precondition: has_expire_record().
  [[nodiscard]] std::uint32_t expire_segment() const noexcept;
  void set_expire_segment(std::uint32_t segment) noexcept;

  /// The marks that this entry's slot must have.
  [[nodiscard]] unsigned marks() const noexcept {
    return (cached_ != 0 ? mark_cached : 0u) | (has_deadline_ != 0 ? mark_deadline : 0u);
  }
  [[nodiscard]] bool has_deadline() const noexcept { return has_deadline_; }
  [[nodiscard]] bool has_expire_record() const noexcept { return has_expire_record_; }
  [[nodiscard]] bool cached() const noexcept { return cached_; }
  [[nodiscard]] bool deleted() const noexcept { return deleted_; }
  [[nodiscard]] bool large() const noexcept { return large_; }
  [[nodiscard]] bool visited() const noexcept { return visited_; }
  /// Durability demanded of the last change.
  [[nodiscard]] durability level() const noexcept { return static_cast<durability>(level_); }

  [[nodiscard]] value_form form() const noexcept { return static_cast<value_form>(form_); }

  void set_cached(bool yes) noexcept { cached_ = yes; }
  void set_deleted(bool yes) noexcept { deleted_ = yes; }
  void set_large(bool yes) noexcept { large_ = yes; }
  void set_visited(bool yes) noexcept { visited_ = yes; }
  void set_level(durability level) noexcept { level_ = static_cast<std::uint32_t>(level) & 3u; }
  /// Holds until the next set_value().
  void set_form(value_form form) noexcept { form_ = static_cast<std::uint32_t>(form) & 3u; }

 private:
  entry() = default;

  [[nodiscard]] bool has_space_for(std::size_t value_size) const noexcept;
  [[nodiscard]] const char* bytes() const noexcept { return reinterpret_cast<const char*>(this); }
  [[nodiscard]] char* bytes() noexcept { return reinterpret_cast<char*>(this); }
  /// Bytes before the key.
  [[nodiscard]] std::size_t fixed() const noexcept {
    return sizeof(entry) + 8 * (std::size_t{has_deadline_} + std::size_t{has_expire_record_});
  }

  lsn value_lsn_;                //  0
  lsn last_lsn_;                 //  8
  log::position where_;          // 16
  std::uint32_t value_size_;     // 24
  std::uint32_t key_size_ : 17;  // 28, and the flags
  std::uint32_t has_deadline_ : 1;
  std::uint32_t has_expire_record_ : 1;
  std::uint32_t cached_ : 1;
  std::uint32_t deleted_ : 1;
  std::uint32_t large_ : 1;
  std::uint32_t visited_ : 1;
  std::uint32_t level_ : 2;
  std::uint32_t form_ : 2;
};
static_assert(sizeof(entry) == 8 + 8 + 8 + 4 + 4, "32 bytes a key beside key and value");
static_assert(limits::key_bytes_max < 1u << 17);
static_assert(limits::value_bytes_max <= UINT32_MAX);

}  // namespace troupe::kv
