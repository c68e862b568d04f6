// The clients of a simulated node: what they send, and what their replies must say.
#include <fmt/format.h>

#include <algorithm>

#include "storage/base/hash_slot.hpp"
#include "tests/sim/node_driver.hpp"

namespace troupe::sim {
namespace {

/// Steps in which a lone question is answered.
constexpr std::uint32_t ask_steps_max = 200'000;

/// The key of that name that lives in a shard.
std::string key(std::string_view name, std::uint32_t shard) {
  for (int tag = 0;; ++tag) {
    auto named = fmt::format("{}{{{}}}", name, tag);
    if (shard_of(std::string_view(named), node_driver::shards).value == shard) return named;
  }
}

std::string written_key(std::size_t client, std::uint32_t shard) {
  return key(fmt::format("written{}", client), shard);
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  for (auto end = text.find("\r\n"); end != std::string_view::npos; end = text.find("\r\n")) {
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end + 2);
  }
  return lines;
}

std::int64_t number(const std::string& text) {
  return std::strtoll(text.c_str() + (text.starts_with(':') ? 1 : 0), nullptr, 10);
}

}  // namespace

std::int64_t node_driver::ledger::balance(std::size_t movements) const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < movements; ++i) sum += run[i].amount;
  return sum;
}

void node_driver::send(client& who, const std::string& text) {
  who.received.clear();
  const auto room = who.session->room();
  std::ranges::copy(text, room.begin());
  who.session->received(text.size());
}

void node_driver::begin(client& who) {
  const auto amount = static_cast<std::int64_t>(random_.below(100));
  switch (random_.below(5)) {
    case 0:
    case 1:
      who.doing = task::transfer;
      return send(who, fmt::format("MULTI\r\nINCRBY {} {}\r\nINCRBY {} 1\r\nINCRBY {} {}\r\n"
                                   "INCRBY {} 1\r\nEXEC\r\n",
                                   key("account", 0), -amount, key("number", 0), key("account", 1),
                                   amount, key("number", 1)));
    case 2:
      who.doing = task::audit;
      return send(who, fmt::format("MULTI\r\nGET {}\r\nGET {}\r\nGET {}\r\nGET {}\r\nEXEC\r\n",
                                   key("account", 0), key("number", 0), key("account", 1),
                                   key("number", 1)));
    case 3:
      who.doing = task::look;
      return send(who,
                  fmt::format("WATCH {0} {1}\r\nGET {0}\r\n", key("count", 0), key("count", 1)));
    default:
      who.doing = task::write;
      who.shard = static_cast<std::uint32_t>(random_.below(shards));
      who.value = next_value_++;
      return send(who, fmt::format("SET {} {}\r\n",
                                   written_key(who.session->identity().id, who.shard), who.value));
  }
}

void node_driver::take_replies(client& who) {
  if (who.doing == task::none || who.doing == task::broken) return;
  const auto lines = lines_of(who.received);
  const auto failed = std::ranges::find_if(
      lines, [](const auto& each) { return each.size() > 1 && each[0] == '-' && each[1] >= 'A'; });
  if (failed != lines.end()) {
    const auto excused = std::ranges::any_of(
        shards_, [](const auto& each) { return each->core().failed().has_value(); });
    if (!excused) complain("a command failed: " + *failed);
    who.doing = task::broken;
    return;
  }
  finish(who, lines);
}

void node_driver::finish(client& who, const std::vector<std::string>& lines) {
  switch (who.doing) {
    case task::transfer:
      if (lines.size() == 10) finish_transfer(who, lines);
      return;
    case task::audit:
      if (lines.size() == 14) finish_audit(who, lines);
      return;
    case task::look:
      if (lines.size() < 3) return;
      who.value = static_cast<std::uint64_t>(number(lines[2])) + 1;
      who.doing = task::count;
      send(who, fmt::format("MULTI\r\nSET {0} {2}\r\nSET {1} {2}\r\nEXEC\r\n", key("count", 0),
                            key("count", 1), who.value));
      return;
    case task::count:
      if (lines.size() == 6 || (lines.size() == 4 && lines[3] == "*-1")) finish_count(who, lines);
      return;
    case task::write:
      if (lines.empty()) return;
      if (who.settings->level >= durability::durable) {
        ledgers_[who.shard].written[who.session->identity().id] = who.value;
      }
      who.doing = task::none;
      return;
    case task::none:
    case task::broken: return;
  }
}

void node_driver::finish_transfer(client& who, const std::vector<std::string>& lines) {
  who.doing = task::none;
  ++committed_;
  if (who.settings->level < durability::durable) return;
  for (std::uint32_t i = 0; i < shards; ++i) {
    auto& promised = ledgers_[i].promised;
    promised = std::max(promised, static_cast<std::size_t>(number(lines[7 + 2 * i])));
  }
}

void node_driver::finish_audit(client& who, const std::vector<std::string>& lines) {
  who.doing = task::none;
  // One shard may have lost its log in the middle of a transaction.
  for (const auto& shard : shards_) {
    if (shard->core().failed()) return;
  }
  const auto sum = number(lines[7]) + number(lines[11]);
  const auto difference = number(lines[9]) - number(lines[13]);
  if (sum != sum_ || difference != difference_) complain("half a transaction was seen");
  for (std::uint32_t i = 0; i < shards; ++i) {
    const auto seen = static_cast<std::size_t>(number(lines[9 + 4 * i]));
    auto& book = ledgers_[i];
    if (seen > book.run.size()) return complain("a movement was seen that nobody made");
    if (seen > 0 && book.run[seen - 1].level >= durability::durable) {
      book.promised = std::max(book.promised, seen);
    }
  }
}

void node_driver::finish_count(client& who, const std::vector<std::string>& lines) {
  who.doing = task::none;
  if (lines[3] == "*-1") {
    ++aborted_;
    return;
  }
  ++committed_;
  if (!counts_.insert(who.value).second) {
    complain(fmt::format("two transactions counted to {}", who.value));
  }
  if (who.settings->level < durability::durable) return;
  for (auto& book : ledgers_) book.counted = std::max(book.counted, who.value);
}

std::vector<std::string> node_driver::ask(const std::string& text, std::size_t lines) {
  auto& asker = clients_.front();
  send(asker, text);
  for (std::uint32_t i = 0; i < ask_steps_max && !went_wrong(); ++i) {
    step();
    work(asker);
    auto replies = lines_of(asker.received);
    if (replies.size() == lines) return replies;
  }
  if (!went_wrong()) complain("never answered: " + text);
  return {};
}

// After a restart, and before anybody else is served.
bool node_driver::check_recovered() {
  for (std::uint32_t i = 0; i < shards; ++i) {
    auto& book = ledgers_[i];
    // Adding nothing makes a key that was not there.
    const auto found = ask(fmt::format("INCRBY {} 0\r\nINCRBY {} 0\r\nINCRBY {} 0\r\n",
                                       key("account", i), key("number", i), key("count", i)),
                           3);
    if (went_wrong()) return false;
    const auto movements = static_cast<std::size_t>(number(found[1]));
    if (movements < book.promised || movements > book.run.size()) {
      complain(fmt::format("shard {} holds {} movements: {} were promised, {} made", i, movements,
                           book.promised, book.run.size()));
    } else if (number(found[0]) != book.balance(movements)) {
      complain(fmt::format("shard {} holds half a transaction", i));
    }
    if (static_cast<std::uint64_t>(number(found[2])) < book.counted) {
      complain(fmt::format("shard {} counts {}, {} was promised", i, found[2], book.counted));
    }
    for (const auto& [who, value] : book.written) {
      const auto kept = ask(fmt::format("INCRBY {} 0\r\n", written_key(who, i)), 1);
      if (went_wrong()) return false;
      if (static_cast<std::uint64_t>(number(kept[0])) < value) {
        complain(fmt::format("shard {} lost a write of client {}", i, who));
      }
    }
    if (went_wrong()) return false;
    book.run.resize(movements);
    book.promised = movements;  // the driver's own question has seen them
  }
  sum_ = ledgers_[0].balance(ledgers_[0].run.size()) + ledgers_[1].balance(ledgers_[1].run.size());
  difference_ = static_cast<std::int64_t>(ledgers_[0].run.size()) -
                static_cast<std::int64_t>(ledgers_[1].run.size());
  return true;
}

}  // namespace troupe::sim
