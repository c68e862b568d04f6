// Parts of stand-ins for actors: they note what a test expects and fail it for everything else.
#pragma once

#include <capnp/schema.h>
#include <doctest/doctest.h>

#include <caf/event_based_actor.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "actors/interfaces.hpp"

namespace troupe::tests {

using actors::envelope;

/// A handler of a message that must not come.
template <class T>
auto unexpected() {
  return [](const envelope<T>&) {
    FAIL_CHECK("unexpected message "
               << capnp::Schema::from<T>().getProto().getDisplayName().cStr());
  };
}
/// The same for a message that has a second one beside it.
template <class T, class Beside>
auto unexpected_with() {
  return [](const envelope<T>& message, const envelope<Beside>&) { unexpected<T>()(message); };
}
/// The same for a request.
template <class T, class Answer>
auto unexpected_request() {
  return [](const envelope<T>& message) {
    unexpected<T>()(message);
    return typename envelope<Answer>::builder().finish();
  };
}

inline auto unexpected_tick() {
  return [](caf::tick_atom) { FAIL_CHECK("unexpected tick"); };
}

/// Sends one StatisticsRequest and keeps the answer. A class, because CAF 0.17 dereferences a null
/// pointer to an empty tuple when a lambda is spawned, which UBSan reports.
template <class Handle, class Answer>
class statistics_asker final : public caf::event_based_actor {
 public:
  statistics_asker(caf::actor_config& config, Handle whom, std::optional<envelope<Answer>>* answer)
      : caf::event_based_actor(config), whom_(std::move(whom)), answer_(answer) {}

 protected:
  caf::behavior make_behavior() override {
    request(whom_, std::chrono::seconds(60),
            envelope<schemas::StatisticsRequest>::builder().finish())
        .then([this](const envelope<Answer>& answer) { *answer_ = answer; });
    return {};
  }

 private:
  Handle whom_;
  std::optional<envelope<Answer>>* answer_;
};

}  // namespace troupe::tests
