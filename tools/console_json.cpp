#include "tools/console_json.hpp"

#include <nlohmann/json.hpp>
#include <utility>

namespace troupe::tools {

namespace {

using json = nlohmann::ordered_json;

json of(const actors::actor_figures& one) {
  return {{"name", one.name},        {"place", one.place},       {"state", one.state},
          {"mailbox", one.mailbox},  {"messages", one.messages}, {"busy_us", one.busy_us},
          {"restarts", one.restarts}};
}

json of(const std::vector<actors::actor_figures>& all) {
  auto list = json::array();
  for (const auto& one : all) list.push_back(of(one));
  return list;
}

json of(const actors::shard_statistics& one) {
  return {{"shard", one.shard.value},
          {"state", one.poisoned    ? "failed"
                    : one.disk_full ? "disk_full"
                                    : "ok"},
          {"keys", one.keys},
          {"index_bytes", one.index_bytes},
          {"resident_value_bytes", one.resident_value_bytes},
          {"hits", one.hits},
          {"misses", one.misses},
          {"cold_reads", one.cold_reads},
          {"queued_bytes", one.queued_bytes}};
}

json log_of(const actors::shard_statistics& one) {
  return {{"shard", one.shard.value},
          {"epoch", one.epoch.value},
          {"history", one.history.value},
          {"segments", one.segments},
          {"segment_bytes", one.segment_bytes},
          {"appended_lsn", one.appended.value},
          {"durable_lsn", one.durable.value},
          {"commits", one.commits},
          {"appended_bytes", one.appended_bytes},
          {"written_bytes", one.written_bytes}};
}

json of(const actors::link_statistics& links) {
  auto refused = json::object();
  for (const auto& one : links.refused) refused[one.reason] = one.count;
  return {{"nodes", links.members},     {"consoles", links.operators}, {"unproved", links.unproved},
          {"accepted", links.accepted}, {"proved", links.proved},      {"hung_up", links.hung_up},
          {"refused", refused},         {"links", of(links.links)}};
}

struct json_writer {
  std::string_view command;

  json operator()(const actors::console_failed& failed) const { return {{"error", failed.why}}; }
  json operator()(const actors::console_done& done) const { return {{"done", done.what}}; }
  json operator()(const std::vector<actors::command_help>& all) const {
    auto list = json::array();
    for (const auto& one : all) list.push_back({{"usage", one.usage}, {"summary", one.summary}});
    return list;
  }
  json operator()(const actors::actor_tree& tree) const {
    auto reactors = json::array();
    for (const auto& one : tree.node.reactors) {
      reactors.push_back({{"reactor", one.reactor},
                          {"rounds", one.rounds},
                          {"busy_us", one.busy_us},
                          {"jobs", one.messages},
                          {"remote_wakeups", one.remote_wakeups}});
    }
    return {
        {"actors", of(tree.actors)}, {"links", of(tree.node.links.links)}, {"reactors", reactors}};
  }
  json operator()(const actors::node_statistics& node) const {
    if (command == "peers") return of(node.links);
    auto list = json::array();
    for (const auto& one : node.shards) list.push_back(command == "log" ? log_of(one) : of(one));
    return list;
  }
  json operator()(const std::vector<actors::name_and_value>& all) const {
    auto map = json::object();
    for (const auto& [name, value] : all) map[name] = value;
    return map;
  }
  json operator()(const actors::tapped_messages& all) const {
    auto lines = json::array();
    for (const auto& one : all.lines) {
      lines.push_back(
          {{"at_ns", one.at_ns}, {"took_ns", one.took_ns}, {"type", one.type}, {"from", one.from}});
    }
    return {{"messages", lines}, {"missed", all.missed}};
  }
};

}  // namespace

std::string console_json(const actors::console_answer& answer, std::string_view command) {
  const json made = std::visit(json_writer{command}, answer);
  // What is not UTF-8 (a value of a setting may be any bytes) is replaced, never thrown at.
  return made.dump(-1, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace troupe::tools
