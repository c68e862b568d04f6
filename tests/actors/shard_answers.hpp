// How tests pass what one shard says to the one session it answers, in place of messages.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "actors/session.hpp"
#include "tests/actors/one_shard.hpp"

namespace troupe::tests {

/// Passes on replies and parts of streams; false if there were none.
inline bool pass_answers(one_shard& shard, actors::session& client) {
  bool moved = false;
  for (auto& answer : std::exchange(shard.replies, {})) {
    if (answer.streams.empty()) {
      client.on_reply({0}, answer.ticket, std::move(answer.bytes), answer.outcome);
    } else {
      const auto marks = actors::marks_of(answer.streams, {0});
      client.on_streamed_reply({0}, answer.ticket, {std::move(answer.bytes), marks},
                               answer.outcome);
    }
    moved = true;
  }
  for (auto& part : std::exchange(shard.parts, {})) {
    if (part.why) {
      client.on_part({0}, part.stream, part.index, *part.why);
    } else {
      const auto kept = std::make_shared<const std::string>(std::move(part.bytes));
      client.on_part({0}, part.stream, part.index, resp::shared_bytes{kept, *kept});
    }
    moved = true;
  }
  return moved;
}

}  // namespace troupe::tests
