// envelope<T>: one immutable Cap'n Proto message of type T as a CAF value.
//
// Place: schemas; every message between actors is one. A copy is one atomic increment, so an
// envelope may sit in several mailboxes at once and be read from several threads.
// Invariants:
//  1. The block behind an envelope never changes after builder::finish().
//  2. It holds one single-segment message, without segment table, in 8-byte words.
//  3. A message from outside is bounded (message_words_max) before anything is allocated.
// Source: shared-block design measured for CAF 0.17.6; see actors/README.md, "Messages".
#pragma once

#include <capnp/message.h>
#include <capnp/serialize.h>

#include <atomic>
#include <caf/deserializer.hpp>
#include <caf/error.hpp>
#include <caf/sec.hpp>
#include <caf/serializer.hpp>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "storage/base/ensure.hpp"
#include "storage/base/limits.hpp"

namespace troupe::schemas {

/// Largest message in 8-byte words: a full frame plus its fixed fields.
inline constexpr std::uint32_t message_words_max = (limits::frame_bytes_max + 64 * 1024) / 8;

namespace detail {

/// Header of a shared block; the words follow it.
struct block {
  std::atomic<std::uint32_t> references;
  std::uint32_t words;
};
static_assert(sizeof(block) == 8);

block* allocate_block(std::uint32_t words);
void release_block(block* released) noexcept;
inline capnp::word* words_of(block* owner) { return reinterpret_cast<capnp::word*>(owner + 1); }

/// Builds straight into a block; a message that outgrows it is copied into a larger one by finish.
class block_builder final : public capnp::MessageBuilder {
 public:
  /// Of the block, `blob_words` in the middle are not zeroed; see envelope::builder.
  block_builder(std::uint32_t capacity_words, std::uint32_t blob_words);
  ~block_builder() override;
  block_builder(const block_builder&) = delete;
  block_builder& operator=(const block_builder&) = delete;

  kj::ArrayPtr<capnp::word> allocateSegment(kj::uint minimum_words) override;
  /// Hands the block over; the builder is empty afterwards.
  block* finish();

 private:
  block* block_;
  std::uint32_t capacity_;
  std::uint32_t blob_;
  bool used_ = false;
  kj::Vector<kj::Array<capnp::word>> overflow_;
};

}  // namespace detail

/// An immutable, shared message. Empty (`!envelope`) only when default constructed or moved from.
template <class T>
class envelope {
 public:
  envelope() = default;
  envelope(const envelope& other) noexcept : block_(other.block_) {
    if (block_ != nullptr) block_->references.fetch_add(1, std::memory_order_relaxed);
  }
  envelope(envelope&& other) noexcept : block_(std::exchange(other.block_, nullptr)) {}
  envelope& operator=(envelope other) noexcept {
    std::swap(block_, other.block_);
    return *this;
  }
  ~envelope() {
    if (block_ != nullptr) detail::release_block(block_);
  }

  explicit operator bool() const noexcept { return block_ != nullptr; }
  [[nodiscard]] std::uint32_t words() const noexcept {
    return block_ == nullptr ? 0 : block_->words;
  }

  /// The message as it goes over a link; valid as long as an envelope of it.
  [[nodiscard]] std::string_view bytes() const noexcept {
    if (block_ == nullptr) return {};
    const void* words = detail::words_of(block_);
    return {static_cast<const char*>(words), block_->words * std::size_t{8}};
  }
  /// A message that came from outside, copied; empty unless `bytes` are whole words and at most
  /// message_words_max. Its contents are not looked at: whoever reads it catches kj::Exception.
  [[nodiscard]] static envelope copy_of(std::string_view bytes) {
    if (bytes.empty() || bytes.size() % 8 != 0 || bytes.size() / 8 > message_words_max) return {};
    envelope made(detail::allocate_block(static_cast<std::uint32_t>(bytes.size() / 8)));
    std::memcpy(detail::words_of(made.block_), bytes.data(), bytes.size());
    return made;
  }

  /// Builds one message. `capacity_bytes` should cover it; a larger message costs one more copy.
  class builder {
   public:
    explicit builder(std::size_t capacity_bytes = 256) : builder(capacity_bytes, 0) {}
    /// For a message whose bulk is one Data field of `blob_bytes`, set once and from existing
    /// bytes: the memory for it is not zeroed first, which would cost as much as copying into it.
    [[nodiscard]] static builder with_blob(std::size_t blob_bytes) {
      return builder(blob_bytes + blob_slack_bytes, blob_bytes);
    }
    typename T::Builder& operator*() { return root_; }
    typename T::Builder* operator->() { return &root_; }
    [[nodiscard]] envelope finish() { return envelope(message_.finish()); }

   private:
    static constexpr std::size_t blob_slack_bytes = 512;
    builder(std::size_t capacity_bytes, std::size_t blob_bytes)
        : message_(static_cast<std::uint32_t>(capacity_bytes / 8 + 16),
                   static_cast<std::uint32_t>(blob_bytes / 8)),
          root_(message_.initRoot<T>()) {}

    detail::block_builder message_;
    typename T::Builder root_;
  };

  /// Reads the message; about 60 ns to construct, so make one per message, not one per field.
  /// Borrows the envelope, which must outlive it.
  class reader {
   public:
    explicit reader(const envelope& from)
        : segment_(detail::words_of(from.block_), from.words()),
          message_(kj::arrayPtr(&segment_, 1), options()),
          root_(message_.template getRoot<T>()) {}
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;
    const typename T::Reader* operator->() const { return &root_; }
    const typename T::Reader& operator*() const { return root_; }

   private:
    static capnp::ReaderOptions options() { return {std::uint64_t{1} << 32, 64}; }
    kj::ArrayPtr<const capnp::word> segment_;
    capnp::SegmentArrayMessageReader message_;
    typename T::Reader root_;
  };

  friend caf::error inspect(caf::serializer& sink, envelope& x) {
    std::uint32_t count = x.words();
    if (auto failed = sink(count)) return failed;
    return count == 0 ? caf::error{} : sink.apply_raw(count * 8ul, detail::words_of(x.block_));
  }

  friend caf::error inspect(caf::deserializer& source, envelope& x) {
    std::uint32_t count = 0;
    if (auto failed = source(count)) return failed;
    if (count > message_words_max) return caf::sec::end_of_stream;
    envelope loaded(detail::allocate_block(count));
    if (auto failed = source.apply_raw(count * 8ul, detail::words_of(loaded.block_))) return failed;
    x = std::move(loaded);
    return caf::none;
  }

  friend std::string to_string(const envelope& x) {
    return "envelope(" + std::to_string(x.words()) + " words)";
  }

 private:
  explicit envelope(detail::block* owned) : block_(owned) {}
  detail::block* block_ = nullptr;
};

/// Bytes of a Data field as the cores see them; valid as long as the envelope.
[[nodiscard]] inline std::string_view view(capnp::Data::Reader bytes) {
  return {reinterpret_cast<const char*>(bytes.begin()), bytes.size()};
}
[[nodiscard]] inline std::string_view view(capnp::Text::Reader text) {
  return {text.begin(), text.size()};
}
/// Bytes as a Data field; valid as long as `bytes`.
[[nodiscard]] inline capnp::Data::Reader data(std::string_view bytes) {
  return {reinterpret_cast<const kj::byte*>(bytes.data()), bytes.size()};
}
/// Text field from a C++ string. `text` must be a std::string because Text needs a final NUL.
[[nodiscard]] inline capnp::Text::Reader text(const std::string& from) {
  return {from.c_str(), from.size()};
}

}  // namespace troupe::schemas
