#include "actors/resp/deadline_arguments.hpp"

#include "actors/resp/handler_replies.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::resp {
namespace {

using existence = string_options::existence;
using expiry = string_options::expiry;

struct expiry_word {
  std::string_view word;
  time_notation notation;
};

constexpr expiry_word expiry_words[] = {
    {"ex", {time_unit::seconds, time_base::now}},
    {"px", {time_unit::milliseconds, time_base::now}},
    {"exat", {time_unit::seconds, time_base::epoch}},
    {"pxat", {time_unit::milliseconds, time_base::epoch}},
};

// Like Redis, the same option may be repeated, two different ones of a kind may not.
bool take_existence(string_options& options, existence wanted) noexcept {
  if (options.condition != existence::any && options.condition != wanted) return false;
  options.condition = wanted;
  return true;
}

bool take_mode(string_options& options, expiry wanted) noexcept {
  if (options.deadline != expiry::none && options.deadline != wanted) return false;
  options.deadline = wanted;
  return true;
}

bool take_set_word(string_options& options, std::string_view word) noexcept {
  if (equals_ignoring_case(word, "nx")) return take_existence(options, existence::must_not_exist);
  if (equals_ignoring_case(word, "xx")) return take_existence(options, existence::must_exist);
  if (equals_ignoring_case(word, "keepttl")) return take_mode(options, expiry::keep);
  if (!equals_ignoring_case(word, "get")) return false;
  options.returns_old_value = true;
  return true;
}

bool operator==(time_notation a, time_notation b) noexcept {
  return a.unit == b.unit && a.base == b.base;
}

enum class taken : std::uint8_t { no, conflict, yes };

taken take_expiry(string_options& options, std::string_view word,
                  std::optional<std::string_view> amount) noexcept {
  for (const expiry_word& known : expiry_words) {
    if (!equals_ignoring_case(word, known.word)) continue;
    const bool repeated = options.deadline == expiry::given && options.notation == known.notation;
    if (!amount || (options.deadline != expiry::none && !repeated)) return taken::conflict;
    options.deadline = expiry::given;
    options.notation = known.notation;
    options.amount = *amount;
    return taken::yes;
  }
  return taken::no;
}

}  // namespace

std::optional<std::int64_t> deadline_from(std::int64_t amount, time_notation notation,
                                          std::int64_t now_ms) noexcept {
  std::int64_t deadline = amount;
  if (notation.unit == time_unit::seconds && __builtin_mul_overflow(amount, 1000, &deadline)) {
    return std::nullopt;
  }
  if (notation.base == time_base::now && __builtin_add_overflow(deadline, now_ms, &deadline)) {
    return std::nullopt;
  }
  return deadline;
}

std::optional<string_options> parse_string_options(arguments argv, std::size_t first,
                                                   string_option_set known) noexcept {
  string_options options;
  for (std::size_t at = first; at < argv.size(); ++at) {
    std::optional<std::string_view> next;
    if (at + 1 < argv.size()) next = argv[at + 1];
    switch (take_expiry(options, argv[at], next)) {
      case taken::yes: ++at; continue;
      case taken::conflict: return std::nullopt;
      case taken::no: break;
    }
    const bool accepted =
        known == string_option_set::set
            ? take_set_word(options, argv[at])
            : equals_ignoring_case(argv[at], "persist") && take_mode(options, expiry::persist);
    if (!accepted) return std::nullopt;
  }
  return options;
}

std::optional<std::int64_t> positive_deadline(shard_command& command, std::string_view amount,
                                              time_notation notation) {
  const auto number = parse_integer(amount);
  if (!number) {
    command.reply.error(error_texts::not_integer);
    return std::nullopt;
  }
  if (*number > 0) {
    if (const auto deadline = deadline_from(*number, notation, command.store.now_ms())) {
      return deadline;
    }
  }
  reply_invalid_expire(command);
  return std::nullopt;
}

}  // namespace troupe::resp
