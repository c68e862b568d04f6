#include "storage/index/directory.hpp"

#include <algorithm>
#include <utility>

namespace troupe::index {

directory::directory(key_hasher hasher, rehash hash_of) : hasher_(hasher), hash_of_(hash_of) {
  tables_.resize(1);
  tables_[0] = sub_table::make(0, 1);
  adopt(tables_[0]);
}

directory::~directory() { release_all(); }

directory::directory(directory&& other) noexcept
    : hasher_(other.hasher_),
      hash_of_(other.hash_of_),
      tables_(std::exchange(other.tables_, {})),
      depth_(other.depth_),
      size_(std::exchange(other.size_, 0)),
      bytes_(other.bytes_),
      at_depth_(other.at_depth_),
      drained_(std::exchange(other.drained_, 0)) {}

directory& directory::operator=(directory&& other) noexcept {
  if (this == &other) return *this;
  release_all();
  hasher_ = other.hasher_;
  hash_of_ = other.hash_of_;
  tables_ = std::exchange(other.tables_, {});
  depth_ = other.depth_;
  size_ = std::exchange(other.size_, 0);
  bytes_ = other.bytes_;
  at_depth_ = other.at_depth_;
  drained_ = std::exchange(other.drained_, 0);
  return *this;
}

void directory::release_all() noexcept {
  while (drained_ < tables_.size()) {
    const sub_table table = tables_[drained_];
    drained_ += std::size_t{1} << (depth_ - table.depth());
    discard(table);
  }
}

void directory::adopt(sub_table table) noexcept {
  bytes_ += table.bytes();
  ++at_depth_[table.depth()];
}

void directory::discard(sub_table table) noexcept {
  bytes_ -= table.bytes();
  --at_depth_[table.depth()];
  table.release();
}

void directory::put_in(key_hash hash, sub_table now) noexcept {
  const std::size_t words = std::size_t{1} << (depth_ - now.depth());
  const auto word = static_cast<std::size_t>((hash.value >> 1) >> (63 - depth_));
  const std::size_t first = word & ~(words - 1);
  std::fill_n(tables_.begin() + static_cast<std::ptrdiff_t>(first), words, now);
  adopt(now);
}

slot* directory::insert(key_hash hash, const void* address, unsigned marks) {
  while (at(hash).at_limit()) grow(hash);
  sub_table table = at(hash);
  ++size_;
  return table.insert(make_slot(table.tag(hash), address, marks));
}

void directory::erase(key_hash hash, slot* place) {
  sub_table table = at(hash);
  table.erase(place);
  --size_;
  // Below 40 % of the slots; a sub-table grows to 80 %, so both ways need many steps in between.
  if (table.size() * 5 < table.bucket_count() * slots_per_bucket * 2) shrink(hash);
}

void directory::grow(key_hash hash) {
  const sub_table table = at(hash);
  const std::uint32_t buckets = table.bucket_count();
  if (buckets >= split_buckets && table.depth() < depth_max) return split(hash);
  const std::uint32_t step = buckets + std::max(1u, buckets / 4);
  const std::uint32_t wanted = table.depth() < depth_max ? std::min(step, split_buckets) : step;
  const sub_table larger = table.resized(wanted);
  put_in(hash, larger);
  discard(table);
}

void directory::split(key_hash hash) {
  const sub_table table = at(hash);
  if (table.depth() == depth_) {
    std::vector<sub_table> doubled(tables_.size() * 2);
    for (std::size_t i = 0; i < tables_.size(); ++i)
      doubled[2 * i] = doubled[2 * i + 1] = tables_[i];
    tables_ = std::move(doubled);
    ++depth_;
  }
  const auto [lower, upper] = table.split(hasher_, hash_of_);
  const std::uint64_t half = 1ull << (63 - table.depth());
  put_in({hash.value & ~half}, lower);
  put_in({hash.value | half}, upper);
  discard(table);
}

void directory::shrink(key_hash hash) {
  const sub_table table = at(hash);
  if (table.depth() > 0 && merge(hash)) return;
  const std::uint32_t wanted = buckets_for(table.size());
  if (wanted >= table.bucket_count()) return;
  const sub_table smaller = table.resized(wanted);
  put_in(hash, smaller);
  discard(table);
}

bool directory::merge(key_hash hash) {
  const sub_table table = at(hash);
  const std::uint64_t half = 1ull << (64 - table.depth());
  const sub_table lower = at({hash.value & ~half});
  const sub_table upper = at({hash.value | half});
  if (lower.depth() != upper.depth() || lower.size() + upper.size() > merge_entries) return false;
  put_in(hash, sub_table::merged(lower, upper));
  discard(lower);
  discard(upper);
  while (depth_ > 0 && at_depth_[depth_] == 0) {
    std::vector<sub_table> halved(tables_.size() / 2);
    for (std::size_t i = 0; i < halved.size(); ++i) halved[i] = tables_[2 * i];
    tables_ = std::move(halved);
    --depth_;
  }
  return true;
}

}  // namespace troupe::index
