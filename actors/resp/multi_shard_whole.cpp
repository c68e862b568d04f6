// Plans over the whole key space: DBSIZE, KEYS, FLUSHDB, FLUSHALL, RANDOMKEY.
#include <algorithm>

#include "actors/resp/multi_shard_rules.hpp"
#include "storage/base/ensure.hpp"
#include "storage/base/prng.hpp"

namespace troupe::resp {
namespace {

// The command as it is, once per shard.
std::vector<piece> everywhere(const rule_context& context, const command_spec& spec,
                              arguments argv) {
  std::vector<piece> pieces;
  pieces.reserve(context.shard_count);
  for (std::uint32_t shard = 0; shard < context.shard_count; ++shard) {
    pieces.push_back({shard_id{shard}, &spec, {argv.begin(), argv.end()}});
  }
  return pieces;
}

const command_spec& named(std::string_view name) {
  const command_spec* spec = find(name);
  ENSURE(spec != nullptr);
  return *spec;
}

// DBSIZE adds, KEYS joins, FLUSHDB and FLUSHALL only need every OK.
class everywhere_rule final : public plan_rule {
 public:
  explicit everywhere_rule(const rule_context& context) : context_(context) {}

  std::vector<piece> first_phase() override {
    return everywhere(context_, context_.spec, context_.argv);
  }

  std::vector<piece> next_phase(std::vector<std::string> replies, reply_writer& out) override {
    if (context_.spec.name == "dbsize") {
      std::int64_t sum = 0;
      for (const std::string& reply : replies) sum += reply_reader(reply).integer();
      out.integer(sum);
    } else if (context_.spec.name == "keys") {
      join(replies, out);
    } else {
      out.ok();
    }
    return {};
  }

 private:
  static void join(const std::vector<std::string>& replies, reply_writer& out) {
    std::vector<reply_reader> readers;
    std::size_t count = 0;
    for (const std::string& reply : replies) {
      const auto size = readers.emplace_back(reply).array_header();
      ENSURE(size.has_value());
      count += *size;
    }
    out.array(count);
    for (const reply_reader& reader : readers) out.encoded(reader.rest());
  }

  rule_context context_;
};

// RANDOMKEY: the sizes of all shards, then one shard with probability as its size; another one if
// that had only expired keys.
class random_key_rule final : public plan_rule {
 public:
  explicit random_key_rule(const rule_context& context) : context_(context) {}

  std::vector<piece> first_phase() override {
    static constexpr std::string_view argv[] = {"dbsize"};
    return everywhere(context_, named("dbsize"), argv);
  }

  std::vector<piece> next_phase(std::vector<std::string> replies, reply_writer& out) override {
    if (sizes_.empty()) {
      for (const std::string& reply : replies) {
        sizes_.push_back(static_cast<std::uint64_t>(reply_reader(reply).integer()));
      }
    } else if (const auto key = reply_reader(replies[0]).bulk()) {
      out.bulk(*key);
      return {};
    }
    const auto shard = take_shard();
    if (!shard) {
      out.null();
      return {};
    }
    return {{*shard, &context_.spec, {context_.argv[0]}}};
  }

 private:
  // Chooses a shard and strikes it off; nothing when none with keys is left.
  std::optional<shard_id> take_shard() {
    std::uint64_t total = 0;
    for (const std::uint64_t size : sizes_) total += size;
    if (total == 0) return std::nullopt;
    std::uint64_t left = context_.random.below(total);
    std::uint32_t shard = 0;
    while (left >= sizes_[shard]) left -= sizes_[shard++];
    sizes_[shard] = 0;
    return shard_id{shard};
  }

  rule_context context_;
  std::vector<std::uint64_t> sizes_;
};

}  // namespace

std::unique_ptr<plan_rule> make_every_shard_rule(const rule_context& context) {
  if (context.spec.name == "randomkey") return std::make_unique<random_key_rule>(context);
  return std::make_unique<everywhere_rule>(context);
}

}  // namespace troupe::resp
