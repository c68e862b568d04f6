#include "actors/cold_loader.hpp"

#include <fmt/format.h>

#include <utility>

#include "storage/base/ensure.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::actors {

result<std::string_view> value_in(std::string_view record, shard_id shard, lsn expected,
                                  std::string_view key) {
  TRY(const auto decoded, log::decode_record(record, shard));
  if (decoded.sequence != expected || decoded.key != key) {
    return failure{errc::corrupt, fmt::format("record {} was expected and record {} was read",
                                              expected.value, decoded.sequence.value)};
  }
  return decoded.value;
}

void cold_loader::request(const kv::cold_read& what, lane_key waiter, lsn durable) {
  load_of(what, durable).waiters.push_back(waiter);
}

void cold_loader::read_ahead(const kv::cold_read& what, lsn durable) {
  if (what.value_lsn <= durable) load_of(what, durable);
}

cold_loader::load& cold_loader::load_of(const kv::cold_read& what, lsn durable) {
  auto [place, is_new] = loads_.try_emplace(what.value_lsn);
  auto& wanted = place->second;
  if (!is_new) return wanted;
  wanted.what = what;
  wanted.missing = what.parts.empty() ? 1 : what.parts.size();
  wanted.pieces.resize(wanted.missing);
  if (what.value_lsn > durable) {
    undecided_.insert(what.value_lsn);  // invariant 3
  } else {
    start(wanted);
    pump();
  }
  return wanted;
}

void cold_loader::start(const load& started) {
  for (std::size_t i = 0; i < started.pieces.size(); ++i) {
    waiting_.push_back({started.what.value_lsn, i});
  }
}

void cold_loader::on_durable(lsn durable) {
  while (!undecided_.empty() && *undecided_.begin() <= durable) {
    start(loads_.at(*undecided_.begin()));
    undecided_.erase(undecided_.begin());
  }
  pump();
}

void cold_loader::pump() {
  while (!waiting_.empty() && in_flight_.size() < reads_in_flight_max) {
    const auto next = waiting_.front();
    waiting_.pop_front();
    const auto& what = loads_.at(next.value).what;
    const auto ticket = next_ticket_++;
    in_flight_.emplace(ticket, next);
    if (what.parts.empty()) {
      reader_.read_record(ticket, what.where, what.size);
    } else {
      const auto& part = what.parts[next.index];
      reader_.read_record(ticket, part.where, part.size);
    }
  }
}

std::optional<cold_loader::finished> cold_loader::on_record(
    std::uint64_t ticket, const result<std::string_view>& record) {
  const auto asked = in_flight_.find(ticket);
  if (asked == in_flight_.end()) return std::nullopt;  // given up meanwhile
  const auto [value, index] = asked->second;
  in_flight_.erase(asked);
  auto& wanted = loads_.at(value);
  auto content = record ? piece_of(wanted, index, *record) : result<std::string>(record.error());
  if (content) {
    wanted.pieces[index] = std::move(content).value();
  } else if (!wanted.failed) {
    wanted.failed = content.error();
  }
  --wanted.missing;
  pump();
  if (wanted.missing > 0) return std::nullopt;
  auto complete = std::move(wanted);
  loads_.erase(value);
  ++loads_finished_;
  auto whole = assemble(complete);
  return finished{std::move(complete.what), std::move(whole), std::move(complete.waiters)};
}

result<std::string> cold_loader::piece_of(const load& from, std::size_t index,
                                          std::string_view record) const {
  const auto expected =
      from.what.parts.empty() ? from.what.value_lsn : from.what.parts[index].sequence;
  TRY(const auto value, value_in(record, shard_, expected, from.what.key));
  return std::string(value);
}

result<std::string> cold_loader::assemble(load& complete) const {
  if (complete.failed) return *std::move(complete.failed);
  if (complete.pieces.size() == 1) return std::move(complete.pieces.front());
  std::string whole;
  whole.reserve(complete.what.value_size);
  for (auto& bytes : complete.pieces) {
    whole += bytes;
    bytes = {};
  }
  if (whole.size() != complete.what.value_size) {
    return failure{errc::corrupt, fmt::format("parts of record {} add up to {} bytes instead of {}",
                                              complete.what.value_lsn.value, whole.size(),
                                              complete.what.value_size)};
  }
  return whole;
}

std::vector<cold_loader::finished> cold_loader::fail_all(const failure& why) {
  std::vector<finished> all;
  for (auto& [value, wanted] : loads_) {
    all.push_back({std::move(wanted.what), why, std::move(wanted.waiters)});
  }
  loads_.clear();
  undecided_.clear();
  waiting_.clear();
  in_flight_.clear();
  return all;
}

}  // namespace troupe::actors
