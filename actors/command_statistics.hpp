// command_statistics: how often each command was called, refused or failed, and with which errors.
//
// Place: actors, CAF-free; one per gateway, shared by its sessions, on its reactor's thread.
// Invariant: to count a call is one addition in a plain array; the rest is work of the rare case.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/resp/command_table.hpp"
#include "actors/statistics.hpp"

namespace troupe::actors {

class command_statistics {
 public:
  command_statistics()
      : calls_(resp::numbered_commands().size()), troubles_(resp::numbered_commands().size()) {}

  /// The command was executed. Precondition: a client may send it.
  void called(const resp::command_spec& spec) noexcept { ++calls_[spec.number]; }
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
  struct trouble {
    std::uint64_t rejected = 0, failed = 0;
  };
  std::vector<std::uint64_t> calls_;                           // by command_spec::number
  std::vector<trouble> troubles_;                              // likewise
  std::vector<std::pair<std::string, std::uint64_t>> errors_;  // few: codes are ours
};

/// True for a reply that is an error.
[[nodiscard]] inline bool is_error(std::string_view reply) noexcept {
  return !reply.empty() && reply.front() == '-';
}

}  // namespace troupe::actors
