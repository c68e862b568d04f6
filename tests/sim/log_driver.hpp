// Drives a log through a scripted life on a simulated disk and tells a checker about it.
//
// Place: tests/sim; production log_tail, log_writer and open_log, one thread. A canary is a bug
// planted in the driver (never in the product): the checker must notice it.
// A script is decided by one seed: records of all kinds and sizes, batches, frames of one or many
// records, rolls, preparing, retiring, reopening after an ordered stop or after a kill. It stops
// when the disk has crashed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "storage/base/prng.hpp"
#include "storage/log/log_tail.hpp"
#include "storage/log/open_log.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/log_checker.hpp"

namespace troupe::sim {

/// Planted bugs.
enum class canary : std::uint8_t {
  none,
  acknowledge_before_durable,  ///< says durable when the frame is sent
  append_after_torn_tail,      ///< goes on in the torn segment, behind what was being written
  reuse_epoch,                 ///< writes with the epoch of the opening before
  torn_is_corrupt,             ///< refuses a log whose last frame is torn
  seal_before_last_frame,      ///< an ordered stop seals the log and writes the last frame then
};

/// Whether a failing call is wrong while the disk has power.
enum class failures : std::uint8_t { unexpected, planned };

struct driver_options {
  std::uint64_t seed = 1;
  canary bug = canary::none;
  failures errors = failures::unexpected;
  std::uint64_t segment_bytes = 64 * 1024;
};

class log_driver {
 public:
  log_driver(disk& disk, driver_options options);

  /// From now on failures are wrong.
  void end_of_faults() noexcept { errors_ = failures::unexpected; }
  /// Opens the log (again) and has the checker compare what came back. False if the disk crashed
  /// or something is wrong.
  bool open();
  /// One life: `steps` random steps on the open log. False as above.
  bool live(std::uint32_t steps);
  /// The end of a life: an ordered stop, which writes what is left and seals the log, or, one time
  /// out of three, nothing of that. False as above.
  bool stop();
  /// Drops all that is in memory, as a killed process does.
  void close();
  [[nodiscard]] const log_checker& checker() const noexcept { return checker_; }

 private:
  bool went_well(const result<void>& outcome, const char* what);
  bool append_some();
  bool append_batch();
  bool append_large();
  bool append(const log::record_fields& fields, log::space use, std::uint64_t batch);
  bool flush();
  bool keep_prepared();
  bool retire();
  bool read_back(const std::vector<logged_record>& found);
  bool refuse_torn_tail();
  bool write_behind_torn_tail();
  bool seal_too_early();
  std::string random_bytes(std::uint64_t size_max);

  disk& disk_;
  const driver_options options_;
  failures errors_;
  prng random_;
  log_checker checker_;
  log::opened log_;
  std::optional<log::log_tail> tail_;
  std::optional<log::log_start> earlier_start_;
  std::optional<log::frame> last_sent_;
  std::uint64_t batches_ = 0;
  std::int64_t wall_ms_ = 1'000'000;
};

}  // namespace troupe::sim
