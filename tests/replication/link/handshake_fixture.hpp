// Who meets whom in tests of the link: ids, nonces and setups of both sides.
#pragma once

#include <cstdint>
#include <string_view>

#include "replication/link/handshake.hpp"

namespace troupe::tests {

inline constexpr std::string_view test_secret = "the secret of the tests";

template <class Id>
Id id_of(std::uint8_t byte) {
  Id id;
  id.value.bytes.fill(byte);
  return id;
}
inline link::nonce nonce_of(std::uint8_t byte) {
  link::nonce once;
  once.fill(byte);
  return once;
}

inline link::handshake_setup dialler_setup() {
  return {.side = link::link_side::dialler,
          .role = link::link_role::member,
          .addresses = link::reach::network,
          .cluster = id_of<cluster_id>(0xc1),
          .node = id_of<node_id>(0xd1),
          .secret = test_secret,
          .once = nonce_of(0xd2),
          .exporter = {}};
}
inline link::handshake_setup listener_setup() {
  return {.side = link::link_side::listener,
          .role = link::link_role::member,
          .addresses = link::reach::network,
          .cluster = id_of<cluster_id>(0xc1),
          .node = id_of<node_id>(0xe1),
          .secret = test_secret,
          .once = nonce_of(0xe2),
          .exporter = {}};
}
inline link::handshake_setup console_setup() {
  auto setup = dialler_setup();
  setup.role = link::link_role::console;
  setup.cluster = {};
  setup.node = {};
  return setup;
}

}  // namespace troupe::tests
