#include "actors/link_setup.hpp"

#include <openssl/rand.h>

#include <string>

#include "actors/address.hpp"

namespace troupe::actors {

namespace {

bool is_loopback_name(const std::string& name) {
  const auto parsed = parse_address(name);
  return parsed && is_loopback(*parsed);
}

}  // namespace

link::reach reach_of(const runtime::descriptor& socket) {
  const auto is_local =
      is_loopback_name(runtime::peer_name(socket)) && is_loopback_name(runtime::local_name(socket));
  return is_local ? link::reach::loopback : link::reach::network;
}

result<link::nonce> fresh_nonce() {
  link::nonce once;
  if (::RAND_bytes(once.data(), static_cast<int>(once.size())) != 1) {
    return failure{errc::io_failed, "OpenSSL has no random bytes for a link"};
  }
  return once;
}

}  // namespace troupe::actors
