#include "storage/log/segment_format.hpp"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"

namespace troupe::log {
namespace {

constexpr std::size_t at_magic = 0;
constexpr std::size_t at_version = 4;
constexpr std::size_t at_crc = 8;
constexpr std::size_t at_shard = 12;
constexpr std::size_t at_cluster = 16;
constexpr std::size_t at_shard_count = 32;
constexpr std::size_t at_alignment = 36;
constexpr std::size_t at_use = 40;
constexpr std::size_t at_segment_bytes = 48;
constexpr std::size_t at_reserved = 56;

constexpr std::string_view name_suffix = ".segment";
constexpr std::size_t hex_digits = 16;

failure damaged(const char* why) { return {errc::corrupt, std::string("segment header: ") + why}; }

std::uint32_t block_crc(std::string_view block) {
  constexpr char zeros[4] = {};
  const std::uint32_t start = crc32c(block.substr(0, at_crc));
  return crc32c(block.substr(at_shard), crc32c({zeros, sizeof zeros}, start));
}

}  // namespace

std::string describe_difference(const store_identity& stored, const store_identity& expected) {
  const auto differs = [](std::string_view field, const auto& here, const auto& wanted) {
    return fmt::format("field {} is {} in the store but {} in the configuration", field, here,
                       wanted);
  };
  if (stored.cluster != expected.cluster) {
    return differs("cluster", to_hex(stored.cluster.value), to_hex(expected.cluster.value));
  }
  if (stored.shard != expected.shard) {
    return differs("shard", stored.shard.value, expected.shard.value);
  }
  if (stored.shard_count != expected.shard_count) {
    return differs("shard count", stored.shard_count, expected.shard_count);
  }
  if (stored.segment_bytes != expected.segment_bytes) {
    return differs("segment bytes", stored.segment_bytes, expected.segment_bytes);
  }
  return {};
}

std::string encode_segment_header(const segment_header& header) {
  std::string block(segment_header_bytes, '\0');
  char* to = block.data();
  store_le(to + at_magic, segment_magic);
  store_le(to + at_version, segment_version);
  store_le(to + at_shard, header.store.shard.value);
  std::memcpy(to + at_cluster, header.store.cluster.value.bytes.data(), 16);
  store_le(to + at_shard_count, header.store.shard_count);
  store_le(to + at_alignment, header.alignment);
  store_le(to + at_use, header.use.value);
  store_le(to + at_segment_bytes, header.store.segment_bytes);
  store_le(to + at_crc, block_crc(block));
  return block;
}

result<segment_header> decode_segment_header(std::string_view bytes) {
  if (bytes.size() < segment_header_bytes) return damaged("cut short");
  const std::string_view block = bytes.substr(0, segment_header_bytes);
  const char* from = block.data();
  if (load_le<std::uint32_t>(from + at_magic) != segment_magic) return damaged("wrong magic");
  if (load_le<std::uint32_t>(from + at_crc) != block_crc(block)) {
    return damaged("checksum does not match");
  }
  const auto version = load_le<std::uint32_t>(from + at_version);
  if (version != segment_version) {
    return failure{errc::foreign,
                   fmt::format("segment header: field version is {} in the store but "
                               "this program reads {}",
                               version, segment_version)};
  }
  if (block.find_first_not_of('\0', at_reserved) != std::string_view::npos) {
    return damaged("reserved bytes are not zero");
  }
  segment_header header;
  header.store.shard = {load_le<std::uint32_t>(from + at_shard)};
  std::memcpy(header.store.cluster.value.bytes.data(), from + at_cluster, 16);
  header.store.shard_count = load_le<std::uint32_t>(from + at_shard_count);
  header.alignment = load_le<std::uint32_t>(from + at_alignment);
  header.use = {load_le<std::uint64_t>(from + at_use)};
  header.store.segment_bytes = load_le<std::uint64_t>(from + at_segment_bytes);
  if (!std::has_single_bit(header.alignment) || header.alignment < 512 ||
      header.alignment > segment_header_bytes) {
    return damaged("impossible alignment");
  }
  return header;
}

std::string segment_name(use_id use) { return to_hex(use.value) + std::string(name_suffix); }

std::optional<use_id> parse_segment_name(std::string_view name) {
  if (name.size() != hex_digits + name_suffix.size() || name.substr(hex_digits) != name_suffix) {
    return std::nullopt;
  }
  std::uint64_t use = 0;
  for (const char digit : name.substr(0, hex_digits)) {
    constexpr std::string_view digits = "0123456789abcdef";
    const std::size_t worth = digits.find(digit);
    if (worth == std::string_view::npos) return std::nullopt;
    use = use << 4 | worth;
  }
  return use_id{use};
}

std::string segment_path(const std::string& directory, use_id use) {
  return directory + "/" + segment_name(use);
}

std::string shard_directory_name(shard_id shard) { return fmt::format("shard-{:04}", shard.value); }

std::string to_hex(std::uint64_t number) { return fmt::format("{:016x}", number); }

std::string to_hex(const unique_id& id) {
  std::string text;
  for (const std::uint8_t byte : id.bytes) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace troupe::log
