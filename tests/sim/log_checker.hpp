// Knows what a log must hold, and says what is wrong with what a recovery found.
//
// Place: tests/sim; independent of workload, tail and writer: it sees only what was appended, what
// was acknowledged and what came back. One owner, one thread.
// What it demands after every restart:
//  1. every acknowledged record is there, unchanged, in order, where append said it would stand;
//  2. nothing is there that was not appended, and no unacknowledged record without those before it;
//  3. a batch is there as a whole or not at all;
//  4. only records of retired segments may be gone, and only from the start;
//  5. a pair of epoch and LSN names one record for ever; epochs and LSNs only grow.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "storage/log/open_log.hpp"

namespace troupe::sim {

/// A record with its place, free of borrowed memory.
struct logged_record {
  lsn sequence{};
  log::position where{};
  std::size_t size = 0;
  std::string content;  ///< everything about it but its LSN and flags
};

/// Makes comparable content of a record.
[[nodiscard]] std::string content_of(const log::record_fields& fields);

class log_checker {
 public:
  /// A record was appended; `batch` is 0 or names the batch it belongs to.
  void appended(epoch_number epoch, lsn sequence, log::position where,
                const log::record_fields& fields, std::uint64_t batch);
  /// The log promised that everything up to here survives.
  void acknowledged(lsn upto);
  /// Segments below this ordinal may go from now on.
  void retirable(std::uint32_t first_live_ordinal);
  /// A recovery succeeded with this outcome.
  void recovered(const std::vector<logged_record>& found, const log::log_start& start);
  /// Something is wrong that only the driver could see.
  void complain(std::string what);

  /// The first thing that was wrong; nothing if all is well.
  [[nodiscard]] const std::optional<std::string>& violation() const noexcept { return violation_; }
  [[nodiscard]] std::size_t record_count() const noexcept { return expected_.size(); }

 private:
  struct expectation {
    logged_record record;
    std::uint64_t batch = 0;
    bool retirable = false;
  };

  void compare(const std::vector<logged_record>& found);
  [[nodiscard]] bool may_end_before(std::size_t index) const;

  std::vector<expectation> expected_;
  std::map<std::pair<epoch_number, lsn>, std::string> issued_;
  lsn acknowledged_{};
  epoch_number last_epoch_{};
  std::optional<std::string> violation_;
};

}  // namespace troupe::sim
