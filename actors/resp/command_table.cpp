// The rows of all families behind one perfect hash, which is searched for at compile time.
#include "actors/resp/command_table.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "actors/resp/connection_rows.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/resp/key_rows.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/resp/server_rows.hpp"
#include "actors/resp/string_rows.hpp"
#include "storage/base/coding.hpp"
#include "storage/base/limits.hpp"

namespace troupe::resp {
namespace {

constexpr std::size_t command_count = std::size(rows::string_rows) + std::size(rows::key_rows) +
                                      std::size(rows::connection_rows) +
                                      std::size(rows::server_rows);

constexpr std::size_t count_subcommands() {
  std::size_t count = 0;
  const auto add = [&count](const auto& family) {
    for (const command_spec& row : family) count += row.subcommands.size();
  };
  add(rows::string_rows);
  add(rows::key_rows);
  add(rows::connection_rows);
  add(rows::server_rows);
  return count;
}

constexpr std::size_t subcommand_count = count_subcommands();

/// The rows as they are dispatched: numbered, subcommands behind the commands.
struct numbered_rows {
  std::array<command_spec, command_count> commands{};
  std::array<command_spec, subcommand_count> subcommands{};
};

constexpr numbered_rows number_rows() {
  numbered_rows all;
  std::size_t used = 0;
  std::size_t used_below = 0;
  const auto add = [&](const auto& family) {
    for (const command_spec& row : family) {
      all.commands[used] = row;
      all.commands[used].number = static_cast<std::uint16_t>(used);
      ++used;
      for (const command_spec& sub : row.subcommands) {
        all.subcommands[used_below] = sub;
        all.subcommands[used_below].number = static_cast<std::uint16_t>(command_count + used_below);
        ++used_below;
      }
    }
  };
  add(rows::string_rows);
  add(rows::key_rows);
  add(rows::connection_rows);
  add(rows::server_rows);
  return all;
}

constexpr numbered_rows numbered = number_rows();

/// The same commands, with their subcommands among the numbered ones.
constexpr std::array<command_spec, command_count> join_subcommands() {
  auto all = numbered.commands;
  std::size_t first = 0;
  for (command_spec& row : all) {
    const std::size_t count = row.subcommands.size();
    if (count > 0) row.subcommands = {numbered.subcommands.data() + first, count};
    first += count;
  }
  return all;
}

constexpr auto command_rows = join_subcommands();

constexpr std::array<const command_spec*, command_count> sorted_commands() {
  std::array<const command_spec*, command_count> all{};
  for (std::size_t i = 0; i < command_count; ++i) all[i] = &command_rows[i];
  std::sort(all.begin(), all.end(), [](auto* a, auto* b) { return a->name < b->name; });
  return all;
}

constexpr auto commands = sorted_commands();

constexpr std::array<const command_spec*, command_count + subcommand_count> by_number = [] {
  std::array<const command_spec*, command_count + subcommand_count> all{};
  for (const command_spec& row : command_rows) all[row.number] = &row;
  for (const command_spec& row : numbered.subcommands) all[row.number] = &row;
  return all;
}();

// A name as two words, letters folded to lower case by setting bit 5. That maps exactly the letters
// of either case onto the lower-case ones, so for names made of letters only (checked below) equal
// words and equal size mean equal names.
struct name_words {
  std::uint64_t low = 0;
  std::uint64_t high = 0;
  friend constexpr bool operator==(name_words, name_words) = default;
};

template <class Word>
constexpr std::uint64_t load_word(const char* from) noexcept {
  if (!std::is_constant_evaluated()) return load_le<Word>(from);
  std::uint64_t word = 0;
  for (std::size_t at = sizeof(Word); at-- > 0;) {
    word = word << 8 | static_cast<unsigned char>(from[at]);
  }
  return word;
}

// Reads only bytes of the name: short ones are put together from overlapping pieces.
// Precondition: 0 < size <= command_name_max.
constexpr name_words words_of(std::string_view name) noexcept {
  constexpr std::uint64_t lower_case = 0x2020202020202020;
  const char* const bytes = name.data();
  const std::size_t size = name.size();
  name_words words;
  if (size >= 8) {
    words = {load_word<std::uint64_t>(bytes), load_word<std::uint64_t>(bytes + size - 8)};
  } else if (size >= 4) {
    words.low = load_word<std::uint32_t>(bytes) | load_word<std::uint32_t>(bytes + size - 4) << 32;
  } else {
    words.low = load_word<std::uint8_t>(bytes) | load_word<std::uint8_t>(bytes + size / 2) << 8 |
                load_word<std::uint8_t>(bytes + size - 1) << 16;
  }
  words.low |= lower_case;
  words.high |= lower_case;
  return words;
}

constexpr std::size_t table_bits = 9;

constexpr std::size_t slot_of(name_words words, std::size_t size, std::uint64_t multiplier) {
  const std::uint64_t mixed = (words.low ^ std::rotl(words.high, 29) ^ size) * multiplier;
  return static_cast<std::size_t>(mixed >> (64 - table_bits));
}

struct table_entry {
  name_words words;
  std::size_t size = 0;
  const command_spec* spec = nullptr;
};

struct perfect_table {
  std::uint64_t multiplier = 0;
  std::array<table_entry, std::size_t{1} << table_bits> entries{};
};

constexpr bool is_collision_free(std::uint64_t multiplier) {
  std::array<bool, std::size_t{1} << table_bits> taken{};
  for (const auto* spec : commands) {
    const std::size_t slot = slot_of(words_of(spec->name), spec->name.size(), multiplier);
    if (taken[slot]) return false;
    taken[slot] = true;
  }
  return true;
}

constexpr perfect_table make_table() {
  perfect_table table;
  std::uint64_t candidate = 0x9e3779b97f4a7c15;
  while (!is_collision_free(candidate)) {
    candidate = candidate * 6364136223846793005 + 1442695040888963407;
    candidate |= 1;
  }
  table.multiplier = candidate;
  for (const auto* spec : commands) {
    const name_words words = words_of(spec->name);
    table.entries[slot_of(words, spec->name.size(), candidate)] = {words, spec->name.size(), spec};
  }
  return table;
}

constexpr perfect_table table = make_table();

constexpr bool is_well_formed(const command_spec& spec) {
  return spec.arity != 0 && (spec.split != split_rule::none) == (spec.scope == scope::shard_keys ||
                                                                 spec.scope == scope::every_shard);
}

static_assert(std::all_of(commands.begin(), commands.end(), [](const command_spec* spec) {
  return spec->name.size() <= command_name_max &&
         std::all_of(spec->name.begin(), spec->name.end(),
                     [](char c) { return c >= 'a' && c <= 'z'; }) &&
         is_well_formed(*spec) &&
         std::all_of(spec->subcommands.begin(), spec->subcommands.end(), is_well_formed);
}));

bool has_oversized_key(const command_spec& spec, arguments argv) {
  const key_positions keys = keys_of(spec, argv.size());
  for (std::size_t at = keys.first; at < keys.end; at += keys.step) {
    if (argv[at].size() > limits::key_bytes_max) return true;
  }
  return false;
}

}  // namespace

const command_spec* find(std::string_view name) noexcept {
  if (name.empty() || name.size() > command_name_max) return nullptr;
  const name_words words = words_of(name);
  const table_entry& entry = table.entries[slot_of(words, name.size(), table.multiplier)];
  return entry.size == name.size() && entry.words == words ? entry.spec : nullptr;
}

const command_spec* find_subcommand(const command_spec& container, std::string_view name) noexcept {
  const std::size_t prefix = container.name.size() + 1;
  for (const command_spec& spec : container.subcommands) {
    if (equals_ignoring_case(name, spec.name.substr(prefix))) return &spec;
  }
  return nullptr;
}

std::span<const command_spec* const> all_commands() noexcept { return commands; }

std::span<const command_spec* const> numbered_commands() noexcept { return by_number; }

key_positions keys_of(const command_spec& spec, std::size_t argument_count) noexcept {
  if (spec.keys.first == 0) return {};
  const auto first = static_cast<std::size_t>(spec.keys.first);
  const auto step = static_cast<std::size_t>(spec.keys.step);
  const std::size_t last = spec.keys.last >= 0
                               ? static_cast<std::size_t>(spec.keys.last)
                               : argument_count - static_cast<std::size_t>(-spec.keys.last);
  return {first, std::min(last + 1, argument_count), step};
}

resolved_command check_command(arguments argv) {
  const command_spec* spec = find(argv[0]);
  if (spec == nullptr) return {nullptr, error_texts::unknown_command(argv)};
  if (!spec->subcommands.empty() && argv.size() > 1) {
    const command_spec* subcommand = find_subcommand(*spec, argv[1]);
    if (subcommand == nullptr)
      return {nullptr, error_texts::unknown_subcommand(spec->name, argv[1])};
    spec = subcommand;
  }
  if (!spec->accepts(argv.size())) return {spec, error_texts::wrong_arity(spec->name)};
  if (has_oversized_key(*spec, argv)) {
    return {spec, "ERR key exceeds maximum allowed size (" + std::to_string(limits::key_bytes_max) +
                      " bytes)"};
  }
  return {spec, std::nullopt};
}

std::size_t reply_bytes_estimate(const command_spec& spec, std::size_t argument_count) noexcept {
  // The writes that reply values: GETDEL and its kin, and SET with the option GET.
  const bool replies_values = spec.has(command_flag::readonly) || spec.name.starts_with("get") ||
                              (spec.name == "set" && argument_count > 3);
  if (!replies_values) return 0;
  const key_positions keys = keys_of(spec, argument_count);
  if (keys.empty()) return 0;
  const std::size_t count = (keys.end - keys.first + keys.step - 1) / keys.step;
  return std::min(count, limits::reply_bytes_max / limits::part_bytes_max) * limits::part_bytes_max;
}

std::size_t write_bytes_estimate(arguments argv) noexcept {
  std::size_t bytes = 0;
  for (const std::string_view argument : argv) bytes += argument.size();
  return bytes;
}

}  // namespace troupe::resp
