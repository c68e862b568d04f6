#include "actors/connection_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "actors/client_commands.hpp"
#include "actors/config_commands.hpp"
#include "actors/debug_commands.hpp"
#include "actors/resp/command_docs.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/resp/number_parsing.hpp"
#include "actors/server_commands.hpp"

namespace troupe::actors {
namespace {

namespace texts = resp::error_texts;

void run_help(const connection_call& call) {
  const auto container = call.spec.name.substr(0, call.spec.name.find('|'));
  resp::reply_help(*resp::find(container), call.reply);
}

struct handler_entry {
  std::string_view container;  // or the whole name of a command without subcommands
  void (*run)(const connection_call&);
};

// The most frequent first. OBJECT and MEMORY leave only their HELP to the connection.
constexpr handler_entry handlers[] = {
    {"ping", run_ping},       {"echo", run_echo},         {"select", run_select},
    {"hello", run_hello},     {"auth", run_auth},         {"reset", run_reset},
    {"quit", run_quit},       {"client", run_client},     {"config", run_config},
    {"command", run_command}, {"info", run_info},         {"time", run_time},
    {"wait", run_wait},       {"waitaof", run_waitaof},   {"role", run_role},
    {"debug", run_debug},     {"shutdown", run_shutdown}, {"lastsave", run_lastsave},
    {"object", run_help},     {"memory", run_help},
};

/// Whether `password` opens the account `user`; there is one account only.
bool check_credentials(const connection_call& call, std::string_view user,
                       std::string_view password) {
  const auto& expected = call.client.environment().config.password;
  const auto is_default = user == "default";
  if (expected.empty()) return is_default;
  if (is_default) return call.client.authenticate(password);
  // An unknown user must count as a failed attempt, too: give a password that is wrong for sure.
  return call.client.authenticate(expected + '?') && is_default;
}

/// Takes the options of HELLO behind its version, one after the other: as in Redis, those in front
/// of a bad one hold. False: the error was replied.
bool apply_hello_options(const connection_call& call) {
  const auto argv = call.argv;
  for (std::size_t at = 2; at < argv.size(); ++at) {
    const auto left = argv.size() - 1 - at;
    if (left >= 2 && resp::equals_ignoring_case(argv[at], "auth")) {
      if (!check_credentials(call, argv[at + 1], argv[at + 2])) {
        return call.refuse(texts::wrong_password), false;
      }
      at += 2;
    } else if (left >= 1 && resp::equals_ignoring_case(argv[at], "setname")) {
      if (!is_plain_word(argv[at + 1])) return call.refuse(bad_client_name), false;
      call.client.set_name(argv[++at]);
    } else {
      call.refuse(fmt::format("ERR Syntax error in HELLO option '{}'", texts::shown(argv[at])));
      return false;
    }
  }
  return true;
}

/// What HELLO answers, in the version that holds from now on.
std::string hello_reply(const session& client) {
  std::string bytes;
  resp::reply_writer reply(bytes, client.protocol());
  reply.map(7);
  reply.bulk("server");
  reply.bulk("redis");
  reply.bulk("version");
  reply.bulk(compatible_redis_version);
  reply.bulk("proto");
  reply.integer(static_cast<std::int64_t>(client.protocol()));
  reply.bulk("id");
  reply.integer(static_cast<std::int64_t>(client.identity().id));
  reply.bulk("mode");
  reply.bulk("standalone");
  reply.bulk("role");
  reply.bulk("master");
  reply.bulk("modules");
  reply.array(0);
  return bytes;
}

}  // namespace

void run_connection_command(session& client, const resp::command_spec& spec, resp::arguments argv,
                            resp::reply_writer& reply) {
  const auto container = spec.name.substr(0, spec.name.find('|'));
  const auto* entry = std::ranges::find(handlers, container, &handler_entry::container);
  ENSURE(entry != std::end(handlers));
  entry->run({client, spec, argv, reply});
}

void connection_call::refuse(std::string_view text) const { reply.error(text); }

bool is_plain_word(std::string_view text) noexcept {
  return std::ranges::all_of(text, [](char c) { return c >= '!' && c <= '~'; });
}

void run_ping(const connection_call& call) {
  if (call.argv.size() > 2) return call.refuse(texts::wrong_arity(call.spec.name));
  if (call.argv.size() == 2) return call.reply.bulk(call.argv[1]);
  call.reply.simple("PONG");
}

void run_echo(const connection_call& call) { call.reply.bulk(call.argv[1]); }

void run_quit(const connection_call& call) {
  call.reply.ok();
  call.client.close(session::close_when::replied);
}

void run_hello(const connection_call& call) {
  std::optional<std::int64_t> version;
  if (call.argv.size() >= 2) {
    version = resp::parse_integer(call.argv[1]);
    if (!version) return call.refuse(texts::protocol_not_integer);
    if (*version != 2 && *version != 3) return call.refuse(texts::no_protocol);
  }
  if (!apply_hello_options(call)) return;
  if (!call.client.authenticated()) {
    return call.refuse(
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO "
        "AUTH <user> <pass> option can be used to authenticate the client and select the RESP "
        "protocol version at the same time");
  }
  if (version) {
    call.client.set_protocol(*version == 3 ? resp::protocol::resp3 : resp::protocol::resp2);
  }
  call.reply.encoded(hello_reply(call.client));
}

void run_auth(const connection_call& call) {
  const auto argv = call.argv;
  if (argv.size() > 3) return call.refuse(texts::syntax);
  if (argv.size() == 2 && call.client.environment().config.password.empty()) {
    return call.refuse(texts::no_password_configured);
  }
  const auto user = argv.size() == 3 ? argv[1] : std::string_view("default");
  if (!check_credentials(call, user, argv.back())) return call.refuse(texts::wrong_password);
  call.reply.ok();
}

void run_select(const connection_call& call) {
  constexpr std::int64_t least = std::numeric_limits<std::int32_t>::min();
  constexpr std::int64_t most = std::numeric_limits<std::int32_t>::max();
  const auto number = resp::parse_integer(call.argv[1]);
  if (!number) return call.refuse(texts::not_integer);
  if (*number < least || *number > most) {
    return call.refuse(
        fmt::format("ERR value is out of range, value must between {} and {}", least, most));
  }
  if (*number != 0) return call.refuse(texts::db_out_of_range);
  call.reply.ok();
}

void run_reset(const connection_call& call) {
  call.client.reset();
  call.reply.simple("RESET");
}

}  // namespace troupe::actors
