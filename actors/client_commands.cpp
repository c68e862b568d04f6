#include "actors/client_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/resp/command_docs.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::actors {
namespace {

using resp::equals_ignoring_case;
namespace texts = resp::error_texts;

constexpr std::string_view normal_type = "normal";

/// The client type of that name, or nothing.
std::optional<std::string_view> find_client_type(std::string_view name) {
  constexpr std::string_view types[] = {normal_type, "slave", "replica", "pubsub", "master"};
  const auto* found =
      std::ranges::find_if(types, [&](auto type) { return equals_ignoring_case(name, type); });
  if (found == std::end(types)) return std::nullopt;
  return *found;
}

std::string unknown_type(std::string_view name) {
  return fmt::format("ERR Unknown client type '{}'", texts::shown(name));
}

/// ON or OFF; replies the error if it is neither.
std::optional<bool> parse_switch(const connection_call& call) {
  if (equals_ignoring_case(call.argv[2], "on")) return true;
  if (equals_ignoring_case(call.argv[2], "off")) return false;
  call.refuse(texts::syntax);
  return std::nullopt;
}

// ---- this connection ---------------------------------------------------------------------------

void run_id(const connection_call& call) {
  call.reply.integer(static_cast<std::int64_t>(call.client.identity().id));
}

void run_info(const connection_call& call) {
  call.reply.verbatim("txt", call.client.describe() + '\n');
}

void run_getname(const connection_call& call) {
  const auto& name = call.client.name();
  if (name.empty()) return call.reply.null();
  call.reply.bulk(name);
}

void run_setname(const connection_call& call) {
  if (!is_plain_word(call.argv[2])) return call.refuse(bad_client_name);
  call.client.set_name(call.argv[2]);
  call.reply.ok();
}

void run_setinfo(const connection_call& call) {
  const auto value = call.argv[3];
  for (const std::string_view attribute : {"lib-name", "lib-ver"}) {
    if (!equals_ignoring_case(call.argv[2], attribute)) continue;
    if (!is_plain_word(value)) {
      return call.refuse(fmt::format(
          "ERR {} cannot contain spaces, newlines or special characters.", call.argv[2]));
    }
    call.client.set_library(attribute, value);
    return call.reply.ok();
  }
  call.refuse(fmt::format("ERR Unrecognized option '{}'", texts::shown(call.argv[2])));
}

void run_reply(const connection_call& call) {
  const auto word = call.argv[2];
  if (equals_ignoring_case(word, "on")) {
    call.client.set_reply_mode(reply_mode::on);
    call.reply.ok();
  } else if (equals_ignoring_case(word, "off")) {
    call.client.set_reply_mode(reply_mode::off);
  } else if (equals_ignoring_case(word, "skip")) {
    call.client.set_reply_mode(reply_mode::skip_next);
  } else {
    call.refuse(texts::syntax);
  }
}

void run_no_evict(const connection_call& call) {
  const auto on = parse_switch(call);
  if (!on) return;
  call.client.set_no_evict(*on);
  call.reply.ok();
}

void run_no_touch(const connection_call& call) {
  const auto on = parse_switch(call);
  if (!on) return;
  call.client.set_reading(*on ? kv::reading::leaves_no_mark : kv::reading::marks);
  call.reply.ok();
}

// ---- all connections ---------------------------------------------------------------------------

/// CLIENT LIST ID id ...; connections that do not exist are left out.
void list_by_id(const connection_call& call) {
  std::vector<std::uint64_t> ids;
  for (const auto word : call.argv.subspan(3)) {
    const auto id = resp::parse_integer(word);
    if (!id) return call.refuse("ERR Invalid client ID");
    ids.push_back(static_cast<std::uint64_t>(*id));
  }
  call.client.services().answer_client_list(call.client, call.client.reserve(), std::move(ids));
}

void run_list(const connection_call& call) {
  const auto argv = call.argv;
  if (argv.size() == 4 && equals_ignoring_case(argv[2], "type")) {
    const auto type = find_client_type(argv[3]);
    if (!type) return call.refuse(unknown_type(argv[3]));
    if (*type != normal_type) return call.reply.verbatim("txt", "");
  } else if (argv.size() > 3 && equals_ignoring_case(argv[2], "id")) {
    return list_by_id(call);
  } else if (argv.size() != 2) {
    return call.refuse(texts::syntax);
  }
  call.client.services().answer_client_list(call.client, call.client.reserve(), {});
}

/// What CLIENT KILL was asked for; of a repeated option the last one counts.
struct kill_order {
  std::uint64_t id = 0;
  std::optional<std::string_view> address, local_address;
  std::string_view type = normal_type;
  bool skip_me = true;

  /// True when no connection can match: all are of one type and none has an empty address.
  [[nodiscard]] bool matches_nobody() const {
    return type != normal_type || address == "" || local_address == "";
  }
};

/// Takes one option of CLIENT KILL; the error text if it is wrong.
std::optional<std::string> add_option(kill_order& order, std::string_view option,
                                      std::string_view value) {
  if (equals_ignoring_case(option, "id")) {
    const auto id = resp::parse_integer(value);
    if (!id || *id < 1) return "ERR client-id should be greater than 0";
    order.id = static_cast<std::uint64_t>(*id);
  } else if (equals_ignoring_case(option, "type")) {
    const auto type = find_client_type(value);
    if (!type) return unknown_type(value);
    order.type = *type;
  } else if (equals_ignoring_case(option, "addr")) {
    order.address = value;
  } else if (equals_ignoring_case(option, "laddr")) {
    order.local_address = value;
  } else if (equals_ignoring_case(option, "user")) {
    if (value != "default") return fmt::format("ERR No such user '{}'", texts::shown(value));
  } else if (equals_ignoring_case(option, "skipme")) {
    if (!equals_ignoring_case(value, "yes") && !equals_ignoring_case(value, "no")) {
      return std::string(texts::syntax);
    }
    order.skip_me = equals_ignoring_case(value, "yes");
  } else {
    return std::string(texts::syntax);
  }
  return std::nullopt;
}

void run_kill(const connection_call& call) {
  const auto argv = call.argv;
  const auto old_style = argv.size() == 3;
  kill_order order;
  if (old_style) {
    if (argv[2].empty()) return call.refuse("ERR No such client");
    order.address = argv[2];
    order.skip_me = false;
  }
  for (std::size_t at = 2; !old_style && at < argv.size(); at += 2) {
    if (at + 1 == argv.size()) return call.refuse(texts::syntax);
    if (const auto wrong = add_option(order, argv[at], argv[at + 1])) return call.refuse(*wrong);
  }
  if (order.matches_nobody()) return call.reply.integer(0);
  const kill_filter filter{order.id, std::string(order.address.value_or("")),
                           std::string(order.local_address.value_or("")),
                           order.skip_me ? call.client.identity().id : 0, old_style};
  call.client.services().answer_client_kill(call.client, call.client.reserve(), filter);
  if (matches(filter, call.client.identity())) call.client.close_behind_this();
}

constexpr std::pair<std::string_view, void (*)(const connection_call&)> handlers[] = {
    {"setname", run_setname},   {"setinfo", run_setinfo},
    {"getname", run_getname},   {"id", run_id},
    {"info", run_info},         {"reply", run_reply},
    {"no-evict", run_no_evict}, {"no-touch", run_no_touch},
    {"list", run_list},         {"kill", run_kill},
};

}  // namespace

void run_client(const connection_call& call) {
  for (const auto& [name, run] : handlers) {
    if (name == call.subcommand()) return run(call);
  }
  resp::reply_help(*resp::find("client"), call.reply);
}

}  // namespace troupe::actors
