#include "actors/command_statistics.hpp"

#include <algorithm>
#include <utility>

namespace troupe::actors {

void command_statistics::error(std::string_view reply, std::uint64_t count) {
  if (count == 0) return;
  if (is_error(reply)) reply.remove_prefix(1);
  const auto code = reply.substr(0, reply.find_first_of(" \r"));
  const auto known = std::ranges::find(errors_, code, &decltype(errors_)::value_type::first);
  if (known == errors_.end()) {
    errors_.emplace_back(code, count);
  } else {
    known->second += count;
  }
}

void command_statistics::time_next(std::size_t number, std::uint64_t calls_from_now) noexcept {
  times_[number].next = calls_of(number) + calls_from_now;
  left_[number] = calls_from_now;
}

timed_call command_statistics::begin_timing(const resp::command_spec& spec) noexcept {
  const auto calls = calls_of(spec.number);
  time_next(spec.number, calls < timed_each ? 1 : timed_each);
  const auto before = std::exchange(times_[spec.number].calls, calls);
  return {spec.number, calls - before};
}

void command_statistics::end_timing(const timed_call& call, std::uint64_t took_us) noexcept {
  times_[call.number].us += took_us * call.stands_for;
  // The next one may be slow as well, and to time it costs little beside it.
  if (took_us >= slow_us) time_next(call.number, 1);
}

void command_statistics::called_in_block(std::uint16_t number) noexcept {
  // No other call stands for it.
  ++times_[number].next;
  ++times_[number].calls;
}

std::uint64_t command_statistics::calls() const noexcept {
  std::uint64_t all = 0;
  for (std::size_t i = 0; i < left_.size(); ++i) all += calls_of(i);
  return all;
}

void command_statistics::report(client_statistics& to) const {
  to.commands = calls();
  to.error_replies = 0;
  for (const auto& [code, count] : errors_) {
    to.errors.push_back({code, count});
    to.error_replies += count;
  }
  const auto specs = resp::numbered_commands();
  for (std::size_t i = 0; i < specs.size(); ++i) {
    const auto& [rejected, failed] = troubles_[i];
    const auto calls = calls_of(i);
    if (calls + rejected == 0) continue;
    to.per_command.push_back({std::string(specs[i]->name), calls, rejected, failed, times_[i].us});
  }
}

}  // namespace troupe::actors
