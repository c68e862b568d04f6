// Drives one shard through a random life on a simulated disk and clock, and tells a model about it.
//
// Place: tests/sim; production shard_core, store, log_tail, log_writer and open_log, one thread.
// The driver stands for everything around them: connections, the flusher with its queue, the maker
// of segment files, the reader of cold values. One seed decides what happens and in which order.
// Fault model: that of disk.hpp, points 1 to 4: power fails at any write point, writes fail, are
// short or find no space; the wall clock jumps; the process restarts with or without a loss of
// power. All of it must be survived. A canary is a bug planted in the driver: the model must see
// it.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "actors/shard_core.hpp"
#include "storage/log/open_log.hpp"
#include "tests/sim/clock.hpp"
#include "tests/sim/disk.hpp"
#include "tests/sim/shard_model.hpp"
#include "tests/sim/shard_workload.hpp"

namespace troupe::sim {

/// Planted bugs.
enum class shard_canary : std::uint8_t {
  none,
  release_early,    ///< replies go out before the watermark
  announce_last,    ///< a frame's last record is called durable though it is inside a batch
  forget_read_hold  ///< replies that wrote nothing do not wait
};

struct shard_driver_options {
  std::uint64_t seed = 1;
  shard_canary bug = shard_canary::none;
  value_sizes sizes = value_sizes::mixed;
  std::uint64_t memory_bytes = 20'000;
  std::uint64_t segment_bytes = std::uint64_t{4} << 20;
  std::uint32_t clients = 4;
};

class shard_driver final : public actors::shard_outputs {
 public:
  shard_driver(disk& disk, shard_driver_options options);

  /// Opens the shard (again) and compares all of it with the model. False if the disk crashed or
  /// something is wrong.
  bool open();
  /// `steps` random steps. False as above; the process should then be restarted.
  bool live(std::uint32_t steps);
  /// No new commands: works until everything sent is answered and durable. False as above, or if
  /// the shard never gets there.
  bool settle();
  /// What an ordered stop does when the shard came to rest: the flusher's last jobs, then the seal
  /// of the log. False if the disk crashed or something is wrong.
  bool stop();
  /// Runs one command and waits until its reply may be sent; the reply, empty if the disk crashed.
  std::string ask(const std::vector<std::string>& words);
  /// Time passes and the shard's timer with it.
  void pass(std::chrono::milliseconds time);
  /// Drops all that is in memory, as a killed process does.
  void close();

  [[nodiscard]] const shard_model& model() const noexcept { return model_; }
  [[nodiscard]] shard_model& model() noexcept { return model_; }
  [[nodiscard]] bool is_poisoned() const { return core_ && core_->failed().has_value(); }
  [[nodiscard]] std::uint64_t cold_reads() const noexcept { return cold_reads_; }
  /// Replies that came part by part, to their end.
  [[nodiscard]] std::uint64_t values_streamed() const noexcept { return values_streamed_; }
  /// Values stored part by part, to their end.
  [[nodiscard]] std::uint64_t values_uploaded() const noexcept { return values_uploaded_; }
  [[nodiscard]] std::uint64_t segments_retired() const noexcept { return segments_retired_; }
  /// Write points of the disk at which a frame was written, that is, into reserved space.
  [[nodiscard]] const std::set<std::uint64_t>& frame_points() const noexcept {
    return frame_points_;
  }
  /// Those at which a segment file was made.
  [[nodiscard]] const std::set<std::uint64_t>& segment_points() const noexcept {
    return segment_points_;
  }

  // ---- shard_outputs ----------------------------------------------------------------------------
  void send_frame(log::frame&& closed) override;
  void send_reply(actors::shard_reply&& answer) override;
  void send_transaction_reply(actors::lane_key transaction,
                              std::vector<actors::shard_reply>&& answers) override;
  void send_part(const actors::streamed_part& part) override;
  void announce(lsn durable, const failure* failed) override;
  void prepare_segment() override { ++segments_wanted_; }
  void retire(const kv::retirable_prefix& dead) override { flusher_.push_back({{}, dead}); }
  void read_record(std::uint64_t ticket, log::position where, std::uint32_t size) override;

 private:
  /// What the flusher finds in its mailbox.
  struct flusher_job {
    std::optional<log::frame> frame;
    std::optional<kv::retirable_prefix> dead;
  };
  struct frame_outcome {
    result<lsn> written;
    lsn last;
    std::uint32_t bytes;
    std::int64_t time_ms;
  };
  struct wanted_record {
    std::uint64_t ticket;
    log::position where;
    std::uint32_t size;
  };

  // The parts of a life (shard_driver.cpp).
  bool step();
  bool compare();
  [[nodiscard]] bool went_wrong();
  [[nodiscard]] bool is_idle() const;
  void pass_some_time();

  // The disk side (shard_driver_disk.cpp).
  void flusher_step();
  void work_flusher();
  void begin_frame(const log::frame& frame);
  void finish_frame();
  void report_written();
  void make_segment();
  void read_some();
  void work_disk();

  // The connections (shard_driver_clients.cpp).
  void client_step(sim_client& client);
  void send_command(sim_client& client, std::vector<std::string> words);
  void transaction_step(sim_client& client);
  void take_answer(sim_client& client, sent_command& answered, const std::string& reply,
                   const actors::command_outcome& outcome,
                   const std::vector<actors::opened_stream>& streams);
  void feed_streams();
  /// Makes room in `sent` for what comes by `streams`.
  static std::vector<reply_gap> expect(sent_command& sent,
                                       const std::vector<actors::opened_stream>& streams);
  void upload_step(sim_client& client);
  void on_pieces(sim_client& client, std::vector<actors::shard_reply>&& answers);
  void on_released(sim_client& client, const actors::shard_reply& answer);
  void release_replies();
  [[nodiscard]] bool runs_pieces() const;

  disk& disk_;
  const shard_driver_options options_;
  prng random_;
  clock time_;
  shard_model model_;

  log::opened log_;
  std::unique_ptr<log::log_tail> tail_;
  std::unique_ptr<kv::store> store_;
  std::optional<actors::shard_core> core_;

  std::deque<flusher_job> flusher_;
  std::unique_ptr<io::commit_queue> commits_;
  std::optional<log::frame> under_way_;   // begun in commits_: the writer is not free
  std::optional<frame_outcome> written_;  // not yet reported to the shard
  std::uint32_t segments_wanted_ = 0;
  std::optional<log::segment_order> making_;
  std::optional<result<log::segment_file>> made_;  // not yet adopted
  std::vector<wanted_record> reads_;
  std::vector<sim_client> clients_;
  lsn announced_{};
  bool failed_ = false;
  std::uint64_t next_ticket_ = 1;
  std::uint64_t uploads_ = 0;
  std::string last_reply_;
  std::uint64_t cold_reads_ = 0;
  std::uint64_t values_streamed_ = 0;
  std::uint64_t values_uploaded_ = 0;
  std::uint64_t segments_retired_ = 0;
  std::set<std::uint64_t> frame_points_;
  std::set<std::uint64_t> segment_points_;
};

}  // namespace troupe::sim
