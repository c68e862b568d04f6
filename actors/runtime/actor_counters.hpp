// What is counted of every actor, and the tap through which an operator watches its messages.
//
// Place: actors/runtime; each actor has one, shared with whoever shows it. Threads: `arrived` by
// any sender, the rest written by the actor's own thread only, all read by any.
// Invariants:
//  1. Counting takes no lock and no clock for a single message; time is taken per turn of an actor.
//  2. A tap holds at most message_tap::capacity messages; what comes while it is full is counted
//     and not noted, so a tapped actor is slowed by a bounded amount, and an untapped one by one
//     load.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <typeinfo>
#include <utility>
#include <vector>

namespace troupe::runtime {

/// Nanoseconds of a clock that only goes forward, for differences.
[[nodiscard]] inline std::uint64_t steady_ns() noexcept {
  const auto since = std::chrono::steady_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::nanoseconds>(since).count());
}

/// One message that an actor handled.
struct tapped_message {
  std::uint64_t at_ns = 0;      ///< when it was begun: steady_ns()
  std::uint64_t took_ns = 0;    ///< until it was done
  std::uint64_t sender_id = 0;  ///< CAF's id of the sending actor; 0 = none
  /// Type of its first element, as CAF knows it.
  std::pair<std::uint16_t, const std::type_info*> type{0, nullptr};
};

/// A ring between the actor's thread, which notes, and one reader, which drains.
class message_tap {
 public:
  static constexpr std::size_t capacity = 256;

  /// Actor's thread: whether the next message is to be noted; if not, it counts as missed.
  [[nodiscard]] bool wants_next() noexcept {
    if (end_.load(std::memory_order_relaxed) - begin_.load(std::memory_order_acquire) < capacity)
      return true;
    missed_.store(missed_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    return false;
  }
  /// Actor's thread. Precondition: wants_next().
  void note(const tapped_message& message) noexcept {
    const auto end = end_.load(std::memory_order_relaxed);
    ring_[end % capacity] = message;
    end_.store(end + 1, std::memory_order_release);
  }
  /// Reader's thread: what was noted since, oldest first.
  [[nodiscard]] std::vector<tapped_message> drain() {
    std::vector<tapped_message> all;
    const auto end = end_.load(std::memory_order_acquire);
    auto begin = begin_.load(std::memory_order_relaxed);
    for (; begin != end; ++begin) all.push_back(ring_[begin % capacity]);
    begin_.store(begin, std::memory_order_release);
    return all;
  }
  /// Messages that came while it was full, ever.
  [[nodiscard]] std::uint64_t missed() const noexcept {
    return missed_.load(std::memory_order_relaxed);
  }

 private:
  std::array<tapped_message, capacity> ring_;
  std::atomic<std::uint64_t> begin_{0}, end_{0}, missed_{0};
};

class actor_counters {
 public:
  /// Any thread: a message is on its way into the mailbox.
  void arrived() noexcept { arrived_.fetch_add(1, std::memory_order_relaxed); }
  /// Actor's thread: a message was handled.
  void handled() noexcept { add(handled_, 1); }
  /// Actor's thread: a turn of that length is over.
  void worked(std::uint64_t ns) noexcept { add(busy_ns_, ns); }

  [[nodiscard]] std::uint64_t messages() const noexcept {
    return handled_.load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t busy_us() const noexcept {
    return busy_ns_.load(std::memory_order_relaxed) / 1000;
  }
  /// Messages waiting, as of about now.
  [[nodiscard]] std::uint64_t mailbox_depth() const noexcept {
    const auto done = handled_.load(std::memory_order_relaxed);
    const auto all = arrived_.load(std::memory_order_relaxed);
    return all > done ? all - done : 0;
  }

  /// Actor's thread: the tap, if somebody watches.
  [[nodiscard]] message_tap* tap() const noexcept {
    return active_.load(std::memory_order_acquire);
  }
  /// The one reader's thread: begins to watch, or goes on.
  message_tap& watch() {
    if (!made_) made_ = std::make_unique<message_tap>();
    active_.store(made_.get(), std::memory_order_release);
    return *made_;
  }
  /// The one reader's thread: nobody watches any more. The tap stays: the actor may be using it.
  void unwatch() noexcept { active_.store(nullptr, std::memory_order_relaxed); }

 private:
  static void add(std::atomic<std::uint64_t>& to, std::uint64_t amount) noexcept {
    // One writer: no need to lock the bus.
    to.store(to.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }

  alignas(64) std::atomic<std::uint64_t> arrived_{0};
  alignas(64) std::atomic<std::uint64_t> handled_{0};
  std::atomic<std::uint64_t> busy_ns_{0};
  std::atomic<message_tap*> active_{nullptr};
  std::unique_ptr<message_tap> made_;
};

/// What every actor of ours is beside its CAF base.
class counted {
 public:
  virtual ~counted() = default;
  [[nodiscard]] virtual const std::shared_ptr<actor_counters>& counters() const noexcept = 0;
};

}  // namespace troupe::runtime
