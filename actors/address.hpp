// A host and a port as people write them: `127.0.0.1:7379`, `localhost:0`, `[::1]:7379`.
//
// Place: CAF-free part of actors/, used by configuration, HTTP server and gateway. Values only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace troupe::actors {

/// Where to listen. `host` is a name or a numeric address without brackets; port 0 = any free one.
struct address {
  std::string host;
  std::uint16_t port = 0;

  friend bool operator==(const address&, const address&) = default;
};

/// Parses `HOST:PORT`; an IPv6 host stands in brackets. Refuses everything else by name.
[[nodiscard]] result<address> parse_address(std::string_view text);

/// The inverse of parse_address.
[[nodiscard]] std::string to_string(const address& where);

/// True when only this machine can connect: `localhost`, 127.0.0.0/8 or ::1. A name that must be
/// resolved first is not believed.
[[nodiscard]] bool is_loopback(const address& where);

}  // namespace troupe::actors
