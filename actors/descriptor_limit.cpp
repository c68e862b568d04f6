#include "actors/descriptor_limit.hpp"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>

#include "actors/http_connections.hpp"
#include "storage/base/limits.hpp"

namespace troupe::actors {

namespace {

/// Standard streams, the lock, what libraries open for a moment.
constexpr std::uint64_t process_descriptors = 32;
/// Of a shard beside its data_reader: the segment being written, one being made, two copies of the
/// manifest and their successors (each of these opened twice, to read and to write directly), the
/// ring, a directory.
constexpr std::uint64_t log_descriptors = 16;
/// Of a reactor: epoll, eventfd, the listening socket, a client about to be refused.
constexpr std::uint64_t reactor_descriptors = 4;
/// The listening socket for nodes and consoles, those about to be turned away, links.
constexpr std::uint64_t link_descriptors = 2 + limits::link_unproved_max + limits::links_max;

}  // namespace

std::uint64_t descriptors_beside_clients(const descriptor_needs& needs) noexcept {
  return process_descriptors + http_connections_max + link_descriptors +
         needs.shards * (log_descriptors + limits::reader_files_max) +
         needs.reactors * reactor_descriptors;
}

result<std::uint32_t> clients_within(std::uint64_t limit, const descriptor_needs& needs) {
  const auto own = descriptors_beside_clients(needs);
  if (limit <= own) {
    return failure{errc::refused,
                   fmt::format("this process may open {} files and sockets, and the node needs {} "
                               "and one for each client: raise the limit (ulimit -n, LimitNOFILE)",
                               limit, own)};
  }
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(limit - own, limits::clients_max));
}

std::uint64_t raise_descriptor_limit() noexcept {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 0;
  auto raised = limit;
  raised.rlim_cur = raised.rlim_max;
  return ::setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur : limit.rlim_cur;
}

}  // namespace troupe::actors
