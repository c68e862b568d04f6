#include "actors/server_commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/info_text.hpp"
#include "actors/resp/command_docs.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/resp/number_parsing.hpp"

namespace troupe::actors {
namespace {

using resp::equals_ignoring_case;
namespace texts = resp::error_texts;

/// Time-outs above this, some 30,000 years, are taken for this: microseconds must not overflow.
constexpr std::uint64_t timeout_ms_max = 1'000'000'000'000'000;

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

/// A time-out in milliseconds, 0 = none; replies the error if it is none.
std::optional<std::uint64_t> parse_timeout(const connection_call& call, std::string_view text) {
  const auto value = resp::parse_integer(text);
  if (!value) return call.refuse("ERR timeout is not an integer or out of range"), std::nullopt;
  if (*value < 0) return call.refuse("ERR timeout is negative"), std::nullopt;
  return std::min(static_cast<std::uint64_t>(*value), timeout_ms_max);
}

/// The options of SHUTDOWN.
struct shutdown_order {
  bool save = false, nosave = false, now = false, force = false, abort = false;

  /// Sets the option of that name; false if there is none.
  bool add(std::string_view name) {
    const std::pair<std::string_view, bool*> options[] = {
        {"save", &save}, {"nosave", &nosave}, {"now", &now}, {"force", &force}, {"abort", &abort}};
    for (const auto& [option, chosen] : options) {
      if (!equals_ignoring_case(name, option)) continue;
      *chosen = true;
      return true;
    }
    return false;
  }
  [[nodiscard]] bool contradicts_itself() const {
    return (save && nosave) || (abort && (save || nosave || now || force));
  }
};

}  // namespace

void run_command(const connection_call& call) {
  if (call.argv.size() == 1) return resp::reply_all_commands(call.reply);
  resp::reply_command_subcommand(call.spec, call.argv, call.reply);
}

void run_time(const connection_call& call) {
  const auto now_us = call.client.environment().exact_time.wall_us();
  call.reply.array(2);
  call.reply.bulk(std::to_string(now_us / 1'000'000));
  call.reply.bulk(std::to_string(now_us % 1'000'000));
}

void run_lastsave(const connection_call& call) {
  const auto& environment = call.client.environment();
  const auto now_s = environment.time.wall_ms() / 1000;
  // What was acknowledged by then is on disk: now at level `durable`, and with the others writes
  // wait up to a second.
  call.reply.integer(environment.settings.level >= durability::durable ? now_s : now_s - 1);
}

void run_role(const connection_call& call) {
  call.client.services().answer_role(call.client, call.client.reserve());
}

void reply_role(const node_statistics& node, resp::reply_writer& reply) {
  reply.array(3);
  reply.bulk("master");
  reply.integer(static_cast<std::int64_t>(replication_offset(node)));
  reply.array(0);
}

void run_info(const connection_call& call) {
  std::vector<std::string> sections;
  for (const auto word : call.argv.subspan(1)) sections.push_back(to_lower(word));
  call.client.services().answer_info(call.client, call.client.reserve(), std::move(sections));
}

void run_shutdown(const connection_call& call) {
  shutdown_order order;
  for (const auto word : call.argv.subspan(1)) {
    if (!order.add(word)) return call.refuse(texts::syntax);
  }
  if (order.contradicts_itself()) return call.refuse(texts::syntax);
  if (order.abort) return call.refuse("ERR No shutdown in progress.");
  // Everything acknowledged stays, whatever the options; the end of the connection is the reply.
  call.client.services().stop_node();
}

void run_wait(const connection_call& call) {
  const auto replicas = resp::parse_integer(call.argv[1]);
  if (!replicas) return call.refuse(texts::not_integer);
  const auto timeout_ms = parse_timeout(call, call.argv[2]);
  if (!timeout_ms) return;
  session::wait_order order;
  order.replicas = static_cast<std::uint64_t>(std::max<std::int64_t>(*replicas, 0));
  order.timeout_us = *timeout_ms * 1000;
  call.client.wait(order, call.reply);
}

void run_waitaof(const connection_call& call) {
  const auto local = resp::parse_integer(call.argv[1]);
  if (!local) return call.refuse(texts::not_integer);
  if (*local < 0 || *local > 1) {
    return call.refuse("ERR value is out of range, value must between 0 and 1");
  }
  const auto replicas = resp::parse_integer(call.argv[2]);
  if (!replicas) return call.refuse(texts::not_integer);
  if (*replicas < 0) return call.refuse("ERR value is out of range, must be positive");
  const auto timeout_ms = parse_timeout(call, call.argv[3]);
  if (!timeout_ms) return;
  session::wait_order order;
  order.what = session::wait_order::kind::waitaof;
  order.local_disk = *local == 1;
  order.replicas = static_cast<std::uint64_t>(*replicas);
  order.timeout_us = *timeout_ms * 1000;
  call.client.wait(order, call.reply);
}

}  // namespace troupe::actors
