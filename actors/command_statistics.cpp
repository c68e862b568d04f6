#include "actors/command_statistics.hpp"

#include <algorithm>

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

std::uint64_t command_statistics::calls() const noexcept {
  std::uint64_t all = 0;
  for (const auto each : calls_) all += each;
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
    if (calls_[i] + rejected == 0) continue;
    to.per_command.push_back({std::string(specs[i]->name), calls_[i], rejected, failed});
  }
}

}  // namespace troupe::actors
