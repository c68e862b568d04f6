#include "tests/sim/disk_image.hpp"

#include <algorithm>
#include <cstring>

#include "storage/base/coding.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::sim {

std::size_t disk_image::read(std::uint64_t offset, std::span<char> into) const {
  if (offset >= size_) return 0;
  const auto length = std::min<std::uint64_t>(into.size(), size_ - offset);
  for (std::uint64_t done = 0; done < length;) {
    const auto at = offset + done;
    const auto piece = std::min(length - done, page_bytes - at % page_bytes);
    const auto index = at / page_bytes;
    if (index < pages_.size() && pages_[index]) {
      std::memcpy(into.data() + done, pages_[index]->data() + at % page_bytes, piece);
    } else {
      std::memset(into.data() + done, 0, piece);
    }
    done += piece;
  }
  return length;
}

void disk_image::store(std::uint64_t offset, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto index = offset / page_bytes;
    const auto within = offset % page_bytes;
    const auto piece = bytes.substr(0, page_bytes - within);
    if (index >= pages_.size()) pages_.resize(index + 1);
    if (!pages_[index]) pages_[index] = std::make_unique<page>();
    std::memcpy(pages_[index]->data() + within, piece.data(), piece.size());
    offset += piece.size();
    bytes.remove_prefix(piece.size());
  }
}

void disk_image::remember(std::uint64_t first_block, std::uint64_t last_block) {
  for (auto index = first_block; index <= last_block; ++index) {
    block before{};
    const auto copied = read(index * block_bytes, before);
    ENSURE(copied <= block_bytes);
    older_[index].push_back(before);
  }
}

void disk_image::write(std::uint64_t offset, std::string_view bytes, promise given) {
  if (bytes.empty()) return;
  const auto first = offset / block_bytes;
  const auto last = (offset + bytes.size() - 1) / block_bytes;
  const auto durable = given == promise::durable && !broken_;
  if (!durable) remember(first, last);
  store(offset, bytes);
  size_ = std::max(size_, offset + bytes.size());
  if (!durable) return;
  older_.erase(older_.lower_bound(first), older_.upper_bound(last));
  durable_size_ = std::max(durable_size_, offset + bytes.size());
}

void disk_image::write_some(std::uint64_t offset, std::string_view bytes, prng& random) {
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, block_bytes - offset % block_bytes);
    if (random.one_in(2)) write(offset, piece, promise::none);
    offset += piece.size();
    bytes.remove_prefix(piece.size());
  }
}

void disk_image::grow(std::uint64_t size, promise given) {
  ENSURE(size >= size_);
  size_ = size;
  if (given == promise::durable && !broken_) durable_size_ = size;
}

void disk_image::promise_all() {
  if (broken_) return;
  older_.clear();
  durable_size_ = size_;
}

void disk_image::resolve(prng& random) {
  // Each crash keeps all, most, half, few or none of a file's unpromised blocks, so that the
  // corners (nothing lost, everything lost, one block lost) are as common as the middle.
  constexpr std::array<std::uint64_t, 5> odds_of_newest{0, 1, 8, 15, 16};
  const auto odds = odds_of_newest[random.below(odds_of_newest.size())];
  for (const auto& [index, versions] : older_) {
    if (random.below(16) < odds) continue;
    const auto& chosen = versions[random.below(versions.size())];
    store(index * block_bytes, {chosen.data(), chosen.size()});
  }
  older_.clear();
  resolve_size(random, odds);
  durable_size_ = size_;
  broken_ = false;
}

void disk_image::resolve_size(prng& random, std::uint64_t odds_of_newest) {
  const auto before = size_;
  if (size_ > durable_size_ && random.below(16) >= odds_of_newest) {
    // The growth reached the disk up to some block, or not at all.
    const auto lost =
        random.one_in(2) ? before - durable_size_ : random.below(before - durable_size_ + 1);
    size_ = std::max(durable_size_, (before - lost) / block_bytes * block_bytes);
  }
  pages_.resize(std::min<std::uint64_t>(pages_.size(), align_up(size_, page_bytes) / page_bytes));
  const auto within = size_ % page_bytes;
  if (within == 0 || size_ / page_bytes >= pages_.size()) return;
  // A block put back above may reach beyond the end.
  if (auto& tail = pages_[size_ / page_bytes]) {
    std::memset(tail->data() + within, 0, page_bytes - within);
  }
}

void disk_image::flip_bit(std::uint64_t bit) {
  const auto at = bit / 8;
  ENSURE(at < size_);
  const auto mask = static_cast<unsigned char>(1u << (bit % 8));
  const auto flip = [mask](char& byte) {
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ mask);
  };
  char byte = 0;
  ENSURE(read(at, {&byte, 1}) == 1);
  flip(byte);
  store(at, {&byte, 1});
  const auto found = older_.find(at / block_bytes);
  if (found == older_.end()) return;
  for (auto& version : found->second) flip(version[at % block_bytes]);
}

}  // namespace troupe::sim
