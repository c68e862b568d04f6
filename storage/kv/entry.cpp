#include "storage/kv/entry.hpp"

#include <malloc.h>

#include <cstdlib>
#include <cstring>
#include <new>

#include "storage/base/coding.hpp"
#include "storage/base/ensure.hpp"
#include "storage/kv/large_value.hpp"

namespace troupe::kv {
namespace {

// A block that is reused for another size may waste this much and no more.
constexpr std::size_t waste_max = 64;

}  // namespace

entry* entry::create(const entry_shape& shape, std::string_view key) {
  const std::size_t fixed =
      sizeof(entry) + 8 * (std::size_t{shape.has_deadline} + std::size_t{shape.has_expire_record});
  void* memory = std::malloc(fixed + key.size() + shape.tail_size);
  ENSURE(memory != nullptr);
  std::memset(memory, 0, fixed);
  entry* made = ::new (memory) entry();
  made->key_size_ = static_cast<std::uint32_t>(key.size()) & 0x1FFFFu;
  made->has_deadline_ = shape.has_deadline;
  made->has_expire_record_ = shape.has_expire_record;
  std::memcpy(made->bytes() + fixed, key.data(), key.size());
  return made;
}

void entry::destroy(entry* block) noexcept { std::free(block); }

entry* entry::reshaped(const entry& from, bool has_deadline) {
  const entry_shape shape{
      .tail_size = from.tail_size(), .has_deadline = has_deadline, .has_expire_record = true};
  entry* copy = create(shape, from.key());
  copy->value_lsn_ = from.value_lsn_;
  copy->last_lsn_ = from.last_lsn_;
  copy->where_ = from.where_;
  copy->value_size_ = from.value_size_;
  copy->cached_ = from.cached_;
  copy->deleted_ = from.deleted_;
  copy->large_ = from.large_;
  copy->visited_ = from.visited_;
  copy->level_ = from.level_;
  copy->form_ = from.form_;
  std::memcpy(copy->tail(), from.tail(), shape.tail_size);
  return copy;
}

entry* entry::drop_value(entry* block) noexcept {
  block->cached_ = false;
  block->visited_ = false;
  void* smaller = std::realloc(block, block->fixed() + block->key_size());
  return smaller == nullptr ? block : static_cast<entry*>(smaller);
}

entry* entry::take_value(entry* block, std::string_view value) {
  void* larger = std::realloc(block, block->fixed() + block->key_size() + value.size());
  ENSURE(larger != nullptr);
  auto* moved = static_cast<entry*>(larger);
  std::memcpy(moved->tail(), value.data(), value.size());
  moved->cached_ = true;
  return moved;
}

std::size_t entry::block_bytes() const noexcept {
  // const_cast: the C library's signature; it only reads the block's size.
  return malloc_usable_size(const_cast<entry*>(this));
}

std::size_t entry::tail_size() const noexcept {
  if (large_) return part_list_bytes(listed_parts(tail()));
  return cached_ ? value_size_ : 0;
}

bool entry::has_space_for(std::size_t value_size) const noexcept {
  const std::size_t wanted = fixed() + key_size() + value_size;
  const std::size_t block = block_bytes();
  return wanted <= block && block - wanted <= waste_max;
}

std::int64_t entry::deadline_ms() const noexcept {
  return has_deadline_ ? load_le<std::int64_t>(bytes() + sizeof(entry)) : 0;
}

void entry::set_deadline_ms(std::int64_t deadline_ms) noexcept {
  ENSURE(has_deadline_);
  store_le(bytes() + sizeof(entry), deadline_ms);
}

std::uint32_t entry::expire_segment() const noexcept {
  ENSURE(has_expire_record_);
  return load_le<std::uint32_t>(bytes() + fixed() - 8);
}

void entry::set_expire_segment(std::uint32_t segment) noexcept {
  ENSURE(has_expire_record_);
  store_le(bytes() + fixed() - 8, segment);
}

}  // namespace troupe::kv
