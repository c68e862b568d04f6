// How many descriptors the process may have, and how many of them clients may take.
//
// Place: actors, CAF-free; asked once when a node starts. Why: a client takes one descriptor, and a
// shard needs some while it works. Would clients take the last ones, the next segment could not be
// opened and the shard's log would fail. So places for clients are what the node itself leaves.
#pragma once

#include <cstdint>

#include "storage/base/result.hpp"

namespace troupe::actors {

struct descriptor_needs {
  std::uint32_t shards = 1;
  std::uint32_t reactors = 1;
};

/// Descriptors that a node needs beside those of its clients.
[[nodiscard]] std::uint64_t descriptors_beside_clients(const descriptor_needs& needs) noexcept;

/// How many clients a node may have when the process may open `limit` descriptors: at most
/// limits::clients_max; `refused` if there is none for any client.
[[nodiscard]] result<std::uint32_t> clients_within(std::uint64_t limit,
                                                   const descriptor_needs& needs);

/// Raises the limit of this process as far as it may without privileges; returns what holds now.
std::uint64_t raise_descriptor_limit() noexcept;

}  // namespace troupe::actors
