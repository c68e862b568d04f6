#include "storage/log/manifest_format.hpp"

#include <fmt/format.h>

#include <cstring>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/base/limits.hpp"

namespace troupe::log {
namespace {

constexpr std::size_t at_magic = 0;
constexpr std::size_t at_version = 4;
constexpr std::size_t at_crc = 8;
constexpr std::size_t at_length = 12;
constexpr std::size_t at_generation = 16;
constexpr std::size_t at_cluster = 24;
constexpr std::size_t at_node = 40;
constexpr std::size_t at_shard = 56;
constexpr std::size_t at_shard_count = 60;
constexpr std::size_t at_segment_bytes = 64;
constexpr std::size_t at_alignment = 72;
constexpr std::size_t at_next_use = 76;
constexpr std::size_t at_purged = 80;
constexpr std::size_t at_promised = 88;
constexpr std::size_t at_epoch_count = 96;
constexpr std::size_t at_segment_count = 100;
constexpr std::size_t at_reserved = 104;
constexpr std::size_t fixed_bytes = 112;
static_assert(at_reserved + sizeof(std::uint64_t) == fixed_bytes);
constexpr std::size_t epoch_bytes = 40;    // number 8, history 8, first LSN 8, leader 16
constexpr std::size_t segment_bytes = 40;  // use, first, last, sealed length, consistent_from

static_assert(fixed_bytes + std::uint64_t{limits::epochs_max} * epoch_bytes +
                      std::uint64_t{limits::segments_max} * segment_bytes <=
                  UINT32_MAX,
              "the length field has 32 bits");

failure damaged(const char* why) { return {errc::corrupt, std::string("manifest: ") + why}; }

std::uint32_t content_crc(std::string_view content) {
  constexpr char zeros[4] = {};
  const std::uint32_t start = crc32c(content.substr(0, at_crc));
  return crc32c(content.substr(at_length), crc32c({zeros, sizeof zeros}, start));
}

void append_unique(std::string& to, const unique_id& id) {
  for (const std::uint8_t byte : id.bytes) to.push_back(static_cast<char>(byte));
}

unique_id load_unique(const char* from) {
  unique_id id;
  std::memcpy(id.bytes.data(), from, id.bytes.size());
  return id;
}

std::uint64_t load_u64(const char* from) { return load_le<std::uint64_t>(from); }

epoch_entry load_epoch(const char* from) {
  return {.epoch = {load_u64(from)},
          .history = {load_u64(from + 8)},
          .first = {load_u64(from + 16)},
          .leader = {load_unique(from + 24)}};
}

segment_entry load_segment(const char* from) {
  return {.use = {load_u64(from)},
          .first = {load_u64(from + 8)},
          .last = {load_u64(from + 16)},
          .sealed_length = load_u64(from + 24),
          .consistent_from = {load_u64(from + 32)}};
}

}  // namespace

std::size_t encoded_size(const manifest& content) noexcept {
  return fixed_bytes + content.epochs.size() * epoch_bytes +
         content.segments.size() * segment_bytes;
}

std::string encode_manifest(const manifest& content) {
  std::string to;
  to.reserve(encoded_size(content));
  append_le(to, manifest_magic);
  append_le(to, manifest_version);
  append_le(to, std::uint32_t{0});  // checksum, last
  append_le(to, static_cast<std::uint32_t>(encoded_size(content)));
  append_le(to, content.generation);
  append_unique(to, content.store.cluster.value);
  append_unique(to, content.node.value);
  append_le(to, content.store.shard.value);
  append_le(to, content.store.shard_count);
  append_le(to, content.store.segment_bytes);
  append_le(to, content.alignment);
  append_le(to, content.next_use_counter);
  append_le(to, content.purged.value);
  append_le(to, content.promised.value);
  append_le(to, static_cast<std::uint32_t>(content.epochs.size()));
  append_le(to, static_cast<std::uint32_t>(content.segments.size()));
  append_le(to, std::uint64_t{0});
  for (const epoch_entry& entry : content.epochs) {
    append_le(to, entry.epoch.value);
    append_le(to, entry.history.value);
    append_le(to, entry.first.value);
    append_unique(to, entry.leader.value);
  }
  for (const segment_entry& entry : content.segments) {
    append_le(to, entry.use.value);
    append_le(to, entry.first.value);
    append_le(to, entry.last.value);
    append_le(to, entry.sealed_length);
    append_le(to, entry.consistent_from.value);
  }
  store_le(to.data() + at_crc, content_crc(to));
  return to;
}

result<manifest> decode_manifest(std::string_view bytes) {
  if (bytes.size() < fixed_bytes) return damaged("cut short");
  if (load_le<std::uint32_t>(bytes.data() + at_magic) != manifest_magic) {
    return damaged("wrong magic");
  }
  const auto length = load_le<std::uint32_t>(bytes.data() + at_length);
  if (length < fixed_bytes || length > bytes.size()) return damaged("impossible length");
  const std::string_view whole = bytes.substr(0, length);
  const char* from = whole.data();
  if (load_le<std::uint32_t>(from + at_crc) != content_crc(whole)) {
    return damaged("checksum does not match");
  }
  // Magic, checksum and length keep their places in all versions: so only an intact copy of
  // another version is called foreign, and a damaged one corrupt.
  const auto version = load_le<std::uint32_t>(from + at_version);
  if (version != manifest_version) {
    return failure{
        errc::foreign,
        fmt::format("manifest: field version is {} in the store but this program reads {}", version,
                    manifest_version)};
  }
  const auto epoch_count = load_le<std::uint32_t>(from + at_epoch_count);
  const auto segment_count = load_le<std::uint32_t>(from + at_segment_count);
  if (epoch_count > limits::epochs_max || segment_count > limits::segments_max ||
      length != fixed_bytes + epoch_count * epoch_bytes + segment_count * segment_bytes ||
      load_u64(from + at_reserved) != 0) {
    return damaged("impossible counts");
  }
  manifest content;
  content.generation = load_u64(from + at_generation);
  content.store.cluster = {load_unique(from + at_cluster)};
  content.node = {load_unique(from + at_node)};
  content.store.shard = {load_le<std::uint32_t>(from + at_shard)};
  content.store.shard_count = load_le<std::uint32_t>(from + at_shard_count);
  content.store.segment_bytes = load_u64(from + at_segment_bytes);
  content.alignment = load_le<std::uint32_t>(from + at_alignment);
  content.next_use_counter = load_le<std::uint32_t>(from + at_next_use);
  content.purged = {load_u64(from + at_purged)};
  content.promised = {load_u64(from + at_promised)};
  const char* entry = from + fixed_bytes;
  content.epochs.reserve(epoch_count);
  for (std::uint32_t i = 0; i < epoch_count; ++i, entry += epoch_bytes) {
    content.epochs.push_back(load_epoch(entry));
  }
  content.segments.reserve(segment_count);
  for (std::uint32_t i = 0; i < segment_count; ++i, entry += segment_bytes) {
    content.segments.push_back(load_segment(entry));
  }
  return content;
}

}  // namespace troupe::log
