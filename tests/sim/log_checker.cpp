#include "tests/sim/log_checker.hpp"

#include <fmt/format.h>

namespace troupe::sim {

std::string content_of(const log::record_fields& fields) {
  return fmt::format("{} {} {}:{} {}:{} {} {}", to_string(fields.type), fields.collection.value,
                     fields.key.size(), fields.key, fields.member.size(), fields.member,
                     fields.deadline_ms, fields.value);
}

void log_checker::complain(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void log_checker::appended(epoch_number epoch, lsn sequence, log::position where,
                           const log::record_fields& fields, std::uint64_t batch) {
  std::string content = content_of(fields);
  const auto [known, is_new] = issued_.emplace(std::pair(epoch, sequence), content);
  if (!is_new && known->second != content) {
    complain(fmt::format("epoch {} and LSN {} name two records", epoch.value, sequence.value));
  }
  if (!expected_.empty() && sequence <= expected_.back().record.sequence) {
    complain(fmt::format("LSN {} was given twice", sequence.value));
  }
  expected_.push_back(
      {.record = {sequence, where, log::encoded_size(fields), std::move(content)}, .batch = batch});
}

void log_checker::acknowledged(lsn upto) {
  if (upto < acknowledged_) complain("an acknowledgement went back");
  acknowledged_ = upto;
}

void log_checker::retirable(std::uint32_t first_live_ordinal) {
  for (expectation& each : expected_) {
    if (each.record.where.segment < first_live_ordinal) each.retirable = true;
  }
}

// An unacknowledged record may be missing, but then all behind it are, and a batch goes as a whole.
bool log_checker::may_end_before(std::size_t index) const {
  const expectation& first_lost = expected_[index];
  if (first_lost.record.sequence <= acknowledged_) return false;
  const bool halves_batch =
      index > 0 && first_lost.batch != 0 && expected_[index - 1].batch == first_lost.batch;
  return !halves_batch;
}

void log_checker::compare(const std::vector<logged_record>& found) {
  std::size_t index = 0;
  while (index < expected_.size() && expected_[index].retirable &&
         (found.empty() || expected_[index].record.sequence < found.front().sequence)) {
    ++index;
  }
  expected_.erase(expected_.begin(), expected_.begin() + static_cast<std::ptrdiff_t>(index));
  for (index = 0; index < found.size(); ++index) {
    const logged_record& there = found[index];
    if (index >= expected_.size()) {
      return complain(fmt::format("LSN {} was never written", there.sequence.value));
    }
    logged_record& wanted = expected_[index].record;
    if (there.sequence != wanted.sequence || there.content != wanted.content) {
      return complain(fmt::format("LSN {} was expected but LSN {} found or its content differs",
                                  wanted.sequence.value, there.sequence.value));
    }
    if (there.where.offset != wanted.where.offset || there.size != wanted.size) {
      return complain(fmt::format("LSN {} stands at {}, not at {}", there.sequence.value,
                                  there.where.offset, wanted.where.offset));
    }
    wanted.where = there.where;
  }
  if (index < expected_.size() && !may_end_before(index)) {
    return complain(fmt::format("LSN {} is lost (acknowledged up to {})",
                                expected_[index].record.sequence.value, acknowledged_.value));
  }
  expected_.resize(index);
}

void log_checker::recovered(const std::vector<logged_record>& found, const log::log_start& start) {
  compare(found);
  const lsn last = found.empty() ? lsn{} : found.back().sequence;
  if (start.next <= last || start.next <= acknowledged_) {
    complain(fmt::format("the next LSN is {} but {} is in use", start.next.value, last.value));
  }
  if (start.epoch <= last_epoch_) {
    complain(
        fmt::format("epoch {} was opened after epoch {}", start.epoch.value, last_epoch_.value));
  }
  last_epoch_ = start.epoch;
}

}  // namespace troupe::sim
