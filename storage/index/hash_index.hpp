// A set of entries found by their keys: about 10 bytes a key, one cache miss to the slot and one to
// the entry, no long pause while it grows or shrinks.
//
// Place: storage/index; owned by an engine, used on its thread. Extendible hashing: a directory
// (directory.hpp) by the first hash bits, under it small sub-tables (sub_table.hpp) of cache-line
// buckets. Why: README.md of this folder.
// Invariants: (1) a key is there at most once; (2) slots lie in hash order, so a scan position is
// the first 40 bits of a hash and means the same before and after any growth; (3) entries are
// borrowed: the index never frees one.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/prng.hpp"
#include "storage/index/directory.hpp"

namespace troupe::index {

/// The slot of one entry, or none. Valid until the next insert or erase.
template <class Entry>
class place {
 public:
  place() = default;
  explicit place(slot* at) noexcept : at_(at) {}

  explicit operator bool() const noexcept { return at_ != nullptr; }
  [[nodiscard]] Entry* entry() const noexcept { return static_cast<Entry*>(address_of(*at_)); }
  /// Four bits that the owner may use as it likes; readable without touching the entry.
  [[nodiscard]] unsigned marks() const noexcept {
    return static_cast<unsigned>(*at_ & slot_mark_bits);
  }
  /// The same key's entry at another address, with these marks.
  void replace(const Entry* entry, unsigned marks) const {
    *at_ = make_slot(tag_of(*at_), entry, marks);
  }
  [[nodiscard]] slot* address() const noexcept { return at_; }

 private:
  slot* at_ = nullptr;
};

/// Hash index over `Entry`, which has `std::string_view key() const` and 16-byte aligned objects.
template <class Entry>
class hash_index {
 public:
  explicit hash_index(key_hasher hasher) : hasher_(hasher), directory_(hasher, &hash_of_entry) {}

  [[nodiscard]] key_hash hash(std::string_view key) const noexcept { return hasher_(key); }
  [[nodiscard]] std::uint64_t size() const noexcept { return directory_.size(); }
  [[nodiscard]] std::size_t bytes() const noexcept { return directory_.bytes(); }

  // Inlined by force: to g++ a function that only prefetches has no effect, so it drops the call.
  [[gnu::always_inline]] void prefetch_bucket(key_hash hash) const noexcept {
    const sub_table table = directory_.at(hash);
    __builtin_prefetch(table.buckets() + table.home(table.tag(hash)));
  }
  /// Second step: wants the bucket in cache already.
  [[gnu::always_inline]] void prefetch_entry(key_hash hash) const noexcept {
    const sub_table table = directory_.at(hash);
    const std::uint32_t tag = table.tag(hash);
    const bucket& home = table.buckets()[table.home(tag)];
    const unsigned matching = home.matching(tag);
    if (matching == 0) return;
    // An entry of 16 + 100 bytes lies in three lines or four. Reckoned in integers: no pointer may
    // leave its entry, and a free slot, which counts as tag 0, has none.
    const auto entry =
        reinterpret_cast<std::uintptr_t>(address_of(home.slots[std::countr_zero(matching)]));
    __builtin_prefetch(reinterpret_cast<const void*>(entry));
    __builtin_prefetch(reinterpret_cast<const void*>(entry + sizeof(bucket)));
    __builtin_prefetch(reinterpret_cast<const void*>(entry + 2 * sizeof(bucket)));
    __builtin_prefetch(reinterpret_cast<const void*>(entry + 3 * sizeof(bucket) - 48));
  }

  /// The entry of `hash` for which `matches(entry)` holds.
  template <class Matches>
  [[nodiscard]] place<Entry> find_if(key_hash hash, Matches&& matches) const;
  [[nodiscard]] place<Entry> find(key_hash hash, std::string_view key) const {
    return find_if(hash, [key](const Entry& entry) { return entry.key() == key; });
  }
  /// Precondition: the key is not there.
  place<Entry> insert(key_hash hash, const Entry* entry, unsigned marks) {
    return place<Entry>(directory_.insert(hash, entry, marks));
  }
  /// Takes out the entry at `at`, which find returned for `hash`.
  void erase(key_hash hash, place<Entry> at) { directory_.erase(hash, at.address()); }

  /// Visits entries (as places) from `cursor` on in hash order until `count` were visited or
  /// 2 * count + 16 buckets looked at, always at least one bucket to its end. Returns the next
  /// cursor, 0 = the end was reached. `visit` may replace entries and marks, not insert or erase.
  template <class Visit>
  std::uint64_t scan_from(std::uint64_t cursor, std::size_t count, Visit&& visit) const;

  /// A place chosen at random, about equally likely each; none if the index is empty.
  [[nodiscard]] place<Entry> random(prng& source) const;

  /// Frees the tables in steps: see directory::drain.
  template <class Visit>
  bool drain(Visit&& visit) {
    return directory_.drain([&](void* address) { visit(static_cast<Entry*>(address)); });
  }

 private:
  static constexpr unsigned cursor_bits = 40;

  static key_hash hash_of_entry(const key_hasher& hasher, const void* entry) {
    return hasher(static_cast<const Entry*>(entry)->key());
  }
  template <class Visit>
  static std::size_t visit_home(sub_table table, std::uint32_t home, std::uint32_t from_tag,
                                Visit& visit);

  key_hasher hasher_;
  directory directory_;
};

template <class Entry>
template <class Matches>
place<Entry> hash_index<Entry>::find_if(key_hash hash, Matches&& matches) const {
  const sub_table table = directory_.at(hash);
  const std::uint32_t tag = table.tag(hash);
  for (std::uint32_t at = table.home(tag);; at = table.after(at)) {
    bucket& here = table.buckets()[at];
    for (unsigned same = here.matching(tag); same != 0; same &= same - 1) {
      slot& word = here.slots[std::countr_zero(same)];
      if (word == 0) break;  // tag 0, and behind a free slot there are only free ones
      if (matches(*static_cast<const Entry*>(address_of(word)))) return place<Entry>(&word);
    }
    if (!here.full()) return {};
  }
}

template <class Entry>
template <class Visit>
std::size_t hash_index<Entry>::visit_home(sub_table table, std::uint32_t home,
                                          std::uint32_t from_tag, Visit& visit) {
  std::size_t seen = 0;
  for (std::uint32_t at = home;; at = table.after(at)) {
    bucket& here = table.buckets()[at];
    for (slot& word : here.slots) {
      if (word == 0) return seen;
      const std::uint32_t tag = tag_of(word);
      if (tag < from_tag || table.home(tag) != home) continue;
      visit(place<Entry>(&word));
      ++seen;
    }
  }
}

template <class Entry>
template <class Visit>
std::uint64_t hash_index<Entry>::scan_from(std::uint64_t cursor, std::size_t count,
                                           Visit&& visit) const {
  std::size_t buckets_left = 2 * count + 16;
  std::size_t seen = 0;
  std::uint64_t position = cursor & ((1ull << cursor_bits) - 1);
  for (;;) {
    const key_hash hash{position << (64 - cursor_bits)};
    const sub_table table = directory_.at(hash);
    const unsigned tag_shift = cursor_bits - table.depth() - 16;
    const std::uint64_t base = position >> (tag_shift + 16) << (tag_shift + 16);
    std::uint32_t tag = table.tag(hash);
    for (std::uint32_t home = table.home(tag); home < table.bucket_count(); ++home) {
      seen += visit_home(table, home, tag, visit);
      tag = table.first_tag(home + 1);
      position = base + (std::uint64_t{tag} << tag_shift);
      if (position == 1ull << cursor_bits) return 0;
      if (seen >= count || --buckets_left == 0) return position;
    }
  }
}

template <class Entry>
place<Entry> hash_index<Entry>::random(prng& source) const {
  if (size() == 0) return {};
  // Any slot is as likely as any other; tables are at least 40 % full unless nearly all is gone.
  for (int attempt = 0; attempt < 64; ++attempt) {
    const sub_table table = directory_.at({source.next()});
    slot& word =
        table.buckets()[source.below(table.bucket_count())].slots[source.below(slots_per_bucket)];
    if (word != 0) return place<Entry>(&word);
  }
  place<Entry> first;
  const std::uint64_t start = source.next() >> (64 - cursor_bits);
  for (std::uint64_t cursor = start; !first;) {
    cursor = scan_from(cursor, 1, [&](place<Entry> at) { first = at; });
  }
  return first;
}

}  // namespace troupe::index
