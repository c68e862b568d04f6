#include "actors/resp/multi_shard.hpp"

#include <algorithm>

#include "actors/resp/multi_shard_rules.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/resp/scan_cursor.hpp"
#include "storage/base/ensure.hpp"
#include "storage/base/hash_slot.hpp"

namespace troupe::resp {
namespace {

bool is_named(const command_spec& spec, std::string_view name) { return spec.name == name; }

bool is_move(const command_spec& spec) {
  return is_named(spec, "rename") || is_named(spec, "renamenx") || is_named(spec, "copy");
}

// True if the handler will refuse the command whatever the keys hold.
bool has_wrong_arguments(const command_spec& spec, arguments argv) {
  if (spec.keys.step == 2) return argv.size() % 2 == 0;  // pairs
  return is_named(spec, "copy") && !copy_mode_of(argv);
}

std::vector<shard_id> every_shard(std::uint32_t shard_count) {
  std::vector<shard_id> shards(shard_count);
  for (std::uint32_t at = 0; at < shard_count; ++at) shards[at].value = at;
  return shards;
}

std::vector<shard_id> shards_of_keys(const command_spec& spec, arguments argv,
                                     std::uint32_t shard_count) {
  std::vector<shard_id> shards;
  const key_positions keys = keys_of(spec, argv.size());
  for (std::size_t at = keys.first; at < keys.end; at += keys.step) {
    shards.push_back(shard_of(argv[at], shard_count));
  }
  std::sort(shards.begin(), shards.end());
  shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
  return shards;
}

phases phases_of(const command_spec& spec) {
  const bool looks_first = is_move(spec) || is_named(spec, "msetnx") || is_named(spec, "randomkey");
  return looks_first ? phases::several : phases::one;
}

// Commands that only read, and DEL and its kin, count or list keys one by one: between their
// pieces nothing can be seen that could not be seen beside them.
isolation isolation_of(const command_spec& spec) {
  const bool several_writes =
      spec.is_write() && (spec.split == split_rule::pairs || spec.split == split_rule::special);
  return several_writes ? isolation::needed : isolation::not_needed;
}

std::unique_ptr<plan_rule> make_rule(const rule_context& context) {
  if (context.spec.scope == scope::every_shard) return make_every_shard_rule(context);
  return is_move(context.spec) ? make_move_rule(context) : make_split_rule(context);
}

}  // namespace

std::optional<shard_id> single_shard_of(const command_spec& spec, arguments argv,
                                        std::uint32_t shard_count) {
  if (shard_count == 1) return shard_id{0};
  if (spec.scope == scope::every_shard) {
    if (!is_named(spec, "scan")) return std::nullopt;
    const auto number = parse_cursor(argv[1]);
    const auto cursor = number ? decode_cursor(*number, shard_count) : std::nullopt;
    return cursor ? cursor->shard : shard_id{0};
  }
  const key_positions keys = keys_of(spec, argv.size());
  ENSURE(!keys.empty());
  const shard_id first = shard_of(argv[keys.first], shard_count);
  if (spec.scope == scope::shard_key || has_wrong_arguments(spec, argv)) return first;
  for (std::size_t at = keys.first + keys.step; at < keys.end; at += keys.step) {
    if (shard_of(argv[at], shard_count) != first) return std::nullopt;
  }
  return first;
}

std::vector<shard_id> shards_of(const command_spec& spec, arguments argv,
                                std::uint32_t shard_count) {
  return spec.scope == scope::every_shard ? every_shard(shard_count)
                                          : shards_of_keys(spec, argv, shard_count);
}

multi_shard_plan::multi_shard_plan(const command_spec& spec, arguments argv,
                                   std::uint32_t shard_count, prng& random)
    : isolation_(isolation_of(spec)), phases_(phases_of(spec)) {
  const rule_context context{spec, argv, shard_count, random};
  rule_ = make_rule(context);
  pieces_ = rule_->first_phase();
  ENSURE(!pieces_.empty());
}

std::vector<piece> plan_rule::next_streamed_phase(std::span<streamed_reply> replies,
                                                  streamed_reply& to, protocol version) {
  std::vector<std::string> whole;
  for (auto& reply : replies) {
    ENSURE(reply.marks.empty());
    whole.push_back(std::move(reply.bytes));
  }
  reply_writer out(to.bytes, version);
  return next_phase(std::move(whole), out);
}

multi_shard_plan::progress multi_shard_plan::advance(std::vector<streamed_reply> replies,
                                                     streamed_reply& to, protocol version) {
  ENSURE(replies.size() == pieces_.size() && !pieces_.empty());
  const auto marks_before = to.marks.size();
  const auto error = std::ranges::find_if(
      replies, [](const streamed_reply& reply) { return reply_reader(reply.bytes).is_error(); });
  if (error != replies.end()) {
    to.bytes += error->bytes;
    pieces_.clear();
  } else {
    pieces_ = rule_->next_streamed_phase(replies, to, version);
  }
  if (to.marks.size() == marks_before) {
    // All or none of them are passed on.
    for (const auto& reply : replies) {
      for (const auto& mark : reply.marks) dropped_.push_back(mark.source);
    }
  }
  return pieces_.empty() ? progress::finished : progress::next_phase;
}

std::int64_t reply_reader::number_line(char kind) {
  const std::size_t end = rest_.find("\r\n");
  ENSURE(end != std::string_view::npos && rest_.front() == kind);
  const auto number = parse_integer(rest_.substr(1, end - 1));
  ENSURE(number.has_value());
  rest_.remove_prefix(end + 2);
  return *number;
}

std::int64_t reply_reader::integer() { return number_line(':'); }

std::optional<std::size_t> reply_reader::array_header() {
  ENSURE(!rest_.empty());
  const std::int64_t count = number_line(rest_.front() == '$' ? '$' : '*');
  if (count < 0) return std::nullopt;
  return static_cast<std::size_t>(count);
}

std::optional<std::string_view> reply_reader::bulk() {
  const std::int64_t length = number_line('$');
  if (length < 0) return std::nullopt;
  const auto size = static_cast<std::size_t>(length);
  ENSURE(rest_.size() >= size + 2);
  const std::string_view bytes = rest_.substr(0, size);
  rest_.remove_prefix(size + 2);
  return bytes;
}

}  // namespace troupe::resp
