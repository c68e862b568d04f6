#include "actors/process_statistics.hpp"

#include <unistd.h>

#include <fstream>

#include "actors/version.hpp"

namespace troupe::actors {

void add_process_figures(node_statistics& all, const node_config& config, std::uint64_t uptime_ms) {
  all.version = version();
  all.uptime_ms = uptime_ms;
  all.memory_limit_bytes = config.memory_bytes;
  // proc(5): the second number of statm is the resident set in pages.
  std::ifstream statm("/proc/self/statm");
  std::uint64_t total_pages = 0;
  std::uint64_t resident_pages = 0;
  if (statm >> total_pages >> resident_pages) {
    all.resident_bytes = resident_pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
  }
}

}  // namespace troupe::actors
