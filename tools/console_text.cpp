#include "tools/console_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

namespace troupe::tools {

namespace {

using actors::actor_figures;
using actors::node_statistics;

/// Writes lines, with colours or without.
class page {
 public:
  explicit page(colours wanted) : wanted_(wanted) {}

  template <class... Values>
  void line(fmt::format_string<Values...> format, Values&&... values) {
    fmt::format_to(std::back_inserter(text_), format, std::forward<Values>(values)...);
    text_ += '\n';
  }
  void heading(std::string_view text) { paint("1", text); }
  void alarm(std::string_view text) { paint("31", text); }
  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void paint(std::string_view code, std::string_view text) {
    if (wanted_ == colours::terminal) {
      line("\x1b[{}m{}\x1b[0m", code, text);
    } else {
      line("{}", text);
    }
  }

  colours wanted_;
  std::string text_;
};

std::string fitted(std::string text, std::size_t columns) {
  if (text.size() > columns) {
    text.resize(columns - 2);
    text += "..";
  }
  return text;
}

void write_actor(const actor_figures& one, std::string_view indent, page& to) {
  const auto is_fine = one.state == "running";
  const auto name = is_fine ? one.name : fmt::format("{}  {}", one.name, one.state);
  const auto text = fmt::format("{:<38} {:>7} {:>13} {:>9} {:>9}",
                                fitted(std::string(indent) + name, 38), grouped(one.mailbox),
                                grouped(one.messages), short_time(one.busy_us), one.restarts);
  if (one.state == "dead") {
    to.alarm(text);
  } else {
    to.line("{}", text);
  }
}

void write_place(const std::vector<actor_figures>& all, std::string_view place, page& to) {
  for (const auto& one : all) {
    if (one.place == place) write_actor(one, "  ", to);
  }
}

/// Actors below what runs them; links below their listener.
void write_tree(const actors::actor_tree& tree, page& to) {
  to.heading(fmt::format("{:<38} {:>7} {:>13} {:>9} {:>9}", "actor", "mailbox", "messages", "busy",
                         "restarts"));
  for (const auto& reactor : tree.node.reactors) {
    const auto place = fmt::format("reactor {}", reactor.reactor);
    to.line("{:<38} {:>7} {:>13} {:>9}", place, "", grouped(reactor.messages),
            short_time(reactor.busy_us));
    write_place(tree.actors, place, to);
    for (auto link : tree.node.links.links) {
      // `peers` shows the addresses.
      link.state = link.state.substr(0, link.state.find(' '));
      if (link.place == place) write_actor(link, "    ", to);
    }
  }
  to.line("scheduler");
  write_place(tree.actors, "scheduler", to);
  to.line("threads of their own");
  write_place(tree.actors, "thread", to);
}

std::string_view state_of(const actors::shard_statistics& shard) {
  if (shard.poisoned) return "failed";
  return shard.disk_full ? "disk full" : "ok";
}

void write_shards(const node_statistics& node, page& to) {
  to.heading(fmt::format("{:>5} {:<9} {:>12} {:>9} {:>12} {:>12} {:>8} {:>6}", "shard", "state",
                         "keys", "memory", "hits", "misses", "cold", "queue"));
  for (const auto& one : node.shards) {
    const auto text = fmt::format(
        "{:>5} {:<9} {:>12} {:>9} {:>12} {:>12} {:>8} {:>6}", one.shard.value, state_of(one),
        grouped(one.keys), short_bytes(one.index_bytes + one.resident_value_bytes),
        grouped(one.hits), grouped(one.misses), grouped(one.cold_reads), one.queued_bytes);
    if (state_of(one) == "ok") {
      to.line("{}", text);
    } else {
      to.alarm(text);
    }
  }
}

void write_log(const node_statistics& node, page& to) {
  to.heading(fmt::format("{:>5} {:>5} {:>8} {:>9} {:>13} {:>13} {:>10} {:>9}", "shard", "epoch",
                         "segments", "disk", "appended", "durable", "commits", "written"));
  for (const auto& one : node.shards) {
    to.line("{:>5} {:>5} {:>8} {:>9} {:>13} {:>13} {:>10} {:>9}", one.shard.value, one.epoch.value,
            one.segments, short_bytes(one.segment_bytes), grouped(one.appended.value),
            grouped(one.durable.value), grouped(one.commits), short_bytes(one.written_bytes));
  }
}

void write_peers(const node_statistics& node, page& to) {
  const auto& links = node.links;
  to.heading("links");
  to.line("  nodes {}, consoles {}, not proved yet {}", links.members, links.operators,
          links.unproved);
  for (const auto& one : links.links) to.line("  {:<14} {}", one.name, one.state);
  to.heading("connections since the start");
  to.line("  accepted {}, proved {}, hung up {}", grouped(links.accepted), grouped(links.proved),
          grouped(links.hung_up));
  for (const auto& one : links.refused) {
    if (one.count > 0) to.line("  refused: {:<16} {:>10}", one.reason, grouped(one.count));
  }
}

struct text_writer {
  page& to;
  std::string_view command;

  void operator()(const actors::console_failed& failed) const { to.alarm(failed.why); }
  void operator()(const actors::console_done& done) const { to.line("{}", done.what); }
  void operator()(const std::vector<actors::command_help>& all) const {
    for (const auto& one : all) to.line("{}\n    {}", one.usage, one.summary);
  }
  void operator()(const actors::actor_tree& tree) const { write_tree(tree, to); }
  void operator()(const node_statistics& node) const {
    if (command == "shards") return write_shards(node, to);
    if (command == "log") return write_log(node, to);
    write_peers(node, to);
  }
  void operator()(const std::vector<actors::name_and_value>& all) const {
    for (const auto& [name, value] : all) to.line("{:<26} {}", name, value);
  }
  void operator()(const actors::tapped_messages& all) const {
    for (const auto& one : all.lines) {
      to.line("{:>14.6f} s {:>9} {:<24} from {}", static_cast<double>(one.at_ns) / 1e9,
              short_time(one.took_ns / 1000), fitted(one.type, 24),
              one.from.empty() ? "outside" : one.from);
    }
  }
};

}  // namespace

std::string grouped(std::uint64_t number) {
  auto text = std::to_string(number);
  for (auto at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string short_bytes(std::uint64_t bytes) {
  constexpr std::array units{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  auto amount = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (; amount >= 999.5 && unit + 1 < units.size(); ++unit) amount /= 1024;
  if (amount < 9.95) return fmt::format("{:.1f} {}", amount, units[unit]);
  return fmt::format("{:.0f} {}", amount, units[unit]);
}

std::string short_time(std::uint64_t us) {
  if (us < 1000) return fmt::format("{} us", us);
  const auto amount = static_cast<double>(us);
  if (us < 1'000'000) return fmt::format("{:.1f} ms", amount / 1e3);
  if (us < 1'000'000'000) return fmt::format("{:.2f} s", amount / 1e6);
  return fmt::format("{:.1f} h", amount / 3.6e9);
}

std::string console_text(const actors::console_answer& answer, std::string_view command,
                         colours wanted) {
  page to(wanted);
  std::visit(text_writer{to, command}, answer);
  return to.take();
}

}  // namespace troupe::tools
