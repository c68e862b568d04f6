#include "actors/cold_loader.hpp"

#include <fmt/format.h>

#include <utility>

#include "storage/base/ensure.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::actors {

namespace {

failure not_expected(lsn expected, lsn read) {
  return {errc::corrupt,
          fmt::format("record {} was expected and record {} was read", expected.value, read.value)};
}

}  // namespace

result<std::string_view> value_in(std::string_view record, shard_id shard, lsn expected,
                                  std::string_view key) {
  TRY(const auto decoded, log::decode_record(record, shard));
  if (decoded.sequence != expected || decoded.key != key) {
    return not_expected(expected, decoded.sequence);
  }
  return decoded.value;
}

result<std::string_view> part_in(std::string_view record, shard_id shard,
                                 const kv::part_position& expected) {
  TRY(const auto decoded, log::decode_record(record, shard));
  if (decoded.sequence != expected.sequence || decoded.type != log::record_type::part ||
      decoded.value.size() != expected.value_size) {
    return not_expected(expected.sequence, decoded.sequence);
  }
  return decoded.value;
}

void cold_loader::request(const kv::cold_read& what, lane_key waiter, lsn durable) {
  load_of(what, durable).waiters.push_back(waiter);
}

void cold_loader::read_ahead(const kv::cold_read& what, lsn durable) {
  if (what.sequence <= durable) load_of(what, durable);
}

cold_loader::load& cold_loader::load_of(const kv::cold_read& what, lsn durable) {
  auto [place, is_new] = loads_.try_emplace(what.sequence);
  auto& wanted = place->second;
  if (!is_new) return wanted;
  wanted.what = what;
  if (what.sequence > durable) {
    undecided_.insert(what.sequence);  // invariant 3
  } else {
    waiting_.push_back(what.sequence);
    pump();
  }
  return wanted;
}

void cold_loader::on_durable(lsn durable) {
  while (!undecided_.empty() && *undecided_.begin() <= durable) {
    waiting_.push_back(*undecided_.begin());
    undecided_.erase(undecided_.begin());
  }
  pump();
}

void cold_loader::pump() {
  while (!waiting_.empty() && in_flight_.size() < reads_in_flight_max) {
    const auto next = waiting_.front();
    waiting_.pop_front();
    const auto& what = loads_.at(next).what;
    const auto ticket = next_ticket_++;
    in_flight_.emplace(ticket, next);
    reader_.read_record(ticket, what.where, what.size);
  }
}

std::optional<cold_loader::finished> cold_loader::on_record(
    std::uint64_t ticket, const result<std::string_view>& record) {
  const auto asked = in_flight_.find(ticket);
  if (asked == in_flight_.end()) return std::nullopt;  // given up meanwhile
  auto loaded = loads_.extract(asked->second);
  in_flight_.erase(asked);
  ++loads_finished_;
  pump();
  auto& [what, waiters] = loaded.mapped();
  auto value = record ? value_of(what, *record) : result<std::string>(record.error());
  return finished{std::move(what), std::move(value), std::move(waiters)};
}

result<std::string> cold_loader::value_of(const kv::cold_read& what,
                                          std::string_view record) const {
  if (what.what == kv::cold_read::kind::part) {
    const kv::part_position part{what.where, what.size, what.sequence,
                                 static_cast<std::uint32_t>(what.value_size)};
    TRY(const auto piece, part_in(record, shard_, part));
    return std::string(piece);
  }
  TRY(const auto value, value_in(record, shard_, what.sequence, what.key));
  return std::string(value);
}

std::vector<cold_loader::finished> cold_loader::fail_all(const failure& why) {
  std::vector<finished> all;
  for (auto& [sequence, wanted] : loads_) {
    all.push_back({std::move(wanted.what), why, std::move(wanted.waiters)});
  }
  loads_.clear();
  undecided_.clear();
  waiting_.clear();
  in_flight_.clear();
  return all;
}

}  // namespace troupe::actors
