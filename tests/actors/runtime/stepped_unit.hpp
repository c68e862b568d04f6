// An execution unit stepped by hand: actors pinned to it run when, and only when, a test says so.
//
// Threads: jobs may be pushed from any thread; steps are taken by one thread, the test's.
#pragma once

#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>
#include <caf/intrusive_ptr.hpp>
#include <caf/resumable.hpp>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>

namespace troupe::tests {

class stepped_unit final : public caf::execution_unit {
 public:
  /// `system` must outlive it, and it must outlive the actors pinned to it.
  explicit stepped_unit(caf::actor_system& system) : caf::execution_unit(&system) {}
  ~stepped_unit() override {
    for (auto* job : jobs_) caf::intrusive_ptr_release(job);
  }
  stepped_unit(const stepped_unit&) = delete;
  stepped_unit& operator=(const stepped_unit&) = delete;

  void exec_later(caf::resumable* job) override {
    const std::lock_guard guard(mutex_);
    jobs_.push_back(job);
    arrived_.notify_one();
  }

  /// Lets the actor at the front handle one message. False: nobody has anything to do.
  bool step() {
    std::unique_lock guard(mutex_);
    if (jobs_.empty()) return false;
    auto* job = jobs_.front();
    jobs_.pop_front();
    guard.unlock();
    if (job->resume(this, 1) == caf::resumable::resume_later) {
      exec_later(job);
    } else {
      caf::intrusive_ptr_release(job);
    }
    return true;
  }

  /// Steps until there is nothing left; returns how many steps it took.
  std::size_t run() {
    std::size_t steps = 0;
    while (step()) ++steps;
    return steps;
  }

  /// Steps until `condition` holds, waiting for other threads to send something.
  template <class Condition>
  void run_until(const Condition& condition) {
    while (!condition()) {
      {
        std::unique_lock guard(mutex_);
        arrived_.wait(guard, [this] { return !jobs_.empty(); });
      }
      step();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::deque<caf::resumable*> jobs_;
};

}  // namespace troupe::tests
