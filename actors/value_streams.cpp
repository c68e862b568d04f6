#include "actors/value_streams.hpp"

#include <algorithm>
#include <utility>

#include "storage/base/ensure.hpp"

namespace troupe::actors {

std::uint64_t value_streams::open(lane_key to, kv::value_parts what) {
  ENSURE(!what.parts.empty());
  std::vector<std::uint32_t> oldest(what.parts.size());
  auto first = UINT32_MAX;
  for (auto i = oldest.size(); i-- > 0;) {
    oldest[i] = first = std::min(first, what.parts[i].where.segment);
  }
  if (what.value_lsn > durable_) undecided_.emplace(what.value_lsn, next_stream_);
  const auto opened = streams_.emplace(
      next_stream_, stream{.to = to, .what = std::move(what), .oldest = std::move(oldest)});
  pin(opened.first->second);
  return next_stream_++;
}

void value_streams::credit(std::uint64_t number, std::uint32_t parts) {
  const auto place = streams_.find(number);
  if (place == streams_.end()) return;
  place->second.allowed += parts;
  want(number);
  pump();
}

void value_streams::drop(std::uint64_t number) {
  const auto place = streams_.find(number);
  if (place == streams_.end()) return;
  // Its segments stay until nothing is read there any more.
  place->second.dropped = true;
  if (place->second.arrived == place->second.asked) erase(place);
}

value_streams::stream_place value_streams::erase(stream_place gone) {
  const auto& its = gone->second;
  if (its.all_until < its.oldest.size()) unpin(its);
  if (its.what.value_lsn > durable_) {
    const auto [first, last] = undecided_.equal_range(its.what.value_lsn);
    undecided_.erase(
        std::find_if(first, last, [gone](const auto& each) { return each.second == gone->first; }));
  }
  return streams_.erase(gone);
}

void value_streams::on_durable(lsn durable) {
  durable_ = std::max(durable_, durable);
  while (!undecided_.empty() && undecided_.begin()->first <= durable_) {
    const auto number = undecided_.begin()->second;
    undecided_.erase(undecided_.begin());
    want(number);
  }
  pump();
}

void value_streams::want(std::uint64_t number) {
  if (!may_ask(streams_.at(number)) || std::ranges::find(turns_, number) != turns_.end()) return;
  turns_.push_back(number);
}

void value_streams::pump() {
  while (!turns_.empty() && in_flight_.size() < reads_in_flight_max) {
    const auto number = turns_.front();
    turns_.pop_front();
    const auto place = streams_.find(number);
    if (place == streams_.end() || !may_ask(place->second)) continue;
    auto& from = place->second;
    const auto& part = from.what.parts[from.asked];
    const auto ticket = next_ticket_++;
    in_flight_.emplace(ticket, read{number, from.asked++});
    if (may_ask(from)) turns_.push_back(number);
    reader_.read_record(ticket, part.where, part.size);
  }
}

std::optional<streamed_part> value_streams::on_record(std::uint64_t ticket,
                                                      const result<std::string_view>& record) {
  const auto asked = in_flight_.find(ticket);
  if (asked == in_flight_.end()) return std::nullopt;
  const auto [number, index] = asked->second;
  in_flight_.erase(asked);
  const auto place = streams_.find(number);
  ENSURE(place != streams_.end());
  auto& its = place->second;
  ++its.arrived;
  if (index == its.all_until) {
    unpin(its);
    if (++its.all_until < its.oldest.size()) pin(its);
  }
  std::optional<streamed_part> delivered;
  if (!its.dropped) {
    auto bytes = record ? part_in(*record, shard_, its.what.parts[index])
                        : result<std::string_view>(record.error());
    if (bytes) bytes = wanted_of(its, index, *bytes);
    its.dropped = !bytes.has_value();
    delivered = streamed_part{its.to, number, index, std::move(bytes)};
  }
  const auto is_over =
      its.dropped ? its.arrived == its.asked : its.arrived == its.what.parts.size();
  if (is_over) erase(place);
  pump();
  return delivered;
}

std::string_view value_streams::wanted_of(const stream& from, std::uint32_t index,
                                          std::string_view bytes) {
  const auto& parts = from.what.parts;
  auto end = from.what.skip + from.what.size;  // counted from the first part
  for (std::uint32_t i = 0; i < index; ++i) end -= parts[i].value_size;
  bytes = bytes.substr(0, end);
  if (index == 0) bytes.remove_prefix(from.what.skip);
  return bytes;
}

std::vector<streamed_part> value_streams::fail_undecided(const failure& why) {
  std::vector<streamed_part> failed;
  while (!undecided_.empty()) {
    const auto lost = streams_.find(undecided_.begin()->second);
    // Nothing of it was asked for yet (invariant 2).
    failed.push_back({lost->second.to, lost->first, 0, why});
    erase(lost);
  }
  return failed;
}

std::uint32_t value_streams::pinned_from() const noexcept {
  return pins_.empty() ? UINT32_MAX : *pins_.begin();
}

}  // namespace troupe::actors
