// APPEND and SETRANGE where the value is large or becomes so: what of it stays as it is in the log,
// and what is written anew.
//
// Place: actors/resp, pure, used by the handlers only.
// Invariants: (1) at most one part beside each end of the change is read and written again; (2) two
// neighbouring parts that were made here would not fit into one, so that a value has at most about
// two parts for each MiB, however it came to be.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/resp/command_table.hpp"

namespace troupe::resp {

/// The pieces of a value that is put together. They view what was added, and strings in here.
class piece_list {
 public:
  void keep(const kv::part_position& part) { pieces_.push_back({.part = part}); }
  /// Bytes, cut into parts; what is borrowed must outlive the list.
  void add(std::string_view bytes);
  /// The same for bytes that the list takes over.
  void add(std::string&& bytes) { add(std::string_view(owned_.emplace_back(std::move(bytes)))); }
  /// Whole parts of zeros, in the log once.
  void add_zero_parts(std::uint64_t count);

  [[nodiscard]] const std::vector<kv::value_piece>& pieces() const noexcept { return pieces_; }

 private:
  std::vector<kv::value_piece> pieces_;
  std::deque<std::string> owned_;
};

/// The value of the command's key with `suffix` behind it. Nothing: a part is cold. Precondition:
/// the key's value is large.
[[nodiscard]] std::optional<piece_list> appended_to_large(shard_command& command,
                                                          std::string_view suffix);

/// The same with `bytes` from `offset` on, zeros between the value's end and these if they begin
/// behind it. Precondition: `bytes` is not empty.
[[nodiscard]] std::optional<piece_list> large_overwritten(shard_command& command,
                                                          std::uint64_t offset,
                                                          std::string_view bytes);

/// `old` with `bytes` from `offset` on, and zeros between. Precondition: `offset` is at least one
/// part behind its end.
[[nodiscard]] piece_list far_overwritten(std::string_view old, std::uint64_t offset,
                                         std::string_view bytes);

}  // namespace troupe::resp
