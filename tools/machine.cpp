#include "tools/machine.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

namespace troupe::tools {

namespace {

/// The number in a control file; no limit when it is missing or says "max".
std::uint64_t read_limit(const std::string& path) {
  std::ifstream file(path);
  std::uint64_t bytes = 0;
  return file >> bytes && bytes > 0 ? bytes : std::numeric_limits<std::uint64_t>::max();
}

/// The tightest memory.max from this process's control group up to the root.
std::uint64_t control_group_bytes() {
  std::ifstream groups("/proc/self/cgroup");
  std::string group;
  for (std::string line; std::getline(groups, line);)
    if (line.starts_with("0::")) group = line.substr(3);
  auto least = std::numeric_limits<std::uint64_t>::max();
  for (;;) {
    least = std::min(least, read_limit("/sys/fs/cgroup" + group + "/memory.max"));
    if (group.empty()) return least;
    group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
  }
}

}  // namespace

actors::machine this_machine() {
  actors::machine host;
  host.cores = std::max(1u, std::thread::hardware_concurrency());
  const long pages = sysconf(_SC_PHYS_PAGES);
  const long page_bytes = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page_bytes > 0)
    host.memory_bytes = static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes);
  host.memory_bytes = std::min(host.memory_bytes, control_group_bytes());
  return host;
}

}  // namespace troupe::tools
