#include "storage/kv/large_value.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "storage/base/coding.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::kv {

std::string encode_head(const upload& from) {
  std::string head;
  log::append_head_prefix(head, {.total_length = from.size,
                                 .crc = from.has_crc ? from.crc : 0,
                                 .part_count = static_cast<std::uint32_t>(from.parts.size())});
  for (const part_position& part : from.parts) append_le(head, part.sequence.value);
  return head;
}

void write_part_list(char* to, std::span<const part_position> parts) noexcept {
  store_le(to, static_cast<std::uint32_t>(parts.size()));
  to += 4;
  for (const part_position& part : parts) {
    store_le(to, part.sequence.value);
    store_le(to + 8, part.where.segment);
    store_le(to + 12, part.where.offset);
    store_le(to + 16, part.size);
    store_le(to + 20, part.value_size);
    to += part_list_item_bytes;
  }
}

std::uint32_t listed_parts(const char* list) noexcept { return load_le<std::uint32_t>(list); }

part_position listed_part(const char* list, std::uint32_t index) noexcept {
  const char* item = list + 4 + index * part_list_item_bytes;
  return {.where = {.segment = load_le<std::uint32_t>(item + 8),
                    .offset = load_le<std::uint32_t>(item + 12)},
          .size = load_le<std::uint32_t>(item + 16),
          .sequence = {load_le<std::uint64_t>(item)},
          .value_size = load_le<std::uint32_t>(item + 20)};
}

result<void> recovered_parts::add(part_position part) {
  if (!parts_.empty() && parts_.back().sequence >= part.sequence) {
    return failure{errc::corrupt, fmt::format("the part with LSN {} follows one with LSN {}",
                                              part.sequence.value, parts_.back().sequence.value)};
  }
  parts_.push_back(part);
  return {};
}

result<std::vector<part_position>> recovered_parts::named_by(std::string_view head) const {
  TRY(const log::head_prefix prefix, log::decode_head(head));
  if (prefix.total_length > limits::value_bytes_max) {
    return failure{errc::corrupt,
                   fmt::format("a head record claims a value of {} bytes", prefix.total_length)};
  }
  std::vector<part_position> named;
  std::uint64_t total = 0;
  for (std::uint32_t i = 0; i < prefix.part_count; ++i) {
    const lsn wanted = log::head_part(head, i);
    const auto at = std::ranges::lower_bound(parts_, wanted, {}, &part_position::sequence);
    if (at == parts_.end() || at->sequence != wanted) {
      return failure{
          errc::not_found,
          fmt::format("a head record names the part with LSN {}, which is missing", wanted.value)};
    }
    total += at->value_size;
    named.push_back(*at);
  }
  if (total != prefix.total_length) {
    return failure{errc::corrupt, fmt::format("a head record counts {} bytes, its parts have {}",
                                              prefix.total_length, total)};
  }
  return named;
}

}  // namespace troupe::kv
