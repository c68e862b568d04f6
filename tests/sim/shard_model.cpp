#include "tests/sim/shard_model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace troupe::sim {
namespace {

const std::string ok = "+OK\r\n";
const std::string nil = "$-1\r\n";

std::string integer(std::int64_t value) { return fmt::format(":{}\r\n", value); }
std::string bulk(const std::string& bytes) {
  return fmt::format("${}\r\n{}\r\n", bytes.size(), bytes);
}

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool reads_only(const std::string& name) {
  return name == "GET" || name == "MGET" || name == "GETRANGE" || name == "EXISTS" ||
         name == "STRLEN" || name == "PTTL";
}

bool frees_space(const std::string& name) { return name == "DEL" || name == "FLUSHALL"; }

std::string shown(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += word.substr(0, 20) + " ";
  return text;
}

}  // namespace

void shard_model::complain(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

// ---- commands ----------------------------------------------------------------------------------

lsn shard_model::observe(const observed_command& seen) {
  if (seen.now_ms < clock_ms_) complain("the shard's clock ran back");
  clock_ms_ = now_ms_ = seen.now_ms;
  level_ = seen.level;
  required_ = {};
  undecided_ = false;
  const auto& name = seen.words.front();
  const bool is_refused = seen.reply.starts_with("-OOM") || seen.reply.starts_with("-MISCONF");
  if (is_refused) return judge_refusal(seen);
  if (poisoned_ && !reads_only(name)) {
    complain(fmt::format("a poisoned shard accepted {}", shown(seen.words)));
  }
  const auto effects = open_.size();
  const auto expected = answer(seen.words, seen.last_write.value != 0);
  if (!fits(seen, expected)) {
    complain(fmt::format("{}was answered {} instead of {}", shown(seen.words),
                         seen.reply.substr(0, 60), expected.substr(0, 60)));
  }
  if (poisoned_ && required_ > durable_) {
    complain(fmt::format("a poisoned shard shows what is lost: {}", shown(seen.words)));
  }
  if (open_.size() > effects && seen.last_write.value == 0) {
    complain(fmt::format("{}wrote nothing", shown(seen.words)));
  }
  if (!open_.empty() && !in_transaction_) {
    settle(seen.last_write);
    if (level_ >= durability::durable) required_ = std::max(required_, seen.last_write);
  }
  return required_;
}

bool shard_model::fits(const observed_command& seen, const std::string& expected) {
  std::string whole;
  std::size_t copied = 0;
  for (const auto& gap : seen.gaps) {
    whole.append(seen.reply, copied, gap.at - copied);
    copied = gap.at;
    const auto begin = whole.size() + fmt::format("${}\r\n", gap.size).size();
    if (begin + gap.size > expected.size()) return false;
    *gap.bytes = expected.substr(begin, gap.size);
    whole += bulk(*gap.bytes);
  }
  whole.append(seen.reply, copied);
  return whole == expected;
}

lsn shard_model::judge_refusal(const observed_command& seen) {
  const auto& name = seen.words.front();
  if (seen.last_write.value != 0) complain("a refused command wrote something");
  if (seen.reply.starts_with("-OOM")) {
    ++refused_for_space_;
    if (reads_only(name) || frees_space(name)) {
      complain(fmt::format("{}was refused for lack of space", shown(seen.words)));
    }
    return {};
  }
  if (!poisoned_) complain("MISCONF from a healthy shard");
  if (!reads_only(name)) return {};
  static_cast<void>(answer(seen.words, false));
  if (!undecided_) {
    complain(fmt::format("a poisoned shard hides what is durable: {}", shown(seen.words)));
  }
  return {};
}

std::string shard_model::answer(const std::vector<std::string>& words, bool wrote) {
  const auto& name = words.front();
  if (reads_only(name)) return answer_read(words);
  if (name == "SET") return answer_set(words);
  if (name == "INCRBY") return answer_increment(words[1], words[2]);
  if (name == "PEXPIRE") return answer_expire(words[1], words[2]);
  if (name == "FLUSHALL") {
    if (wrote) {
      flush();
    } else {
      find_empty();
    }
    return ok;
  }
  if (name == "MSET") {
    for (std::size_t i = 1; i + 1 < words.size(); i += 2) change(words[i], {{words[i + 1], 0}});
    return ok;
  }
  if (name == "DEL") {
    std::int64_t count = 0;
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (touch(words[i]) == nullptr) continue;
      change(words[i], std::nullopt);
      ++count;
    }
    return integer(count);
  }
  if (name == "COPY" || name == "RENAME") return answer_move(words);
  const auto* found = touch(words[1]);
  if (name == "GETDEL") {
    if (found == nullptr) return nil;
    auto reply = bulk(found->value);
    change(words[1], std::nullopt);
    return reply;
  }
  if (name == "APPEND") {
    auto after = found != nullptr ? *found : content{};
    after.value += words[2];
    const auto size = after.value.size();
    change(words[1], std::move(after));
    return integer(static_cast<std::int64_t>(size));
  }
  if (name == "SETRANGE") {
    auto after = found != nullptr ? *found : content{};
    const auto from = static_cast<std::size_t>(number(words[2]).value_or(0));
    if (words[3].empty()) return integer(static_cast<std::int64_t>(after.value.size()));
    after.value.resize(std::max(after.value.size(), from + words[3].size()), '\0');
    after.value.replace(from, words[3].size(), words[3]);
    const auto size = after.value.size();
    change(words[1], std::move(after));
    return integer(static_cast<std::int64_t>(size));
  }
  if (name == "PERSIST") {
    if (found == nullptr || found->deadline_ms == 0) return integer(0);
    change_deadline(words[1], 0);
    return integer(1);
  }
  complain("the model does not know " + name);
  return {};
}

std::string shard_model::answer_read(const std::vector<std::string>& words) {
  const auto& name = words.front();
  if (name == "MGET") {
    auto reply = fmt::format("*{}\r\n", words.size() - 1);
    for (std::size_t i = 1; i < words.size(); ++i) {
      const auto* found = touch(words[i]);
      reply += found != nullptr ? bulk(found->value) : nil;
    }
    return reply;
  }
  if (name == "EXISTS") {
    std::int64_t count = 0;
    for (std::size_t i = 1; i < words.size(); ++i) {
      if (touch(words[i]) != nullptr) ++count;
    }
    return integer(count);
  }
  const auto* found = touch(words[1]);
  if (name == "GET") return found != nullptr ? bulk(found->value) : nil;
  if (name == "GETRANGE") {
    const auto from = static_cast<std::size_t>(number(words[2]).value_or(0));
    const auto last = static_cast<std::size_t>(number(words[3]).value_or(0));
    if (found == nullptr || from >= found->value.size()) return bulk({});
    return bulk(found->value.substr(from, last - from + 1));
  }
  if (name == "STRLEN") {
    return integer(found != nullptr ? static_cast<std::int64_t>(found->value.size()) : 0);
  }
  if (found == nullptr) return integer(-2);
  return integer(found->deadline_ms == 0 ? -1 : found->deadline_ms - now_ms_);
}

std::string shard_model::answer_move(const std::vector<std::string>& words) {
  const auto copies = words[0] == "COPY";
  if (copies && words[1] == words[2]) {
    return "-ERR source and destination objects are the same\r\n";
  }
  if (copies) touch(words[2]);
  const auto* found = touch(words[1]);
  if (found == nullptr) return copies ? integer(0) : "-ERR no such key\r\n";
  if (words[1] == words[2]) return ok;
  change(words[2], *found);
  if (copies) return integer(1);
  change(words[1], std::nullopt);
  return ok;
}

std::string shard_model::answer_set(const std::vector<std::string>& words) {
  const auto option = words.size() > 3 ? words[3] : std::string();
  // The reply to an unconditional SET says nothing about what was there.
  const auto before = required_;
  const auto* found = touch(words[1]);
  if (option != "NX" && option != "XX") required_ = before;
  if ((option == "NX" && found != nullptr) || (option == "XX" && found == nullptr)) return nil;
  content after{words[2], 0};
  if (option == "PX") after.deadline_ms = now_ms_ + number(words[4]).value_or(0);
  if (option == "KEEPTTL" && found != nullptr) after.deadline_ms = found->deadline_ms;
  change(words[1], std::move(after));
  return ok;
}

std::string shard_model::answer_increment(const std::string& key, const std::string& by) {
  const auto* found = touch(key);
  auto after = found != nullptr ? *found : content{"0", 0};
  const auto old = number(after.value);
  if (!old) return "-ERR value is not an integer or out of range\r\n";
  const auto sum = *old + number(by).value_or(0);
  after.value = std::to_string(sum);
  change(key, std::move(after));
  return integer(sum);
}

std::string shard_model::answer_expire(const std::string& key, const std::string& by_ms) {
  if (touch(key) == nullptr) return integer(0);
  const auto by = number(by_ms).value_or(0);
  if (by <= 0) {
    change(key, std::nullopt);
  } else {
    change_deadline(key, now_ms_ + by);
  }
  return integer(1);
}

// ---- versions ----------------------------------------------------------------------------------

void shard_model::depend(lsn on, durability level) {
  if (on > durable_) undecided_ = true;
  // A batch may see itself; what it says goes out when all of it is decided.
  if (on == unsettled && !poisoned_) return;
  if (level >= durability::durable) required_ = std::max(required_, on);
}

const shard_model::content* shard_model::touch(const std::string& key) {
  const auto place = versions_.find(key);
  if (place == versions_.end()) {
    depend(flushed_.change_lsn, flushed_.change_level);
    return nullptr;
  }
  const auto& found = place->second;
  depend(found.value_lsn, found.value_level);
  depend(found.change_lsn, found.change_level);
  if (!found.now) return nullptr;
  if (found.now->deadline_ms == 0 || found.now->deadline_ms >= now_ms_) return &*found.now;
  undecided_ = true;  // the shard may have swept it away, and that may be undecided
  return nullptr;
}

void shard_model::change(const std::string& key, std::optional<content> after) {
  open_.push_back({key, after, false});
  versions_[key] = {std::move(after), unsettled, unsettled, level_, level_};
}

void shard_model::change_deadline(const std::string& key, std::int64_t deadline_ms) {
  auto& found = versions_.at(key);
  found.now->deadline_ms = deadline_ms;
  found.change_lsn = unsettled;
  found.change_level = level_;
  open_.push_back({key, found.now, false});
}

void shard_model::flush() {
  // What it removed was looked at, too.
  for (const auto& [key, found] : versions_) depend(found.change_lsn, durability::memory);
  versions_.clear();
  flushed_ = {std::nullopt, unsettled, unsettled, level_, level_};
  open_.push_back({{}, std::nullopt, true});
}

// A flush that had nothing to do is done when what emptied the shard is.
void shard_model::find_empty() {
  if (!visible(now_ms_).empty()) complain("FLUSHALL wrote nothing");
  for (const auto& [key, found] : versions_) depend(found.change_lsn, level_);
  depend(flushed_.change_lsn, level_);
}

void shard_model::settle(lsn last) {
  const auto name = [last](version& of) {
    if (of.value_lsn == unsettled) of.value_lsn = last;
    if (of.change_lsn == unsettled) of.change_lsn = last;
  };
  for (const auto& each : open_) {
    if (const auto place = versions_.find(each.key); place != versions_.end()) name(place->second);
  }
  name(flushed_);
  if (!history_.empty() && last <= history_.back().last) complain("LSNs do not grow");
  history_.push_back({last, std::exchange(open_, {})});
  ++changes_;
}

lsn shard_model::end_transaction(lsn last_write, durability level) {
  in_transaction_ = false;
  if (open_.empty()) return {};
  if (last_write.value == 0) complain("a transaction's writes are in no batch");
  settle(last_write);
  return level >= durability::durable ? last_write : lsn{};
}

// ---- what survives -----------------------------------------------------------------------------

void shard_model::on_released(lsn required, const std::string& what) {
  if (required <= promised_) return;
  promised_ = required;
  promised_by_ = what;
}

void shard_model::on_frame(std::int64_t time_ms) {
  durable_time_ms_ = std::max(durable_time_ms_, time_ms);
}

void shard_model::on_recovered(lsn newest, std::int64_t last_time_ms) {
  if (promised_ > newest) {
    complain(fmt::format("a client was told of record {} ({}), the log ends at {}", promised_.value,
                         promised_by_, newest.value));
  }
  if (last_time_ms < durable_time_ms_) complain("the clock was set back by the restart");
  for (const auto& each : history_) {
    if (each.last > newest) break;
    for (const auto& done : each.effects) {
      if (done.flush) {
        base_.clear();
      } else if (done.after) {
        base_[done.key] = *done.after;
      } else {
        base_.erase(done.key);
      }
    }
  }
  history_.clear();
  open_.clear();
  versions_.clear();
  for (const auto& [key, value] : base_) versions_[key].now = value;
  flushed_ = {};
  in_transaction_ = poisoned_ = false;
  durable_ = newest;
  clock_ms_ = durable_time_ms_ = last_time_ms;
  refused_for_space_ = 0;
}

std::set<std::string> shard_model::visible(std::int64_t now_ms) const {
  std::set<std::string> keys;
  for (const auto& [key, found] : versions_) {
    if (found.now && (found.now->deadline_ms == 0 || found.now->deadline_ms >= now_ms)) {
      keys.insert(key);
    }
  }
  return keys;
}

}  // namespace troupe::sim
