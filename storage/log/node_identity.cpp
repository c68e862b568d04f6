#include "storage/log/node_identity.hpp"

#include <fmt/format.h>

#include <cstring>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"

namespace troupe::log {

namespace {

constexpr std::uint32_t magic = 0x314e5254;  // "TRN1"
constexpr std::uint32_t version = 1;
// magic 4, version 4, cluster 16, node 16, shards 4, state 4, segment bytes 8, hash seed 8,
// reserved 12, checksum 4
static_assert(4 + 4 + 16 + 16 + 4 + 4 + 8 + 8 + 12 + 4 == node_identity_bytes);
constexpr std::size_t reserved_offset = 64;
constexpr std::size_t checksum_offset = node_identity_bytes - 4;

unique_id load_id(const char* from) {
  unique_id id;
  std::memcpy(id.bytes.data(), from, id.bytes.size());
  return id;
}

std::string path_of(const std::string& directory) {
  return fmt::format("{}/{}", directory, node_identity_name);
}

}  // namespace

std::string encode_node_identity(const node_identity& who) {
  std::string bytes(node_identity_bytes, '\0');
  store_le(bytes.data(), magic);
  store_le(bytes.data() + 4, version);
  std::memcpy(bytes.data() + 8, who.cluster.value.bytes.data(), 16);
  std::memcpy(bytes.data() + 24, who.node.value.bytes.data(), 16);
  store_le(bytes.data() + 40, who.shard_count);
  store_le(bytes.data() + 44, static_cast<std::uint32_t>(who.state));
  store_le(bytes.data() + 48, who.segment_bytes);
  store_le(bytes.data() + 56, who.hash_seed);
  const auto crc = crc32c(std::string_view(bytes).substr(0, checksum_offset));
  store_le(bytes.data() + checksum_offset, crc);
  return bytes;
}

result<node_identity> decode_node_identity(std::string_view bytes) {
  if (bytes.size() != node_identity_bytes || load_le<std::uint32_t>(bytes.data()) != magic ||
      load_le<std::uint32_t>(bytes.data() + checksum_offset) !=
          crc32c(bytes.substr(0, checksum_offset))) {
    return failure{errc::corrupt, "the identity is damaged: restore the file from a backup"};
  }
  if (const auto found = load_le<std::uint32_t>(bytes.data() + 4); found != version) {
    return failure{errc::foreign, fmt::format("the identity has version {}, this program knows {}",
                                              found, version)};
  }
  const auto state = load_le<std::uint32_t>(bytes.data() + 44);
  if (state > static_cast<std::uint32_t>(node_state::creating)) {
    return failure{
        errc::foreign,
        fmt::format("the identity has state {}, which this program does not know", state)};
  }
  const auto reserved = bytes.substr(reserved_offset, checksum_offset - reserved_offset);
  if (reserved.find_first_not_of('\0') != std::string_view::npos) {
    return failure{errc::corrupt, "the identity is damaged: reserved bytes are not zero"};
  }
  node_identity who;
  who.state = static_cast<node_state>(state);
  who.cluster = {load_id(bytes.data() + 8)};
  who.node = {load_id(bytes.data() + 24)};
  who.shard_count = load_le<std::uint32_t>(bytes.data() + 40);
  who.segment_bytes = load_le<std::uint64_t>(bytes.data() + 48);
  who.hash_seed = load_le<std::uint64_t>(bytes.data() + 56);
  return who;
}

result<node_identity> read_node_identity(io::file_system& files, const std::string& directory) {
  const auto path = path_of(directory);
  TRY(const auto file, files.open(path, io::access::read));
  std::string bytes(node_identity_bytes + 1, '\0');  // one more shows a file that is too long
  TRY(const auto size, file->read_at(0, bytes));
  auto who = decode_node_identity(std::string_view(bytes).substr(0, size));
  if (!who) return who.error().in(path);
  return who;
}

result<void> write_node_identity(io::file_system& files, const std::string& directory,
                                 const node_identity& who) {
  return files.replace(path_of(directory), encode_node_identity(who));
}

}  // namespace troupe::log
