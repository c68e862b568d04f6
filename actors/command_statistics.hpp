// command_statistics: how often each command was called, refused or failed, with which errors, and
// how long its calls took.
//
// Place: actors, CAF-free; one per gateway, shared by its sessions, on its reactor's thread.
// Invariants:
//  1. To count a call is to count down to the next one that is timed, in a plain array; the rest is
//     work of the rare case.
//  2. Not every call is timed: the first of each command are, and one after a slow one, then one of
//     so many. A timed call stands for those since the one timed before, so that the sum over all
//     calls is met on average.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/resp/command_table.hpp"
#include "actors/statistics.hpp"

namespace troupe::actors {

/// A call whose time is taken.
struct timed_call {
  std::uint16_t number;
  std::uint64_t stands_for;  ///< so many calls
};

class command_statistics {
 public:
  /// So many calls of a command are timed each, later ones of those that were not slow once in so
  /// many calls.
  static constexpr std::uint64_t timed_each = 64;
  /// A call that took so long is slow.
  static constexpr std::uint64_t slow_us = 1000;

  command_statistics()
      : left_(resp::numbered_commands().size(), 1),
        times_(resp::numbered_commands().size()),
        troubles_(resp::numbered_commands().size()) {}

  /// The command was executed. True: the time of this call is to be taken; then begin_timing(), or
  /// postpone_timing() if that is not possible. Precondition: a client may send it.
  [[nodiscard]] bool called(const resp::command_spec& spec) noexcept {
    return --left_[spec.number] == 0;
  }
  [[nodiscard]] timed_call begin_timing(const resp::command_spec& spec) noexcept;
  /// The next call is to be timed instead.
  void postpone_timing(const resp::command_spec& spec) noexcept { time_next(spec.number, 1); }
  /// The call took so long from when it began to when its reply was there.
  void end_timing(const timed_call& call, std::uint64_t took_us) noexcept;
  /// The command of that number was executed inside a block, and its share of the block's time.
  void called_in_block(std::uint16_t number) noexcept;
  void took_in_block(std::uint16_t number, std::uint64_t us) noexcept { times_[number].us += us; }
  /// It was refused before that, with the error `reply`.
  void rejected(const resp::command_spec& spec, std::string_view reply) {
    ++troubles_[spec.number].rejected;
    error(reply);
  }
  /// The command of that number, counted as called, was answered with the error `reply`.
  void failed(std::uint16_t number, std::string_view reply) {
    if (number < troubles_.size()) ++troubles_[number].failed;
    error(reply);
  }
  /// `count` error replies like `reply` (encoded, with its code in front) that no command is to
  /// blame for.
  void error(std::string_view reply, std::uint64_t count = 1);

  [[nodiscard]] std::uint64_t calls() const noexcept;
  /// Fills the figures of `to` that are about commands and errors.
  void report(client_statistics& to) const;

 private:
  struct call_time {
    std::uint64_t us = 0;
    std::uint64_t calls = 0;  // as many of them are in `us`, or will be when one that runs ends
    std::uint64_t next = 1;   // the call that is to be timed, counted from 1
  };
  struct trouble {
    std::uint64_t rejected = 0, failed = 0;
  };
  [[nodiscard]] std::uint64_t calls_of(std::size_t number) const noexcept {
    return times_[number].next - left_[number];
  }
  void time_next(std::size_t number, std::uint64_t calls_from_now) noexcept;

  std::vector<std::uint64_t> left_;  // calls to the next that is timed, by command_spec::number
  std::vector<call_time> times_;     // likewise
  std::vector<trouble> troubles_;    // likewise
  std::vector<std::pair<std::string, std::uint64_t>> errors_;  // few: codes are ours
};

/// True for a reply that is an error.
[[nodiscard]] inline bool is_error(std::string_view reply) noexcept {
  return !reply.empty() && reply.front() == '-';
}

}  // namespace troupe::actors
