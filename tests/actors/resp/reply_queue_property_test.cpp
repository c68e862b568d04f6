// The reply queue against a naive model: a list of commands with their holds, looked through from
// the front each time. Random sequences of all operations; after each the two must agree on what
// may be sent, what is buffered and how many commands an error replaced.
#include <doctest/doctest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/reply_queue.hpp"

namespace troupe::tests {
namespace {

using resp::hold_kind;
using resp::hold_reason;

constexpr std::uint32_t shards = 3;
constexpr std::array<std::size_t, 8> sizes = {5, 4, 7, 30, 300, 9'000, 17'000, 70'000};

class queue_model {
 public:
  struct command {
    std::string bytes;
    std::vector<hold_reason> holds;
    bool awaited = false;
    std::uint64_t place = 0;
  };

  [[nodiscard]] bool is_held(const hold_reason& why) const {
    const auto known = durable_.find(why.shard.value);
    return known == durable_.end() || known->second < why.sequence;
  }
  void add(std::string bytes, std::vector<hold_reason> holds) {
    commands_.push_back({std::move(bytes), std::move(holds), false, 0});
  }
  void reserve(resp::ticket place) { commands_.push_back({"", {}, true, place.value}); }
  bool fill(resp::ticket place, const std::string& bytes, const std::vector<hold_reason>& holds) {
    for (command& each : commands_) {
      if (!each.awaited || each.place != place.value) continue;
      each.awaited = false;
      each.bytes = bytes;
      each.holds = holds;
      return true;
    }
    return false;
  }
  void advance(shard_id shard, lsn durable) {
    durable_[shard.value] = std::max(durable_[shard.value], durable);
  }
  std::size_t fail(shard_id shard, lsn above, std::string_view text) {
    return replace([&](const command& each) {
      for (const hold_reason& why : each.holds) {
        if (why.shard == shard && why.sequence > above && is_held(why)) return std::string(text);
      }
      return std::string();
    });
  }
  std::size_t expire(std::uint64_t before_us) {
    return replace([&](const command& each) {
      std::string text;
      for (const hold_reason& why : each.holds) {
        if (!is_held(why) || why.since_us >= before_us) continue;
        if (why.kind == hold_kind::write) {
          return resp::error_texts::outcome_unknown(why.shard, why.sequence);
        }
        text = resp::error_texts::undecided_write;
      }
      return text;
    });
  }
  /// Size of what may be sent; appended to `to` unless that is null.
  std::size_t sendable(std::string* to) const {
    std::size_t size = 0;
    for (const command& each : commands_) {
      if (each.awaited || is_held(each)) break;
      if (to != nullptr) *to += each.bytes;
      size += each.bytes.size();
    }
    if (to != nullptr) to->erase(0, sent_);
    return size - sent_;
  }
  void consume(std::size_t count) {
    sent_ += count;
    while (!commands_.empty() && !commands_.front().awaited && !is_held(commands_.front()) &&
           sent_ >= commands_.front().bytes.size()) {
      sent_ -= commands_.front().bytes.size();
      commands_.pop_front();
    }
  }
  [[nodiscard]] std::size_t buffered() const {
    std::size_t total = 0;
    for (const command& each : commands_) total += each.bytes.size();
    return total - sent_;
  }
  [[nodiscard]] std::size_t reserved() const {
    return static_cast<std::size_t>(std::count_if(
        commands_.begin(), commands_.end(), [](const command& each) { return each.awaited; }));
  }
  [[nodiscard]] std::uint64_t oldest_hold_us() const {
    std::uint64_t oldest = UINT64_MAX;
    for (const command& each : commands_) {
      for (const hold_reason& why : each.holds) {
        if (is_held(why)) oldest = std::min(oldest, why.since_us);
      }
    }
    return oldest;
  }

 private:
  [[nodiscard]] bool is_held(const command& each) const {
    return std::any_of(each.holds.begin(), each.holds.end(),
                       [this](const hold_reason& why) { return is_held(why); });
  }
  template <class Judge>
  std::size_t replace(const Judge& judge) {
    std::size_t count = 0;
    for (command& each : commands_) {
      const std::string text = judge(each);
      if (text.empty()) continue;
      each.bytes = "-" + text + "\r\n";
      each.holds.clear();
      ++count;
    }
    return count;
  }

  std::deque<command> commands_;
  std::map<std::uint32_t, lsn> durable_;
  std::size_t sent_ = 0;  // of the front command
};

using operation = std::tuple<std::uint8_t, std::uint8_t, std::uint8_t>;

/// Does every operation to both.
class twin {
 public:
  void run(const operation& what) {
    const auto [kind, a, b] = what;
    ++now_us_;
    switch (kind % 16) {
      case 0:
      case 1: reply(a, {}); break;
      case 2:
      case 3:
      case 4: reply(a, {reason(b)}); break;
      case 5: reply(a, {reason(b), reason(static_cast<std::uint8_t>(b * 7 + 1))}); break;
      case 6: reserve(); break;
      case 7:
      case 8:
      case 9: fill(a, b); break;
      case 10:
      case 11: advance(a, b); break;
      case 12: fail(a, b); break;
      case 13: expire(b); break;
      default: consume(b);
    }
    RC_ASSERT(queue_.buffered_bytes() == model_.buffered());
    RC_ASSERT(queue_.held_bytes() == model_.buffered() - model_.sendable(nullptr));
    RC_ASSERT(queue_.reserved_count() == model_.reserved());
    RC_ASSERT(queue_.oldest_hold_us() == model_.oldest_hold_us());
  }

  /// Everything becomes decided and is sent.
  void finish() {
    for (const resp::ticket place : places_) {
      RC_ASSERT(queue_.fill(place, "+end\r\n") == model_.fill(place, "+end\r\n", {}));
    }
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
      queue_.advance({shard}, {sequence_});
      model_.advance({shard}, {sequence_});
    }
    while (model_.sendable(nullptr) > 0) consume(255);
    RC_ASSERT(queue_.empty());
    RC_ASSERT(queue_.sendable().empty());
    RC_ASSERT(queue_.held_count() == 0u);
  }

 private:
  /// Distinct bytes for each reply, so that a swap of two would be seen.
  std::string bytes(std::uint8_t size) {
    std::string made = std::to_string(++serial_) + ";";
    made.resize(std::max(made.size(), sizes[size % sizes.size()]),
                static_cast<char>('a' + size % 26));
    return made;
  }
  hold_reason reason(std::uint8_t seed) {
    // Now and then a record that was written, and perhaps became durable, earlier.
    const std::uint64_t back = seed % 5 == 0 ? seed / 5u : 0u;
    ++sequence_;
    return {.shard = {seed % shards},
            .kind = seed % 2 == 0 ? hold_kind::write : hold_kind::read,
            .sequence = {sequence_ > back ? sequence_ - back : 1},
            .since_us = now_us_};
  }
  void reply(std::uint8_t size, const std::vector<hold_reason>& holds) {
    const std::string made = bytes(size);
    const std::size_t from = queue_.mark();
    queue_.output() += made;
    for (const hold_reason& why : holds) queue_.hold(from, why);
    model_.add(made, holds);
  }
  void reserve() {
    places_.push_back(queue_.reserve());
    model_.reserve(places_.back());
  }
  void fill(std::uint8_t which, std::uint8_t seed) {
    if (places_.empty()) return;
    // Mostly one place after the other, else any of the last ones, answered ones included.
    const std::size_t recent = std::min<std::size_t>(places_.size(), 9);
    const bool in_turn = which % 4 != 0 && next_place_ < places_.size();
    const std::size_t index = in_turn ? next_place_++ : places_.size() - 1 - which % recent;
    const resp::ticket place = places_[index];
    const std::string made = bytes(seed);
    std::vector<hold_reason> holds;
    for (int i = 0; i < seed % 3; ++i) holds.push_back(reason(static_cast<std::uint8_t>(seed + i)));
    RC_ASSERT(queue_.fill(place, made, holds) == model_.fill(place, made, holds));
  }
  void advance(std::uint8_t shard, std::uint8_t back) {
    const lsn durable{sequence_ > back / 8u ? sequence_ - back / 8u : 0};
    queue_.advance({shard % shards}, durable);
    model_.advance({shard % shards}, durable);
  }
  void fail(std::uint8_t shard, std::uint8_t back) {
    const lsn above{sequence_ > back / 8u ? sequence_ - back / 8u : 0};
    RC_ASSERT(queue_.fail_held({shard % shards}, above, "ERR poisoned") ==
              model_.fail({shard % shards}, above, "ERR poisoned"));
  }
  void expire(std::uint8_t back) {
    const std::uint64_t before = now_us_ > back / 4u ? now_us_ - back / 4u : 0;
    RC_ASSERT(queue_.expire(before).total() == model_.expire(before));
  }
  void consume(std::uint8_t part) {
    std::string expected;
    model_.sendable(&expected);
    const std::string_view got = queue_.sendable();
    RC_ASSERT(got.empty() == expected.empty());
    RC_ASSERT(got == std::string_view(expected).substr(0, got.size()));
    const std::size_t count = part > 200 ? got.size() : got.size() * part / 256;
    queue_.consume(count);
    model_.consume(count);
  }

  resp::reply_queue queue_;
  queue_model model_;
  std::vector<resp::ticket> places_;
  std::size_t next_place_ = 0;
  std::uint64_t sequence_ = 0;
  std::uint64_t now_us_ = 0;
  std::uint64_t serial_ = 0;
};

}  // namespace

TEST_CASE("replies leave in order, when decided, whatever happens in between") {
  CHECK(rc::check("the queue equals its model", [] {
    const auto operations = *rc::gen::resize(
        300, rc::gen::container<std::vector<operation>>(rc::gen::arbitrary<operation>()));
    twin both;
    for (const operation& each : operations) both.run(each);
    both.finish();
  }));
}

}  // namespace troupe::tests
