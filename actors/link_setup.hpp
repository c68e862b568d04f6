// What a handshake is given that comes from the system: a nonce, and how far a connection reaches.
//
// Place: CAF-free part of actors/; for both ends of a link, the console program's too.
#pragma once

#include "actors/runtime/socket.hpp"
#include "replication/link/handshake.hpp"
#include "storage/base/result.hpp"

namespace troupe::actors {

/// Whether both ends of a connection are loopback addresses.
[[nodiscard]] link::reach reach_of(const runtime::descriptor& socket);

/// From OpenSSL's source of secrets; `io_failed` if that has none.
[[nodiscard]] result<link::nonce> fresh_nonce();

}  // namespace troupe::actors
