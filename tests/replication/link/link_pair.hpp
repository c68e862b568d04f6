// Two links and the connection between them, in one thread: for tests of whole dialogues.
//
// Bytes written by one side wait in a pipe until they are delivered, all or some; what was ever
// written stays known, so that a test can replay it to somebody else. A tamperer between the two
// may change bytes on their way.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "replication/link/peer_link.hpp"
#include "tests/replication/link/frame_fixture.hpp"
#include "tests/replication/link/handshake_fixture.hpp"

namespace troupe::tests {

inline constexpr std::uint64_t start_us = 1'000'000'000;

/// Gives `bytes` to a link in pieces of at most `piece`; what comes out is appended to `frames`. A
/// link that wants no more gets no more.
inline void feed(link::peer_link& to, std::string_view bytes, std::vector<frame_copy>& frames,
                 std::uint64_t now_us = start_us, std::size_t piece = SIZE_MAX) {
  while (!bytes.empty()) {
    const auto room = to.room();
    if (room.empty()) return;
    const auto size = std::min({room.size(), bytes.size(), piece});
    std::memcpy(room.data(), bytes.data(), size);
    to.received(size, now_us);
    bytes.remove_prefix(size);
    while (const auto frame = to.next()) {
      frames.push_back({frame->type, frame->shard, std::string(frame->body)});
    }
  }
}

/// What a link wants to send now, at most `count` bytes.
inline std::string drain(link::peer_link& from, std::uint64_t now_us = start_us,
                         std::size_t count = SIZE_MAX) {
  std::string bytes;
  for (;;) {
    const auto ready = from.sendable().substr(0, count - bytes.size());
    if (ready.empty()) return bytes;
    bytes += ready;
    from.sent(ready.size(), now_us);
  }
}

/// One side, what it received, and the pipe to the other.
struct link_end {
  link_end(const link::handshake_setup& setup, std::uint64_t now_us) : core(setup, now_us) {}

  link::peer_link core;
  std::vector<frame_copy> frames;
  std::string written;        // ever
  std::size_t delivered = 0;  // of that, to the other side
};

class link_pair {
 public:
  explicit link_pair(const link::handshake_setup& dials = dialler_setup(),
                     const link::handshake_setup& listens = listener_setup())
      : dialler(dials, start_us), listener(listens, start_us) {}

  /// Changes bytes that were just written, from `offset` of the stream on.
  using tamperer = std::function<void(link_end& from, std::size_t offset)>;

  link_end dialler;
  link_end listener;
  std::uint64_t now_us = start_us;
  tamperer tamper;

  void write(link_end& from, std::size_t count = SIZE_MAX) {
    const auto offset = from.written.size();
    from.written += drain(from.core, now_us, count);
    if (tamper && from.written.size() > offset) tamper(from, offset);
  }
  /// Delivers at most `count` bytes; false if there were none.
  bool deliver(link_end& from, link_end& to, std::size_t count) {
    const auto size = std::min(count, from.written.size() - from.delivered);
    feed(to.core, std::string_view(from.written).substr(from.delivered, size), to.frames, now_us);
    from.delivered += size;
    return size > 0;
  }
  /// Until nothing moves: everything is written and delivered, in pieces of at most `piece`.
  void settle(std::size_t piece = SIZE_MAX) {
    for (bool moved = true; moved;) {
      write(dialler);
      write(listener);
      moved = deliver(dialler, listener, piece);
      moved = deliver(listener, dialler, piece) || moved;
    }
  }
  void pass(std::uint64_t ms) {
    now_us += ms * 1000;
    dialler.core.on_time(now_us);
    listener.core.on_time(now_us);
  }
  [[nodiscard]] bool is_open() const { return dialler.core.is_open() && listener.core.is_open(); }
};

}  // namespace troupe::tests
