// The rules behind multi_shard plans and the readers of the pieces' replies. Internal to them and
// to sliced commands.
//
// Place: actors/resp. Invariant: what is read here was written by our own handlers, so a reply of
// an unexpected form is an impossible state.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "actors/resp/multi_shard.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::resp {

/// What a rule is made of; borrowed for the plan's life.
struct rule_context {
  const command_spec& spec;
  arguments argv;
  std::uint32_t shard_count;
  prng& random;
};

/// sum, gather, pairs and MSETNX: the command itself with the keys of each shard.
[[nodiscard]] std::unique_ptr<plan_rule> make_split_rule(const rule_context& context);
/// RENAME, RENAMENX and COPY from one shard to another.
[[nodiscard]] std::unique_ptr<plan_rule> make_move_rule(const rule_context& context);
/// DBSIZE, KEYS, RANDOMKEY, FLUSHDB and FLUSHALL.
[[nodiscard]] std::unique_ptr<plan_rule> make_every_shard_rule(const rule_context& context);

/// Whether COPY's options are well-formed, and whether it may replace; nothing: wrong, or not plain
/// enough to be sure.
enum class copy_mode : std::uint8_t { keep_existing, replace_existing };
[[nodiscard]] std::optional<copy_mode> copy_mode_of(arguments argv) noexcept;

/// A RESP2 reply, read element by element.
class reply_reader {
 public:
  explicit reply_reader(std::string_view reply) noexcept : rest_(reply) {}

  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  [[nodiscard]] bool is_error() const noexcept { return rest_.starts_with('-'); }
  /// ":n".
  std::int64_t integer();
  /// "*n": the number of elements; nothing for a null of either kind.
  std::optional<std::size_t> array_header();
  /// A bulk string; nothing for a null.
  std::optional<std::string_view> bulk();
  /// All that was not read yet.
  [[nodiscard]] std::string_view rest() const noexcept { return rest_; }

 private:
  std::int64_t number_line(char kind);

  std::string_view rest_;
};

/// The elements of one piece's array, some of them streamed.
class element_reader {
 public:
  explicit element_reader(const streamed_reply& from) : reply_(from), rest_(from.bytes) {
    ENSURE(rest_.array_header().has_value());
  }

  /// Appends the next element to a reply and its writer.
  void pass_on(streamed_reply& to, reply_writer& out) {
    const std::size_t at = reply_.bytes.size() - rest_.rest().size();
    if (next_mark_ < reply_.marks.size() && reply_.marks[next_mark_].at == at) {
      to.marks.push_back({to.bytes.size(), reply_.marks[next_mark_++].source});
    } else if (const auto value = rest_.bulk()) {
      out.bulk(*value);
    } else {
      out.null();
    }
  }

 private:
  const streamed_reply& reply_;
  reply_reader rest_;
  std::size_t next_mark_ = 0;
};

}  // namespace troupe::resp
