#include "storage/index/sub_table.hpp"

#include <cstring>
#include <new>
#include <vector>

namespace troupe::index {

sub_table sub_table::make(unsigned depth, std::uint32_t buckets) {
  ENSURE(depth <= depth_max && buckets > 0 && buckets <= UINT16_MAX);
  const std::size_t bytes = (std::size_t{1} + buckets) * sizeof(bucket);
  void* block = ::operator new (bytes, std::align_val_t{alignof(bucket)});
  std::memset(block, 0, bytes);
  const auto first =
      static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(block)) + sizeof(bucket);
  ENSURE((first & ~address_bits) == 0);
  sub_table made;
  made.word_ = (std::uint64_t{buckets} << 48) | first | depth;
  return made;
}

void sub_table::release() noexcept {
  ::operator delete (buckets() - 1, std::align_val_t{alignof(bucket)});
  word_ = 0;
}

slot* sub_table::place(slot word) noexcept {
  for (std::uint32_t at = home(tag_of(word));; at = after(at)) {
    bucket& here = buckets()[at];
    if (here.full()) continue;
    for (slot& candidate : here.slots) {
      if (candidate != 0) continue;
      candidate = word;
      return &candidate;
    }
  }
}

slot* sub_table::insert(slot word) noexcept {
  ++header().count;
  return place(word);
}

void sub_table::erase(slot* at) noexcept {
  bucket* const base = buckets();
  const std::uint32_t count = bucket_count();
  auto hole = static_cast<std::uint32_t>((at - base->slots) / slots_per_bucket);
  --header().count;
  for (;;) {
    bucket& here = base[hole];
    const bool was_full = here.full();
    unsigned last = slots_per_bucket - 1;
    while (here.slots[last] == 0) --last;
    *at = here.slots[last];
    here.slots[last] = 0;
    if (!was_full) return;
    // The bucket has room now: bring back one entry that had to go past it, and go on with the
    // hole that leaves. A bucket that is not full ends the search: nothing went past it.
    at = nullptr;
    for (std::uint32_t next = after(hole); at == nullptr; next = after(next)) {
      for (slot& candidate : base[next].slots) {
        if (candidate == 0) break;
        const std::uint32_t wanted = home(tag_of(candidate));
        const std::uint32_t from_home = (next + count - wanted) % count;
        const std::uint32_t from_hole = (next + count - hole) % count;
        if (from_home < from_hole) continue;
        here.slots[last] = candidate;
        at = &candidate;
        hole = next;
        break;
      }
      if (at == nullptr && !base[next].full()) return;
    }
  }
}

sub_table sub_table::resized(std::uint32_t buckets_wanted) const {
  sub_table into = make(depth(), buckets_wanted);
  for (std::uint32_t at = 0; at < bucket_count(); ++at)
    for (const slot word : buckets()[at].slots)
      if (word != 0) into.insert(word);
  return into;
}

std::pair<sub_table, sub_table> sub_table::split(const key_hasher& hasher, rehash hash_of) const {
  std::vector<slot> words;
  words.reserve(size());
  std::uint32_t upper_count = 0;
  for (std::uint32_t at = 0; at < bucket_count(); ++at) {
    for (const slot word : buckets()[at].slots) {
      if (word == 0) continue;
      words.push_back(word);
      upper_count += tag_of(word) >> 15;
    }
  }
  const auto lower_count = static_cast<std::uint32_t>(words.size()) - upper_count;
  sub_table lower = make(depth() + 1, buckets_for(lower_count));
  sub_table upper = make(depth() + 1, buckets_for(upper_count));
  // The new tag's last bit is in the key alone; ask for the entries well before they are needed.
  constexpr std::size_t ahead = 12;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i + ahead < words.size()) __builtin_prefetch(address_of(words[i + ahead]));
    const key_hash hash = hash_of(hasher, address_of(words[i]));
    sub_table& into = tag_of(words[i]) >> 15 != 0 ? upper : lower;
    into.insert(with_tag(words[i], into.tag(hash)));
  }
  return {lower, upper};
}

sub_table sub_table::merged(sub_table lower, sub_table upper) {
  sub_table into = make(lower.depth() - 1, buckets_for(lower.size() + upper.size()));
  for (const sub_table from : {lower, upper}) {
    const std::uint32_t top = from.word_ == upper.word_ ? 0x8000 : 0;
    for (std::uint32_t at = 0; at < from.bucket_count(); ++at)
      for (const slot word : from.buckets()[at].slots)
        if (word != 0) into.insert(with_tag(word, top | (tag_of(word) >> 1)));
  }
  return into;
}

}  // namespace troupe::index
