#include "storage/log/batch_filter.hpp"

#include <fmt/format.h>

namespace troupe::log {

result<void> batch_filter::on_record(const record_view& record, position where) {
  if (record.type == record_type::part) {
    deliver(record, where);
    return {};
  }
  if (record.batched == batching::batched) {
    if (run_length_ == 0) run_first_ = record.sequence;
    ++run_length_;
    here_.emplace_back(record, where);
    return {};
  }
  if (record.type == record_type::batch) {
    TRY_VOID(complete(record));
  } else {
    abort_run();
  }
  at_log_start_ = false;
  deliver(record, where);
  return {};
}

result<void> batch_filter::complete(const record_view& batch) {
  TRY(const std::uint32_t count, decode_batch(batch.value));
  if (count != run_length_ && !(at_log_start_ && count > run_length_)) {
    return failure{errc::corrupt, fmt::format("batch record with LSN {} covers {} records but {} "
                                              "stand before it",
                                              batch.sequence.value, count, run_length_)};
  }
  for (const position frame : earlier_) {
    TRY_VOID(read_again_(frame, [&](const record_view& record, position where) {
      if (record.batched == batching::batched && record.sequence >= run_first_) {
        deliver(record, where);
      }
    }));
  }
  for (const auto& [record, where] : here_) deliver(record, where);
  here_.clear();
  earlier_.clear();
  run_length_ = 0;
  return {};
}

void batch_filter::end_frame(position frame) {
  if (!here_.empty()) earlier_.push_back(frame);
  here_.clear();
}

void batch_filter::abort_run() {
  aborted_ += run_length_;
  run_length_ = 0;
  here_.clear();
  earlier_.clear();
}

}  // namespace troupe::log
