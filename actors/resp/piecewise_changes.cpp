#include "actors/resp/piecewise_changes.hpp"

#include <algorithm>
#include <utility>

#include "storage/base/limits.hpp"

namespace troupe::resp {
namespace {

// Adds `zeros` and `bytes`.
void add_behind_zeros(piece_list& list, std::uint64_t zeros, std::string_view bytes) {
  if (zeros == 0) return list.add(bytes);
  list.add_zero_parts(zeros / limits::part_bytes_max);
  std::string rest(zeros % limits::part_bytes_max, '\0');
  rest += bytes;
  list.add(std::move(rest));
}

// Adds the value's last part with `zeros` and `bytes` behind it. False: it is cold.
bool add_to_last(shard_command& command, piece_list& list, const kv::part_position& last,
                 std::uint64_t zeros, std::string_view bytes) {
  const auto more = zeros + bytes.size();
  if (more == 0 || last.value_size + more > limits::part_bytes_max) {
    list.keep(last);
    add_behind_zeros(list, zeros, bytes);
    return true;
  }
  const auto old = command.store.find_part(last);
  if (!old) return false;
  std::string joined(*old);
  joined.append(zeros, '\0');
  joined += bytes;
  list.add(std::move(joined));
  return true;
}

}  // namespace

void piece_list::add(std::string_view bytes) {
  for (; !bytes.empty(); bytes.remove_prefix(std::min(bytes.size(), limits::part_bytes_max))) {
    pieces_.push_back({.bytes = bytes.substr(0, limits::part_bytes_max)});
  }
}

void piece_list::add_zero_parts(std::uint64_t count) {
  if (count == 0) return;
  const auto& zeros = owned_.emplace_back(limits::part_bytes_max, '\0');
  pieces_.push_back({.bytes = zeros, .times = static_cast<std::uint32_t>(count)});
}

std::optional<piece_list> appended_to_large(shard_command& command, std::string_view suffix) {
  const auto parts = command.store.parts_of(command.argv[1], command.first_key_hash).parts;
  piece_list list;
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) list.keep(parts[i]);
  if (!add_to_last(command, list, parts.back(), 0, suffix)) return std::nullopt;
  return list;
}

std::optional<piece_list> large_overwritten(shard_command& command, std::uint64_t offset,
                                            std::string_view bytes) {
  const auto parts = command.store.parts_of(command.argv[1], command.first_key_hash).parts;
  piece_list list;
  bool is_cold = false;
  std::uint64_t begin = 0;
  for (const auto& part : parts) {
    const auto end = begin + part.value_size;
    const auto is_last = &part == &parts.back();
    const auto from = std::max(begin, offset);
    const auto to = std::min(end, offset + bytes.size());
    const auto first = std::exchange(begin, end);
    if (from >= to) {
      if (!is_last || end >= offset + bytes.size()) {
        list.keep(part);
        continue;
      }
      // All of it comes behind the value.
      is_cold |= !add_to_last(command, list, part, offset - end, bytes);
      continue;
    }
    // What stands behind the value's end goes with its last part.
    const auto until = is_last ? offset + bytes.size() : to;
    const auto changed = bytes.substr(from - offset, until - from);
    if (from == first && until >= end) {
      list.add(changed);
      continue;
    }
    const auto old = command.store.find_part(part);
    is_cold |= !old;
    if (!old) continue;
    std::string patched(*old);
    patched.resize(std::max<std::size_t>(patched.size(), until - first));
    patched.replace(from - first, changed.size(), changed);
    list.add(std::move(patched));
  }
  if (is_cold) return std::nullopt;
  return list;
}

piece_list far_overwritten(std::string_view old, std::uint64_t offset, std::string_view bytes) {
  piece_list list;
  list.add(old);
  add_behind_zeros(list, offset - old.size(), bytes);
  return list;
}

}  // namespace troupe::resp
