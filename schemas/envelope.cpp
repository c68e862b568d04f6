#include "schemas/envelope.hpp"

#include <algorithm>
#include <cstring>

namespace troupe::schemas::detail {

block* allocate_block(std::uint32_t words) {
  auto* memory = std::malloc(sizeof(block) + std::size_t{words} * sizeof(capnp::word));
  if (memory == nullptr) throw std::bad_alloc();
  return new (memory) block{1, words};
}

void release_block(block* released) noexcept {
  if (released->references.fetch_sub(1, std::memory_order_acq_rel) == 1) std::free(released);
}

block_builder::block_builder(std::uint32_t capacity_words, std::uint32_t blob_words)
    : block_(allocate_block(capacity_words)), capacity_(capacity_words), blob_(blob_words) {}

block_builder::~block_builder() {
  if (block_ != nullptr) release_block(block_);
}

kj::ArrayPtr<capnp::word> block_builder::allocateSegment(kj::uint minimum_words) {
  if (!used_ && minimum_words <= capacity_) {
    used_ = true;
    // Cap'n Proto wants zeroed memory: fields left alone must read as their defaults. The blob
    // begins somewhere behind the fixed fields and ends before `capacity_`, so everything but it
    // lies in the first or the last `capacity_ - blob_` words.
    const auto rest = capacity_ - blob_;
    auto* first = words_of(block_);
    std::memset(static_cast<void*>(first), 0, rest * sizeof(capnp::word));
    std::memset(static_cast<void*>(first + std::max(rest, blob_)), 0,
                (capacity_ - std::max(rest, blob_)) * sizeof(capnp::word));
    return {words_of(block_), capacity_};
  }
  auto size = std::max<std::size_t>(minimum_words, capacity_);
  auto segment = kj::heapArray<capnp::word>(size);
  std::memset(static_cast<void*>(segment.begin()), 0, size * sizeof(capnp::word));
  overflow_.add(kj::mv(segment));
  return overflow_.back();
}

block* block_builder::finish() {
  const auto segments = getSegmentsForOutput();
  if (segments.size() == 1 && segments[0].begin() == words_of(block_)) {
    block_->words = static_cast<std::uint32_t>(segments[0].size());
    return std::exchange(block_, nullptr);
  }
  // More than one segment: copy the message into one block of the right size.
  auto flat = capnp::messageToFlatArray(segments);
  capnp::FlatArrayMessageReader source(flat, {std::uint64_t{1} << 32, 64});
  const auto root = source.getRoot<capnp::AnyPointer>();
  const auto words = static_cast<std::uint32_t>(root.targetSize().wordCount + 1);
  block_builder larger(words, 0);
  larger.setRoot(root);
  const auto copied = larger.getSegmentsForOutput();
  ENSURE(copied.size() == 1);
  larger.block_->words = static_cast<std::uint32_t>(copied[0].size());
  return std::exchange(larger.block_, nullptr);
}

}  // namespace troupe::schemas::detail
