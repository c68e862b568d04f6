#include "actors/runtime/reactor.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>

#include "storage/base/ensure.hpp"

namespace troupe::runtime {

namespace {

/// Messages one actor may handle before the next one's turn.
constexpr std::size_t throughput = 512;
/// Few on purpose: what the first sockets brought is on its way to the disk while the next are
/// read.
constexpr int events_per_poll = 16;
constexpr int sleep_ms_max = 1000;

}  // namespace

reactor::reactor(caf::actor_system& system, round_clock& time, std::uint32_t spin_us)
    : caf::execution_unit(&system), time_(time), spin_us_(spin_us) {}

reactor::~reactor() {
  give_back_jobs();
  if (wake_ >= 0) ::close(wake_);
  if (epoll_ >= 0) ::close(epoll_);
}

result<void> reactor::open() {
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  if (epoll_ < 0) return os_error("cannot make an epoll instance", errno);
  wake_ = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (wake_ < 0) return os_error("cannot make an eventfd", errno);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.fd = wake_;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, wake_, &event) != 0) {
    return os_error("cannot watch the eventfd", errno);
  }
  return {};
}

void reactor::exec_later(caf::resumable* job) {
  if (std::this_thread::get_id() == thread_.load(std::memory_order_relaxed)) {
    queue_.push_back(job);
    return;
  }
  auto* node = new remote_job{job, remote_.load(std::memory_order_relaxed)};
  while (!remote_.compare_exchange_weak(node->next, node)) {
  }
  // Invariant 1: pushed first, looked at asleep_ second.
  if (asleep_.load() && asleep_.exchange(false)) {
    wakeups_.fetch_add(1, std::memory_order_relaxed);
    ::eventfd_write(wake_, 1);
  }
}

void reactor::run() {
  adopt_thread();
  last_work_us_ = round_started_us_;
  while (!stopping_.load(std::memory_order_relaxed)) {
    work();
    poll(wait_ms());
  }
  give_back_jobs();
}

void reactor::step() {
  adopt_thread();
  work();
  poll(0);
}

void reactor::adopt_thread() {
  thread_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  time_.refresh();
  round_started_us_ = time_.monotonic_us();
}

void reactor::work() {
  take_remote_jobs();
  run_jobs();
  run_hooks();
  rounds_.fetch_add(1, std::memory_order_relaxed);
  time_.refresh();
  if (worked_) {
    last_work_us_ = time_.monotonic_us();
    busy_us_.fetch_add(last_work_us_ - round_started_us_, std::memory_order_relaxed);
    worked_ = false;
  }
}

void reactor::stop() {
  stopping_ = true;
  ::eventfd_write(wake_, 1);
}

void reactor::take_remote_jobs() {
  auto* taken = remote_.exchange(nullptr);
  // The stack is newest first; turn it round to keep each sender's order (invariant 2).
  remote_job* oldest = nullptr;
  while (taken != nullptr) {
    auto* next = taken->next;
    taken->next = oldest;
    oldest = taken;
    taken = next;
  }
  while (oldest != nullptr) {
    queue_.push_back(oldest->job);
    delete std::exchange(oldest, oldest->next);
  }
}

void reactor::run_jobs() {
  // Only what is queued now: jobs made meanwhile wait for the next round, after the sockets.
  for (auto count = queue_.size(); count > 0; --count) {
    auto* job = queue_.front();
    queue_.pop_front();
    run_one(job);
    worked_ = true;
    jobs_.fetch_add(1, std::memory_order_relaxed);
  }
}

void reactor::run_one(caf::resumable* job) {
  switch (job->resume(this, throughput)) {
    case caf::resumable::resume_later: queue_.push_back(job); return;
    case caf::resumable::done:
    case caf::resumable::awaiting_message: caf::intrusive_ptr_release(job); return;
    case caf::resumable::shutdown_execution_unit:
      caf::intrusive_ptr_release(job);
      stopping_ = true;
      return;
  }
}

void reactor::run_hooks() {
  // By index: a hook may be added while they run.
  for (std::size_t i = 0; i < hooks_.size(); ++i) hooks_[i]->on_round_end();
}

int reactor::sleep_ms() const {
  auto wait_us = std::uint64_t{sleep_ms_max} * 1000;
  const auto now = time_.monotonic_us();
  for (const auto* hook : hooks_) {
    if (const auto deadline = hook->next_deadline_us()) {
      wait_us = std::min(wait_us, *deadline <= now ? 0 : *deadline - now);
    }
  }
  return static_cast<int>((wait_us + 999) / 1000);
}

int reactor::wait_ms() {
  if (!queue_.empty()) return 0;
  const auto idle_us = time_.monotonic_us() - last_work_us_;
  if (poll_forbidders_ == 0 && idle_us < spin_us_) return 0;
  const auto timeout = sleep_ms();
  if (timeout == 0) return 0;
  asleep_ = true;
  // Invariant 1: asleep first, last look second.
  if (remote_.load() == nullptr && !stopping_.load()) return timeout;
  asleep_ = false;
  return 0;
}

void reactor::poll(int timeout) {
  std::array<epoll_event, events_per_poll> events;
  const auto count = ::epoll_wait(epoll_, events.data(), events_per_poll, timeout);
  asleep_ = false;
  time_.refresh();
  round_started_us_ = time_.monotonic_us();
  for (auto i = 0; i < count; ++i) {
    const auto& event = events[static_cast<std::size_t>(i)];
    if (event.data.fd == wake_) {
      eventfd_t ignored = 0;
      ::eventfd_read(wake_, &ignored);
      continue;
    }
    // An earlier handler of this round may have unwatched this descriptor.
    const auto index = static_cast<std::size_t>(event.data.fd);
    if (index < handlers_.size() && handlers_[index] != nullptr) {
      worked_ = true;
      handlers_[index]->on_ready(event.events);
    }
  }
}

result<void> reactor::watch(int fd, std::uint32_t events, io_handler& handler) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= handlers_.size()) handlers_.resize(index + 1, nullptr);
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event) != 0) {
    return os_error("cannot watch a descriptor", errno);
  }
  handlers_[index] = &handler;
  return {};
}

result<void> reactor::change(int fd, std::uint32_t events, io_handler& handler) {
  ENSURE(handlers_[static_cast<std::size_t>(fd)] == &handler);
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  if (::epoll_ctl(epoll_, EPOLL_CTL_MOD, fd, &event) != 0) {
    return os_error("cannot change what a descriptor is watched for", errno);
  }
  return {};
}

void reactor::unwatch(int fd) {
  const auto index = static_cast<std::size_t>(fd);
  if (index >= handlers_.size() || handlers_[index] == nullptr) return;
  handlers_[index] = nullptr;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
}

void reactor::add_hook(round_hook& hook) { hooks_.push_back(&hook); }

void reactor::remove_hook(round_hook& hook) { std::erase(hooks_, &hook); }

void reactor::set_busy_poll(busy_poll wanted) {
  if (wanted == busy_poll::forbidden) {
    ++poll_forbidders_;
  } else {
    ENSURE(poll_forbidders_ > 0);
    --poll_forbidders_;
  }
}

reactor_counters reactor::counters() const {
  return {rounds_.load(std::memory_order_relaxed), jobs_.load(std::memory_order_relaxed),
          wakeups_.load(std::memory_order_relaxed), busy_us_.load(std::memory_order_relaxed)};
}

void reactor::give_back_jobs() {
  take_remote_jobs();
  while (!queue_.empty()) {
    auto* job = queue_.front();
    queue_.pop_front();
    caf::intrusive_ptr_release(job);
  }
}

}  // namespace troupe::runtime
