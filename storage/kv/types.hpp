// The values that go in and out of the key-value store.
//
// Place: storage/kv; plain data, used by the store, by command handlers and by shards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/base/ids.hpp"
#include "storage/index/key_hash.hpp"
#include "storage/log/log_types.hpp"

namespace troupe::kv {

using troupe::key_hash;

/// Somebody who WATCHes keys (a client connection); chosen by the caller.
using watcher_id = strong<struct watcher_tag, std::uint64_t>;

/// Somebody whose value arrives part by part (a client connection); chosen by the caller. One value
/// at a time.
using upload_id = strong<struct upload_tag, std::uint64_t>;

/// What the store knows about a key's value.
enum class presence : std::uint8_t {
  absent,   ///< no such key, or it is expired
  present,  ///< the key exists; after find() its bytes are in `value`
  cold,     ///< the key exists, but its bytes must be read from the log: see store::missing()
  large,    ///< the key exists, its value stands in parts: see store::parts_of()
};

/// Bytes of a value.
struct byte_range {
  std::uint64_t offset = 0;
  std::uint64_t size = UINT64_MAX;  ///< cut to what there is
};

/// How a value came to be, for commands that show it; its bytes do not say. A restart forgets it.
enum class value_form : std::uint8_t {
  natural,   ///< stored as it is
  grown,     ///< changed in place
  computed,  ///< text that is no number even if it reads like one
  copied,    ///< of its own, though it reads like a value that many keys share
};

/// A key as a lookup saw it. `value` is valid until the next call that changes the store, supply()
/// or drop_loans(); all other fields are copies.
struct found {
  presence state = presence::absent;
  std::string_view value{};
  std::uint64_t value_size = 0;
  std::int64_t deadline_ms = 0;  ///< 0 = never expires
  lsn value_lsn{};
  value_form form = value_form::natural;
};

/// Where the value of a key stands in the log.
struct standing {
  log::position where{};  ///< of its record, the head if the value is large
  lsn value_lsn{};
  std::uint64_t log_bytes = 0;  ///< of all records that make up the value
  bool in_memory = false;       ///< a read needs nothing of the log
};

/// Whether a command's reads mark values as used, for the memory tier.
enum class reading : std::uint8_t { marks, leaves_no_mark };

/// Whether the sweeper removes what expired.
enum class sweeping : std::uint8_t { off, on };

/// Reads since the store was made, by what they met.
struct read_counts {
  std::uint64_t hits = 0;
  std::uint64_t misses = 0;
};

/// One piece of a large value.
struct part_position {
  log::position where{};
  std::uint32_t size = 0;  ///< of the whole record
  lsn sequence{};
  std::uint32_t value_size = 0;  ///< of the piece
};

/// Bytes of a large value as it stands in the log: those of `parts` in order, without the first
/// `skip`, up to `size`.
struct value_parts {
  lsn value_lsn{};  ///< once it is durable, all parts are
  std::uint64_t skip = 0;
  std::uint64_t size = 0;
  std::vector<part_position> parts{};
};

/// A stretch of a large value that is to be put together: a part that some value of the store has,
/// or new bytes, which become a part of their own.
struct value_piece {
  std::optional<part_position> part{};
  std::string_view bytes{};  ///< without `part`; at most limits::part_bytes_max
  std::uint32_t times = 1;   ///< how often it follows itself
};

/// A record whose value must be read from the log: a put of `key`, or a part, whose key may be
/// another one.
struct cold_read {
  enum class kind : std::uint8_t { put, part } what = kind::put;
  log::position where{};
  std::uint32_t size = 0;  ///< of the whole record at `where`
  lsn sequence{};
  std::uint64_t value_size = 0;
  std::string key{};
};

/// Oldest segments that hold nothing any more.
struct retirable_prefix {
  std::uint32_t first_live_ordinal = 0;  ///< all segments below it may go
  lsn consistent_from{};                 ///< no record was dropped because of an LSN above this one
  lsn purged{};                          ///< highest LSN of a tombstone that goes with them
};

/// Where the memory goes, in bytes; what malloc really hands out.
struct memory_figures {
  std::uint64_t value_bytes = 0;        ///< cached values, bounded by the budget
  std::uint64_t value_budget = 0;       ///< store_options::memory_bytes
  std::uint64_t undecided_bytes = 0;    ///< parts of large values that are not durable yet
  std::uint64_t key_bytes = 0;          ///< entries without their cached values
  std::uint64_t index_bytes = 0;        ///< tables that find the entries
  std::uint64_t releasing_entries = 0;  ///< flushed entries that release_some() has still to free
  std::uint64_t evicted_values = 0;     ///< since the start
  std::uint64_t cold_finds = 0;         ///< since the start
};

}  // namespace troupe::kv
