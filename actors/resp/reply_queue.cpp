#include "actors/resp/reply_queue.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/reply_writer.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::resp {
namespace {

/// Neighbouring segments are sent as one up to this size; larger ones are not worth a copy.
constexpr std::size_t join_max = 16 * 1024;
/// Sent bytes at the front of a buffer that never runs empty are dropped from this size on.
constexpr std::size_t compact_min = 64 * 1024;
/// Memory an empty output keeps for the next round.
constexpr std::size_t output_kept = 64 * 1024;
/// Released holds at the front of a list that never runs empty are dropped from this count on.
constexpr std::size_t holds_compact_min = 1024;

}  // namespace

bool reply_queue::is_released(const hold_reason& why) const noexcept {
  return why.shard.value < durable_.size() && durable_[why.shard.value] >= why.sequence;
}

void reply_queue::hold(std::size_t from, const hold_reason& why) {
  const std::size_t size = tail_.bytes.size();
  ENSURE(from >= tail_.sent && from < size);
  if (is_released(why)) return;
  ENSURE(tail_.holds.empty() || tail_.holds.back().start <= from);
  tail_.holds.push_back({from, size - from, why});
  ++held_count_;
}

ticket reply_queue::reserve() {
  if (tail_.bytes.size() > tail_.sent) {
    closed_bytes_ += tail_.bytes.size() - tail_.sent;
    segments_.push_back(std::move(tail_));
    tail_ = segment{};
  }
  segments_.emplace_back().awaited = true;
  ++reserved_count_;
  ++reserved_ever_;
  return {first_serial_ + segments_.size() - 1};
}

bool reply_queue::fill(ticket place, std::string reply, std::span<const hold_reason> waits) {
  ENSURE(!reply.empty());
  return place_reply(place, std::move(reply), waits);
}

bool reply_queue::place_reply(ticket place, std::string reply, std::span<const hold_reason> waits) {
  // Wraps to a huge index for a place that is gone.
  const std::uint64_t index = place.value - first_serial_;
  if (index >= segments_.size() || !segments_[index].awaited) return false;
  segment& at = segments_[index];
  at.awaited = false;
  at.bytes = std::move(reply);
  closed_bytes_ += at.bytes.size();
  --reserved_count_;
  for (const hold_reason& why : waits) {
    if (is_released(why)) continue;
    at.holds.push_back({0, at.bytes.size(), why});
    ++held_count_;
  }
  return true;
}

bool reply_queue::fill_streamed(ticket place, streamed_reply reply,
                                std::span<const hold_reason> waits) {
  const auto begin = reply.marks.front().at;
  auto body =
      std::make_unique<streamed_body>(std::string_view(reply.bytes).substr(begin), reply.marks);
  reply.bytes.resize(begin);
  if (!place_reply(place, std::move(reply.bytes), waits)) return false;
  closed_bytes_ += stream_claim_bytes + body->own_bytes();
  segments_[place.value - first_serial_].body = std::move(body);
  ++stream_count_;
  return true;
}

void reply_queue::end_stream(segment& of) {
  if (!of.body) return;
  closed_bytes_ -= stream_claim_bytes + of.body->own_bytes();
  of.body.reset();
  --stream_count_;
}

void reply_queue::add_part(shard_id shard, std::uint64_t number, std::uint32_t index,
                           shared_bytes part) {
  // Credit is given to the stream at the front only.
  if (auto& body = front().body) body->add(shard, number, index, std::move(part));
}

bool reply_queue::fail_stream(shard_id shard, std::uint64_t number, std::string_view text) {
  for (segment& each : segments_) {
    if (!each.body) continue;
    const auto outcome = each.body->fail(shard, number, text);
    if (outcome != streamed_body::failing::not_here) {
      return outcome == streamed_body::failing::replaced;
    }
  }
  return true;
}

reply_queue::stream_credit reply_queue::take_stream_credit() {
  settle();
  segment& first = front();
  if (!first.body || first.released < first.holds.size()) return {};
  const auto parts = first.body->take_credit();
  return {parts == 0 ? stream_source{} : first.body->source(), parts};
}

std::vector<stream_source> reply_queue::take_replaced_streams() {
  return std::exchange(replaced_, {});
}

std::vector<stream_source> reply_queue::open_streams() const {
  std::vector<stream_source> open;
  for (const segment& each : segments_) {
    if (each.body) each.body->add_open(open);
  }
  return open;
}

void reply_queue::release(segment& from) noexcept {
  const std::size_t before = from.released;
  while (from.released < from.holds.size() && is_released(from.holds[from.released].why)) {
    ++from.released;
  }
  held_count_ -= from.released - before;
  if (from.released == from.holds.size()) {
    from.holds.clear();
    from.released = 0;
  } else if (from.released >= holds_compact_min && from.released >= from.holds.size() / 2) {
    from.holds.erase(from.holds.begin(),
                     from.holds.begin() + static_cast<std::ptrdiff_t>(from.released));
    from.released = 0;
  }
}

void reply_queue::advance(shard_id shard, lsn durable) {
  if (shard.value >= durable_.size()) durable_.resize(shard.value + 1ull);
  lsn& known = durable_[shard.value];
  if (durable <= known) return;
  known = durable;
  release(front());
}

/// Drops finished segments from the front, so that front() is where sending goes on.
void reply_queue::settle() {
  release(front());
  while (!segments_.empty()) {
    segment& first = segments_.front();
    if (!first.is_over()) break;
    end_stream(first);
    segments_.pop_front();
    ++first_serial_;
    release(front());
  }
}

/// Puts a small front segment that is ready before the bytes of the one behind it, so that many
/// short replies from elsewhere become one write. Moving forward keeps the serial numbers right.
void reply_queue::join_small() {
  while (!segments_.empty()) {
    segment& first = segments_.front();
    if (first.awaited || first.body || !first.holds.empty()) return;
    segment& second = segments_.size() > 1 ? segments_[1] : tail_;
    const std::size_t left = first.bytes.size() - first.sent;
    if (second.awaited || second.body || left + second.bytes.size() > join_max) return;
    // Only the tail, as the front, has sent bytes; here it is not the front.
    ENSURE(second.sent == 0);
    first.bytes.append(second.bytes);
    second.bytes.swap(first.bytes);
    for (hold_record& each : second.holds) each.start += left + first.sent;
    second.sent = first.sent;
    if (&second == &tail_) closed_bytes_ -= left;
    segments_.pop_front();
    ++first_serial_;
    release(front());
  }
}

std::string_view reply_queue::sendable() {
  if (!segments_.empty()) {
    settle();
    join_small();
    const segment& first = front();
    // An error may stand there already while the reply is held.
    if (first.body && first.sent == first.bytes.size() && first.released == first.holds.size()) {
      return first.body->ready();
    }
  }
  const segment& first = front();
  return std::string_view(first.bytes).substr(first.sent, first.ready_end() - first.sent);
}

void reply_queue::consume(std::size_t count) {
  segment& first = front();
  if (&first != &tail_ && first.body && first.sent == first.bytes.size()) {
    first.body->consume(count);
    return settle();
  }
  ENSURE(count <= first.ready_end() - first.sent);
  first.sent += count;
  if (&first != &tail_) {
    closed_bytes_ -= count;
    return settle();
  }
  if (tail_.sent == tail_.bytes.size()) {
    tail_.sent = 0;
    if (tail_.bytes.capacity() > output_kept) {
      std::string().swap(tail_.bytes);  // assignment would keep the memory
    } else {
      tail_.bytes.clear();
    }
  } else if (tail_.sent >= compact_min && tail_.sent >= tail_.bytes.size() / 2) {
    tail_.bytes.erase(0, tail_.sent);
    for (std::size_t i = tail_.released; i < tail_.holds.size(); ++i) {
      tail_.holds[i].start -= tail_.sent;
    }
    tail_.sent = 0;
  }
}

/// Asks `judge` about the holds of each command that is still held in `in`; a text it gives
/// replaces the reply, and the command is held no longer.
template <class Judge>
std::size_t reply_queue::replace_held(segment& in, const Judge& judge) {
  std::size_t replaced = 0;
  std::string rebuilt;
  std::vector<hold_record> kept;
  std::size_t copied = in.sent;  // bytes of `in` already in `rebuilt`, from the front
  const std::span<const hold_record> all(in.holds);
  std::size_t next = 0;
  for (std::size_t i = in.released; i < all.size(); i = next) {
    next = i + 1;
    while (next < all.size() && all[next].start == all[i].start) ++next;
    const auto command = all.subspan(i, next - i);
    const std::optional<std::string> text = judge(command);
    const auto copy_up_to = [&](std::size_t end) {
      rebuilt.append(in.bytes, copied, end - copied);
      copied = end;
    };
    copy_up_to(all[i].start);
    if (text) {
      reply_writer(rebuilt, protocol::resp2).error(*text);
      copied = all[i].start + all[i].size;
      held_count_ -= command.size();
      ++replaced;
      continue;
    }
    for (hold_record each : command) {
      each.start = rebuilt.size();
      kept.push_back(each);
    }
    copy_up_to(all[i].start + all[i].size);
  }
  if (replaced == 0) return 0;
  rebuilt.append(in.bytes, copied);
  if (&in != &tail_) closed_bytes_ += rebuilt.size() - (in.bytes.size() - in.sent);
  if (in.body) {
    in.body->add_open(replaced_);
    end_stream(in);
  }
  in.bytes.swap(rebuilt);
  in.holds.swap(kept);
  in.sent = 0;
  in.released = 0;
  return replaced;
}

template <class Judge>
std::size_t reply_queue::replace_everywhere(const Judge& judge) {
  std::size_t replaced = 0;
  for (segment& each : segments_) replaced += replace_held(each, judge);
  replaced += replace_held(tail_, judge);
  // What stood behind a replaced command may be free to go.
  release(front());
  return replaced;
}

std::size_t reply_queue::fail_held(shard_id shard, lsn above, std::string_view text) {
  return replace_everywhere(
      [&](std::span<const hold_record> command) -> std::optional<std::string> {
        for (const hold_record& each : command) {
          const bool fails = each.why.shard == shard && each.why.sequence > above;
          if (fails && !is_released(each.why)) return std::string(text);
        }
        return std::nullopt;
      });
}

reply_queue::expired reply_queue::expire(std::uint64_t before_us) {
  expired counted;
  if (oldest_hold_us() >= before_us) return counted;
  replace_everywhere([&](std::span<const hold_record> command) -> std::optional<std::string> {
    const hold_record* late = nullptr;
    for (const hold_record& each : command) {
      if (is_released(each.why) || each.why.since_us >= before_us) continue;
      // What the client must hear about is the write, if there is one.
      if (late == nullptr || late->why.kind == hold_kind::read) late = &each;
    }
    if (late == nullptr) return std::nullopt;
    if (late->why.kind == hold_kind::read) {
      ++counted.reads;
      return std::string(error_texts::undecided_write);
    }
    ++counted.writes;
    return error_texts::outcome_unknown(late->why.shard, late->why.sequence);
  });
  return counted;
}

void reply_queue::release_memory() {
  if (!empty() || held_count_ > 0) return;
  first_serial_ += segments_.size();
  std::string().swap(tail_.bytes);
  tail_.sent = 0;
  std::vector<hold_record>().swap(tail_.holds);
  tail_.released = 0;
  std::deque<segment>().swap(segments_);
}

std::size_t reply_queue::held_bytes() const noexcept {
  std::size_t ready = 0;
  // True when all of `each` may go, so that what is behind it may count.
  const auto add = [&](const segment& each) {
    std::size_t first_held = each.released;
    while (first_held < each.holds.size() && is_released(each.holds[first_held].why)) ++first_held;
    const bool all = first_held == each.holds.size();
    ready += (all ? each.bytes.size() : each.holds[first_held].start) - each.sent;
    return all && !each.awaited;
  };
  for (const segment& each : segments_) {
    if (!add(each)) return buffered_bytes() - ready;
  }
  static_cast<void>(add(tail_));
  return buffered_bytes() - ready;
}

std::uint64_t reply_queue::oldest_hold_us() const noexcept {
  std::uint64_t oldest = UINT64_MAX;
  const auto look_at = [&](const segment& each) {
    for (std::size_t i = each.released; i < each.holds.size(); ++i) {
      if (is_released(each.holds[i].why)) continue;
      oldest = std::min(oldest, each.holds[i].why.since_us);
      // Holds of one segment began in order.
      return;
    }
  };
  for (const segment& each : segments_) look_at(each);
  look_at(tail_);
  return oldest;
}

}  // namespace troupe::resp
