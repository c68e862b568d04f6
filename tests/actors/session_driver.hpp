// How tests talk to a session in place of a socket: bytes in, bytes out.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "actors/session.hpp"

namespace troupe::tests {

/// Gives `sent` to the session as a socket would, piece by piece, and calls `run` after each.
template <class Run>
void receive(actors::session& client, std::string_view sent, const Run& run) {
  while (!sent.empty()) {
    const auto room = client.room();
    const auto count = std::min(room.size(), sent.size());
    std::copy_n(sent.begin(), count, room.begin());
    client.received(count);
    sent.remove_prefix(count);
    run();
  }
}

/// Everything that may be sent to the client now.
inline std::string take_replies(actors::session& client) {
  std::string all;
  for (auto ready = client.sendable(); !ready.empty(); ready = client.sendable()) {
    all += ready;
    client.sent(ready.size());
  }
  return all;
}

}  // namespace troupe::tests
