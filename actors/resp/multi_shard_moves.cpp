// Plans that carry one value from a shard to another: RENAME, RENAMENX, COPY.
//
//   look: fetch source [+ does the target exist] ─► place at target ─► erase source (not COPY)
#include "actors/resp/handler_replies.hpp"
#include "actors/resp/multi_shard_rules.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/resp/piece_commands.hpp"
#include "actors/resp/transfer_commands.hpp"
#include "storage/base/ensure.hpp"
#include "storage/base/hash_slot.hpp"

namespace troupe::resp {
namespace {

/// The ways in which the three commands differ.
struct move_traits {
  bool keeps_source = false;            // COPY
  bool may_replace = true;              // RENAME, COPY REPLACE
  bool missing_source_is_error = true;  // RENAME, RENAMENX
  bool replies_ok = true;               // RENAME; the others reply 1
};

move_traits traits_of(const rule_context& context) {
  if (context.spec.name == "rename") return {};
  if (context.spec.name == "renamenx") {
    return {.may_replace = false, .replies_ok = false};
  }
  ENSURE(context.spec.name == "copy");
  return {.keeps_source = true,
          .may_replace = copy_mode_of(context.argv) == copy_mode::replace_existing,
          .missing_source_is_error = false,
          .replies_ok = false};
}

class move_rule final : public plan_rule {
 public:
  explicit move_rule(const rule_context& context)
      : context_(context),
        traits_(traits_of(context)),
        source_(context.argv[1]),
        target_(context.argv[2]) {}

  std::vector<piece> first_phase() override {
    std::vector<piece> pieces;
    // RENAME writes its source, COPY reads it: that is what the statistics call them.
    const auto& fetch = traits_.keeps_source ? fetch_for_copy : fetch_for_transfer;
    pieces.push_back(piece_for(source_, fetch, {fetch.name, source_}));
    if (!traits_.may_replace) {
      pieces.push_back(piece_for(target_, count_existing, {count_existing.name, target_}));
    }
    return pieces;
  }

  std::vector<piece> next_phase(std::vector<std::string> replies, reply_writer& out) override {
    switch (stage_) {
      case stage::looking: return after_look(std::move(replies), out);
      case stage::placing:
        if (traits_.keeps_source) break;
        stage_ = stage::erasing;
        return {named_piece("del", source_)};
      case stage::erasing: break;
    }
    if (traits_.replies_ok) {
      out.ok();
    } else {
      out.integer(1);
    }
    return {};
  }

 private:
  enum class stage : std::uint8_t { looking, placing, erasing };

  std::vector<piece> after_look(std::vector<std::string> replies, reply_writer& out) {
    fetched_ = std::move(replies[0]);
    reply_reader reader(fetched_);
    if (!reader.array_header()) {
      if (traits_.missing_source_is_error) {
        out.error(error_texts::no_such_key);
      } else {
        out.integer(0);
      }
      return {};
    }
    if (!traits_.may_replace && reply_reader(replies[1]).integer() != 0) {
      out.integer(0);
      return {};
    }
    const auto value = reader.bulk();
    ENSURE(value.has_value());
    deadline_ = integer_text(reader.integer());
    form_ = integer_text(reader.integer());
    stage_ = stage::placing;
    return {piece_for(target_, place_transferred,
                      {place_transferred.name, target_, *value, deadline_.view(), form_.view()})};
  }

  piece piece_for(std::string_view key, const command_spec& spec,
                  std::vector<std::string_view> argv) const {
    return {shard_of(key, context_.shard_count), &spec, std::move(argv)};
  }

  piece named_piece(std::string_view name, std::string_view key) const {
    const command_spec* spec = find(name);
    ENSURE(spec != nullptr);
    return piece_for(key, *spec, {name, key});
  }

  rule_context context_;
  move_traits traits_;
  std::string_view source_;
  std::string_view target_;
  stage stage_ = stage::looking;
  std::string fetched_;  // holds the value while it is placed
  integer_text deadline_{0};
  integer_text form_{0};
};

}  // namespace

std::optional<copy_mode> copy_mode_of(arguments argv) noexcept {
  copy_mode mode = copy_mode::keep_existing;
  for (std::size_t at = 3; at < argv.size(); ++at) {
    if (equals_ignoring_case(argv[at], "replace")) {
      mode = copy_mode::replace_existing;
    } else if (equals_ignoring_case(argv[at], "db") && at + 1 < argv.size() &&
               argv[at + 1] == "0") {
      ++at;
    } else {
      return std::nullopt;
    }
  }
  return mode;
}

std::unique_ptr<plan_rule> make_move_rule(const rule_context& context) {
  return std::make_unique<move_rule>(context);
}

}  // namespace troupe::resp
