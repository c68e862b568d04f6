// reactor: one thread that runs pinned actors and their sockets. It is a caf::execution_unit, so a
// message to an actor pinned here becomes a job in its run queue instead of the CAF scheduler's.
//
// Owner: the node, which also runs run() on a thread of its own. Threads: exec_later and stop may
// be called from any thread, everything else only before run() or on the reactor's own thread.
//
// A round is: jobs that other threads pushed -> run queue -> round hooks -> sockets.
// Invariants:
//  1. A sleeping reactor is always woken: `asleep_` is set before the remote queue is looked at for
//     the last time, and a pusher looks at `asleep_` after pushing (both sequentially consistent).
//  2. Jobs pushed by one thread run in the order pushed.
//  3. Every job holds one reference to its actor, given back exactly once, at stop too.
//  4. Nothing here blocks but epoll_wait; hooks run once per round, after all jobs of the round.
#pragma once

#include <atomic>
#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>
#include <cstdint>
#include <deque>
#include <optional>
#include <thread>
#include <vector>

#include "actors/runtime/round_clock.hpp"
#include "storage/base/clock.hpp"
#include "storage/base/result.hpp"

namespace troupe::runtime {

/// Receives the readiness of one file descriptor, on the reactor's thread.
class io_handler {
 public:
  virtual ~io_handler() = default;
  /// `events` is a set of EPOLL* bits. May unwatch itself and be destroyed inside the call only
  /// through reactor::unwatch followed by a deferred delete.
  virtual void on_ready(std::uint32_t events) = 0;
};

/// Work at the end of each round: batches to send, sockets to write.
class round_hook {
 public:
  virtual ~round_hook() = default;
  virtual void on_round_end() = 0;
  /// Monotonic time in microseconds at which a round must happen even if nothing arrives.
  [[nodiscard]] virtual std::optional<std::uint64_t> next_deadline_us() const = 0;
};

/// Whether the reactor may burn processor time waiting for work instead of sleeping at once.
enum class busy_poll : std::uint8_t { allowed, forbidden };

/// What one reactor did since it started. Read from any thread.
struct reactor_counters {
  std::uint64_t rounds = 0;
  std::uint64_t jobs = 0;
  std::uint64_t wakeups = 0;  ///< times another thread had to wake it
  std::uint64_t busy_us = 0;
};

class reactor final : public caf::execution_unit {
 public:
  /// `time` is refreshed once or twice a round. `spin_us`: how long to poll before sleeping (0 =
  /// never poll).
  reactor(caf::actor_system& system, round_clock& time, std::uint32_t spin_us);
  ~reactor() override;
  reactor(const reactor&) = delete;
  reactor& operator=(const reactor&) = delete;

  /// Makes the descriptors; call once before anything else.
  result<void> open();
  void exec_later(caf::resumable* job) override;
  /// Runs rounds until stop(); then gives back every job still queued.
  void run();
  void stop();
  /// One round on the calling thread that waits for nothing, in place of run(): for whoever steps a
  /// reactor by hand.
  void step();

  /// Calls `handler` when `fd` is ready for `events`. The handler must stay alive until unwatch.
  result<void> watch(int fd, std::uint32_t events, io_handler& handler);
  result<void> change(int fd, std::uint32_t events, io_handler& handler);
  void unwatch(int fd);
  /// Hooks run in the order added and must stay alive until remove_hook.
  void add_hook(round_hook& hook);
  void remove_hook(round_hook& hook);

  /// Forbids polling while the count of reasons is not zero (a commit in flight, for example:
  /// the flusher's thread wants the core).
  void set_busy_poll(busy_poll wanted);
  /// The time of this round.
  [[nodiscard]] const clock& time() const { return time_; }
  /// The time of this moment; asking costs more.
  [[nodiscard]] const clock& exact_time() const { return time_.source(); }
  [[nodiscard]] reactor_counters counters() const;

 private:
  struct remote_job {
    caf::resumable* job;
    remote_job* next;
  };

  void adopt_thread();
  void work();
  void take_remote_jobs();
  void run_jobs();
  void run_one(caf::resumable* job);
  void run_hooks();
  /// How long to wait for sockets; above 0, asleep_ is set.
  [[nodiscard]] int wait_ms();
  void poll(int timeout);
  [[nodiscard]] int sleep_ms() const;
  void give_back_jobs();

  round_clock& time_;
  const std::uint32_t spin_us_;
  int epoll_ = -1;
  int wake_ = -1;
  std::atomic<std::thread::id> thread_{};  // none before run()
  std::deque<caf::resumable*> queue_;
  std::atomic<remote_job*> remote_{nullptr};
  std::atomic<bool> asleep_{false};
  std::atomic<bool> stopping_{false};
  std::vector<round_hook*> hooks_;
  std::vector<io_handler*> handlers_;  // by file descriptor
  std::uint32_t poll_forbidders_ = 0;
  std::uint64_t last_work_us_ = 0;
  std::uint64_t round_started_us_ = 0;  // when work may have begun: after the last wait
  bool worked_ = false;
  std::atomic<std::uint64_t> rounds_{0}, jobs_{0}, wakeups_{0}, busy_us_{0};
};

}  // namespace troupe::runtime
