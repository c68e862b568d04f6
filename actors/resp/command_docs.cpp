#include "actors/resp/command_docs.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "actors/resp/argument_notation.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/resp/glob_match.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::resp {
namespace {

using words = std::vector<std::string_view>;
using flag = command_flag;

words split_words(std::string_view text) {
  words result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    result.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

words flag_words(const command_spec& spec) {
  constexpr std::pair<flag, std::string_view> names[] = {
      {flag::write, "write"},       {flag::readonly, "readonly"},
      {flag::denyoom, "denyoom"},   {flag::admin, "admin"},
      {flag::noscript, "noscript"}, {flag::loading, "loading"},
      {flag::stale, "stale"},       {flag::skip_slowlog, "skip_slowlog"},
      {flag::fast, "fast"},         {flag::no_auth, "no_auth"},
      {flag::no_multi, "no_multi"}, {flag::allow_busy, "allow_busy"},
  };
  words result;
  for (const auto& [bit, name] : names) {
    if (spec.has(bit)) result.push_back(name);
  }
  return result;
}

// In the order of Redis' category table, with the '@'.
words category_words(const command_spec& spec) {
  const bool is_admin = spec.has(flag::admin) || spec.has(flag::admin_category);
  const bool is_fast = spec.has(flag::fast);
  const std::pair<bool, std::string_view> names[] = {
      {spec.category == command_category::keyspace, "@keyspace"},
      {spec.has(flag::readonly), "@read"},
      {spec.has(flag::write), "@write"},
      {spec.category == command_category::string, "@string"},
      {is_admin, "@admin"},
      {is_fast, "@fast"},
      {!is_fast, "@slow"},
      {is_admin || spec.has(flag::dangerous), "@dangerous"},
      {spec.category == command_category::connection, "@connection"},
      {spec.category == command_category::transaction, "@transaction"},
  };
  words result;
  for (const auto& [applies, name] : names) {
    if (applies) result.push_back(name);
  }
  return result;
}

std::string_view group_word(command_group group) {
  switch (group) {
    case command_group::generic: return "generic";
    case command_group::string: return "string";
    case command_group::connection: return "connection";
    case command_group::server: return "server";
    case command_group::transactions: return "transactions";
  }
  return {};
}

void reply_simple_set(reply_writer& reply, const words& items, std::string_view prefix = {}) {
  reply.set(items.size());
  for (const std::string_view item : items) reply.simple(std::string(prefix).append(item));
}

void reply_field(reply_writer& reply, std::string_view name, std::string_view value) {
  reply.bulk(name);
  reply.bulk(value);
}

void reply_number_field(reply_writer& reply, std::string_view name, std::int64_t value) {
  reply.bulk(name);
  reply.integer(value);
}

void reply_key_spec(reply_writer& reply, const key_spec& keys) {
  reply.map(3);
  reply.bulk("flags");
  reply_simple_set(reply, split_words(keys.flags));
  reply.bulk("begin_search");
  reply.map(2);
  reply_field(reply, "type", "index");
  reply.bulk("spec");
  reply.map(1);
  reply_number_field(reply, "index", keys.first);
  reply.bulk("find_keys");
  reply.map(2);
  reply_field(reply, "type", "range");
  reply.bulk("spec");
  reply.map(3);
  reply_number_field(reply, "lastkey", keys.last);
  reply_number_field(reply, "keystep", keys.step);
  reply_number_field(reply, "limit", 0);
}

void reply_command(reply_writer& reply, const command_spec& spec) {
  reply.array(10);
  reply.bulk(spec.name);
  reply.integer(spec.arity);
  reply_simple_set(reply, flag_words(spec));
  reply.integer(spec.keys.first);
  reply.integer(spec.keys.last);
  reply.integer(spec.keys.step);
  reply_simple_set(reply, category_words(spec));
  const words tips = split_words(spec.tips);
  reply.set(tips.size());
  for (const std::string_view tip : tips) reply.bulk(tip);
  reply.set(spec.key_specs.size());
  for (const key_spec& keys : spec.key_specs) reply_key_spec(reply, keys);
  // Redis ends a command that has no subcommands with an empty set, not with an empty array.
  if (spec.subcommands.empty()) return reply.set(0);
  reply.array(spec.subcommands.size());
  for (const command_spec& subcommand : spec.subcommands) reply_command(reply, subcommand);
}

void reply_arguments(reply_writer& reply, const std::vector<argument_note>& notes) {
  reply.array(notes.size());
  for (const argument_note& note : notes) {
    words flags;
    if (note.is_optional) flags.push_back("optional");
    if (note.is_multiple) flags.push_back("multiple");
    if (note.repeats_token) flags.push_back("multiple_token");
    reply.map(2u + (note.key_spec_index ? 1u : 0u) + (note.token.empty() ? 0u : 1u) +
              (note.since.empty() ? 0u : 1u) + (flags.empty() ? 0u : 1u) +
              (note.nested.empty() ? 0u : 1u));
    reply_field(reply, "name", note.name);
    reply_field(reply, "type", note.type);
    if (note.key_spec_index) reply_number_field(reply, "key_spec_index", *note.key_spec_index);
    if (!note.token.empty()) reply_field(reply, "token", note.token);
    if (!note.since.empty()) reply_field(reply, "since", note.since);
    if (!flags.empty()) {
      reply.bulk("flags");
      reply_simple_set(reply, flags);
    }
    if (!note.nested.empty()) {
      reply.bulk("arguments");
      reply_arguments(reply, note.nested);
    }
  }
}

// A command's name and its documentation: one pair of a map.
void reply_docs(reply_writer& reply, const command_spec& spec) {
  const bool is_deprecated = !spec.docs.deprecated_since.empty();
  const auto notes = parse_argument_notation(spec.docs.arguments);
  reply.bulk(spec.name);
  reply.map(4u + (is_deprecated ? 3u : 0u) + (notes.empty() ? 0u : 1u) +
            (spec.subcommands.empty() ? 0u : 1u));
  reply_field(reply, "summary", spec.docs.summary);
  reply_field(reply, "since", spec.docs.since);
  reply_field(reply, "group", group_word(spec.group));
  reply_field(reply, "complexity", spec.docs.complexity);
  if (is_deprecated) {
    reply.bulk("doc_flags");
    reply_simple_set(reply, {"deprecated"});
    reply_field(reply, "deprecated_since", spec.docs.deprecated_since);
    reply_field(reply, "replaced_by", spec.docs.replaced_by);
  }
  if (!notes.empty()) {
    reply.bulk("arguments");
    reply_arguments(reply, notes);
  }
  if (!spec.subcommands.empty()) {
    reply.bulk("subcommands");
    reply.map(spec.subcommands.size());
    for (const command_spec& subcommand : spec.subcommands) reply_docs(reply, subcommand);
  }
}

// "get" or "config|get", in any case.
const command_spec* find_by_full_name(std::string_view name) {
  const std::size_t bar = name.find('|');
  const command_spec* spec = find(name.substr(0, bar));
  if (spec == nullptr || bar == std::string_view::npos) return spec;
  return find_subcommand(*spec, name.substr(bar + 1));
}

void reply_info(arguments names, reply_writer& reply) {
  if (names.empty()) return reply_all_commands(reply);
  reply.array(names.size());
  for (const std::string_view name : names) {
    if (const command_spec* spec = find_by_full_name(name)) {
      reply_command(reply, *spec);
    } else {
      reply.null();
    }
  }
}

void reply_all_docs(arguments names, reply_writer& reply) {
  std::vector<const command_spec*> specs;
  if (names.empty()) specs.assign(all_commands().begin(), all_commands().end());
  for (const std::string_view name : names) {
    if (const command_spec* spec = find_by_full_name(name)) specs.push_back(spec);
  }
  reply.map(specs.size());
  for (const command_spec* spec : specs) reply_docs(reply, *spec);
}

template <class Predicate>
void reply_names_that(Predicate applies, reply_writer& reply) {
  words names;
  for (const command_spec* spec : all_commands()) {
    if (applies(*spec)) names.push_back(spec->name);
    for (const command_spec& subcommand : spec->subcommands) {
      if (applies(subcommand)) names.push_back(subcommand.name);
    }
  }
  reply.array(names.size());
  for (const std::string_view name : names) reply.bulk(name);
}

// argv: COMMAND LIST [FILTERBY MODULE|ACLCAT|PATTERN value]
void reply_list(arguments argv, reply_writer& reply) {
  if (argv.size() == 2) {
    return reply_names_that([](const command_spec&) { return true; }, reply);
  }
  if (argv.size() != 5 || !equals_ignoring_case(argv[2], "filterby")) {
    return reply.error(error_texts::syntax);
  }
  const std::string_view value = argv[4];
  if (equals_ignoring_case(argv[3], "module")) {
    reply.array(0);
  } else if (equals_ignoring_case(argv[3], "aclcat")) {
    reply_names_that(
        [&](const command_spec& spec) {
          const words categories = category_words(spec);
          return std::any_of(categories.begin(), categories.end(), [&](std::string_view category) {
            return equals_ignoring_case(value, category.substr(1));
          });
        },
        reply);
  } else if (equals_ignoring_case(argv[3], "pattern")) {
    reply_names_that(
        [&](const command_spec& spec) {
          return glob_match(value, spec.name, letter_case::ignored);
        },
        reply);
  } else {
    reply.error(error_texts::syntax);
  }
}

// The spec of the command behind "COMMAND GETKEYS"; replies the error if it has no keys to show.
const command_spec* command_with_keys(arguments argv, reply_writer& reply) {
  const command_spec* spec = find(argv[0]);
  if (spec != nullptr && !spec->subcommands.empty() && argv.size() > 1) {
    spec = find_subcommand(*spec, argv[1]);
  }
  if (spec == nullptr) {
    reply.error("ERR Invalid command specified");
  } else if (spec->key_specs.empty()) {
    reply.error("ERR The command has no key arguments");
  } else if (!spec->accepts(argv.size())) {
    reply.error("ERR Invalid number of arguments specified for command");
  } else {
    return spec;
  }
  return nullptr;
}

void reply_keys(arguments argv, reply_writer& reply) {
  const command_spec* spec = command_with_keys(argv, reply);
  if (spec == nullptr) return;
  const key_positions keys = keys_of(*spec, argv.size());
  reply.array((keys.end - keys.first + keys.step - 1) / keys.step);
  for (std::size_t at = keys.first; at < keys.end; at += keys.step) reply.bulk(argv[at]);
}

// How this very command uses a key: SET reads the old value only if told to.
std::string_view use_of_key(const key_spec& use, arguments argv) {
  if (!use.flags.ends_with("variable_flags")) return use.flags;
  const bool reads = std::any_of(argv.begin() + 3, argv.end(), [](std::string_view option) {
    return equals_ignoring_case(option, "get");
  });
  return reads ? "RW access update" : "OW update";
}

void reply_keys_and_flags(arguments argv, reply_writer& reply) {
  const command_spec* spec = command_with_keys(argv, reply);
  if (spec == nullptr) return;
  const key_positions keys = keys_of(*spec, argv.size());
  reply.array((keys.end - keys.first + keys.step - 1) / keys.step);
  std::size_t ordinal = 0;
  for (std::size_t at = keys.first; at < keys.end; at += keys.step, ++ordinal) {
    // One specification covers all keys, or there is one for each.
    const auto& use = spec->key_specs[std::min(ordinal, spec->key_specs.size() - 1)];
    reply.array(2);
    reply.bulk(argv[at]);
    reply_simple_set(reply, split_words(use_of_key(use, argv)));
  }
}

}  // namespace

void reply_all_commands(reply_writer& reply) {
  reply.array(all_commands().size());
  for (const command_spec* spec : all_commands()) reply_command(reply, *spec);
}

void reply_command_subcommand(const command_spec& spec, arguments argv, reply_writer& reply) {
  const std::string_view name = spec.name.substr(spec.name.find('|') + 1);
  if (name == "count") {
    reply.integer(static_cast<std::int64_t>(all_commands().size()));
  } else if (name == "info") {
    reply_info(argv.subspan(2), reply);
  } else if (name == "docs") {
    reply_all_docs(argv.subspan(2), reply);
  } else if (name == "list") {
    reply_list(argv, reply);
  } else if (name == "getkeys") {
    reply_keys(argv.subspan(2), reply);
  } else if (name == "getkeysandflags") {
    reply_keys_and_flags(argv.subspan(2), reply);
  } else {
    reply_help(*find("command"), reply);
  }
}

void reply_help(const command_spec& container, reply_writer& reply) {
  const std::size_t prefix = container.name.size() + 1;
  reply.array(1 + 2 * container.subcommands.size());
  reply.simple(upper_case(container.name) +
               " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
  for (const command_spec& subcommand : container.subcommands) {
    reply.simple(upper_case(subcommand.name.substr(prefix)) +
                 usage_of(parse_argument_notation(subcommand.docs.arguments)));
    reply.simple(std::string("    ").append(subcommand.docs.summary));
  }
}

}  // namespace troupe::resp
