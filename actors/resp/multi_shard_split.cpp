// Plans that run the command itself in every shard that holds some of its keys: DEL and its kin,
// MGET, MSET, MSETNX.
#include <algorithm>
#include <limits>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/multi_shard_rules.hpp"
#include "actors/resp/piece_commands.hpp"
#include "storage/base/ensure.hpp"
#include "storage/base/hash_slot.hpp"
#include "storage/base/limits.hpp"

namespace troupe::resp {
namespace {

/// The pieces of a command, and for every key which piece holds it.
struct split_command {
  std::vector<piece> pieces;
  std::vector<std::uint32_t> piece_of_key;
};

// Copies every key with the arguments up to the next one, or the key alone, to its shard's piece.
enum class copied : std::uint8_t { whole_steps, keys_only };

split_command split(const rule_context& context, const command_spec& spec, std::string_view name,
                    copied what) {
  constexpr std::uint32_t none = std::numeric_limits<std::uint32_t>::max();
  split_command result;
  std::vector<std::uint32_t> piece_of_shard(context.shard_count, none);
  const key_positions keys = keys_of(context.spec, context.argv.size());
  for (std::size_t at = keys.first; at < keys.end; at += keys.step) {
    const shard_id shard = shard_of(context.argv[at], context.shard_count);
    std::uint32_t& index = piece_of_shard[shard.value];
    if (index == none) {
      index = static_cast<std::uint32_t>(result.pieces.size());
      result.pieces.push_back({shard, &spec, {name}});
    }
    const std::size_t count = what == copied::whole_steps ? keys.step : 1;
    for (const std::string_view argument : context.argv.subspan(at, count)) {
      result.pieces[index].argv.push_back(argument);
    }
    result.piece_of_key.push_back(index);
  }
  return result;
}

std::int64_t sum_of(const std::vector<std::string>& replies) {
  std::int64_t sum = 0;
  for (const std::string& reply : replies) sum += reply_reader(reply).integer();
  return sum;
}

class sum_rule final : public plan_rule {
 public:
  explicit sum_rule(const rule_context& context) : context_(context) {}

  std::vector<piece> first_phase() override {
    return split(context_, context_.spec, context_.argv[0], copied::whole_steps).pieces;
  }
  std::vector<piece> next_phase(std::vector<std::string> replies, reply_writer& out) override {
    out.integer(sum_of(replies));
    return {};
  }

 private:
  rule_context context_;
};

class gather_rule final : public plan_rule {
 public:
  explicit gather_rule(const rule_context& context) : context_(context) {}

  std::vector<piece> first_phase() override {
    split_command command = split(context_, context_.spec, context_.argv[0], copied::whole_steps);
    piece_of_key_ = std::move(command.piece_of_key);
    return std::move(command.pieces);
  }

  std::vector<piece> next_phase(std::vector<std::string>, reply_writer&) override {
    ENSURE(false);  // values may be streamed
    return {};
  }

  std::vector<piece> next_streamed_phase(std::span<streamed_reply> replies, streamed_reply& to,
                                         protocol version) override {
    std::vector<element_reader> readers;
    readers.reserve(replies.size());
    for (const auto& reply : replies) readers.emplace_back(reply);
    reply_writer out(to.bytes, version);
    std::size_t bytes = 0;
    for (const auto& reply : replies) {
      bytes += reply.bytes.size() + reply.marks.size() * limits::streamed_reply_bytes;
    }
    if (bytes > limits::reply_bytes_max) {
      out.error(error_texts::reply_too_large);
      return {};
    }
    out.array(piece_of_key_.size());
    for (const std::uint32_t index : piece_of_key_) readers[index].pass_on(to, out);
    return {};
  }

 private:
  rule_context context_;
  std::vector<std::uint32_t> piece_of_key_;
};

class pairs_rule final : public plan_rule {
 public:
  explicit pairs_rule(const rule_context& context) : context_(context) {}

  std::vector<piece> first_phase() override {
    return split(context_, context_.spec, context_.argv[0], copied::whole_steps).pieces;
  }
  std::vector<piece> next_phase(std::vector<std::string>, reply_writer& out) override {
    out.ok();
    return {};
  }

 private:
  rule_context context_;
};

// MSETNX: counts the keys that exist everywhere, then stores everywhere or nowhere.
class pairs_if_absent_rule final : public plan_rule {
 public:
  explicit pairs_if_absent_rule(const rule_context& context) : context_(context) {}

  std::vector<piece> first_phase() override {
    return split(context_, count_existing, count_existing.name, copied::keys_only).pieces;
  }

  std::vector<piece> next_phase(std::vector<std::string> replies, reply_writer& out) override {
    if (!is_storing_ && sum_of(replies) == 0) {
      is_storing_ = true;
      const command_spec* mset = find("mset");
      ENSURE(mset != nullptr);
      return split(context_, *mset, mset->name, copied::whole_steps).pieces;
    }
    out.integer(is_storing_ ? 1 : 0);
    return {};
  }

 private:
  rule_context context_;
  bool is_storing_ = false;
};

}  // namespace

std::unique_ptr<plan_rule> make_split_rule(const rule_context& context) {
  switch (context.spec.split) {
    case split_rule::sum: return std::make_unique<sum_rule>(context);
    case split_rule::gather: return std::make_unique<gather_rule>(context);
    case split_rule::pairs: return std::make_unique<pairs_rule>(context);
    case split_rule::special:
      ENSURE(context.spec.name == "msetnx");
      return std::make_unique<pairs_if_absent_rule>(context);
    case split_rule::none: break;
  }
  ENSURE(context.spec.split != split_rule::none);
  return nullptr;
}

}  // namespace troupe::resp
