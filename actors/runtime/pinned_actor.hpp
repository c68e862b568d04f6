// Classes behind our typed actors: `hosted` holds a State that handles the messages and counts them
// (actor_counters.hpp), `pinned` adds that the actor only ever runs on one execution unit, normally
// a reactor, in tests a unit stepped by hand.
//
// Invariant of pinned: whoever sends, and from whatever thread, the actor is resumed by its own
// unit; so its state is touched by one thread only, and actors of one unit may call each other's
// cores inline where actors/README.md allows it.
#pragma once

#include <caf/actor_config.hpp>
#include <caf/actor_system.hpp>
#include <caf/spawn_options.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <functional>
#include <memory>
#include <tuple>
#include <utility>

#include "actors/runtime/actor_counters.hpp"
#include "actors/runtime/mailbox_order.hpp"

namespace troupe::runtime {

/// An actor of interface `Handle`. `State` is constructed with (Handle::pointer self, arguments...)
/// on the actor's own thread when it starts, has `make_behavior()` and `static constexpr name`, and
/// is destroyed when the actor exits.
template <class State, class Handle>
class hosted : public Handle::base, public counted {
 public:
  using super = typename Handle::base;

  template <class... Arguments>
  explicit hosted(caf::actor_config& config, Arguments&&... arguments)
      : super(config),
        make_state_(maker(
            std::make_tuple(std::decay_t<Arguments>(std::forward<Arguments>(arguments))...))) {}

  ~hosted() override { take_over(this); }

  const char* name() const override { return State::name; }

  using super::enqueue;
  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit* unit) override {
    hand_over(element.get());
    counters_->arrived();
    super::enqueue(std::move(element), unit);
  }
  caf::invoke_message_result consume(caf::mailbox_element& element) override {
    take_over(&element);
    // Before it is handled: whoever is answered sees it counted.
    counters_->handled();
    auto* const tap = counters_->tap();
    if (tap == nullptr || !tap->wants_next()) return super::consume(element);
    return consume_tapped(element, *tap);
  }
  caf::resumable::resume_result resume(caf::execution_unit* unit, std::size_t most) override {
    const auto began = steady_ns();
    const auto left = super::resume(unit, most);
    counters_->worked(steady_ns() - began);
    return left;
  }

  [[nodiscard]] const std::shared_ptr<actor_counters>& counters() const noexcept override {
    return counters_;
  }

 protected:
  typename super::behavior_type make_behavior() override {
    state_ = std::exchange(make_state_, nullptr)(this);
    return state_->make_behavior();
  }

  void on_exit() override {
    state_.reset();
    hand_over(this);  // to whoever drops the last handle
  }

 private:
  caf::invoke_message_result consume_tapped(caf::mailbox_element& element, message_tap& tap) {
    tapped_message noted;
    const auto& content = element.content();
    if (content.size() > 0) noted.type = content.type(0);
    if (element.sender) noted.sender_id = element.sender->id();
    noted.at_ns = steady_ns();
    const auto outcome = super::consume(element);
    noted.took_ns = steady_ns() - noted.at_ns;
    tap.note(noted);
    return outcome;
  }

  using factory = std::function<std::unique_ptr<State>(typename Handle::pointer)>;

  /// Arguments are kept until the actor starts. They are shared because std::function copies.
  template <class Tuple>
  static factory maker(Tuple&& arguments) {
    auto kept = std::make_shared<std::decay_t<Tuple>>(std::forward<Tuple>(arguments));
    return [kept](typename Handle::pointer self) {
      return std::apply(
          [self](auto&... each) { return std::make_unique<State>(self, std::move(each)...); },
          *kept);
    };
  }

  const std::shared_ptr<actor_counters> counters_ = std::make_shared<actor_counters>();
  factory make_state_;
  std::unique_ptr<State> state_;
};

/// A hosted actor bound to the execution unit it was spawned with.
template <class State, class Handle>
class pinned final : public hosted<State, Handle> {
 public:
  using super = hosted<State, Handle>;
  using super::enqueue;

  template <class... Arguments>
  explicit pinned(caf::actor_config& config, Arguments&&... arguments)
      : super(config, std::forward<Arguments>(arguments)...), unit_(config.host) {}

  void enqueue(caf::mailbox_element_ptr element, caf::execution_unit*) override {
    super::enqueue(std::move(element), unit_);
  }
  void launch(caf::execution_unit*, bool lazy, bool hide) override {
    super::launch(unit_, lazy, hide);
  }

 private:
  caf::execution_unit* unit_;
};

/// Spawns `State` pinned to `unit`, which must outlive the actor.
template <class State, class Handle, class... Arguments>
[[nodiscard]] Handle spawn_pinned(caf::execution_unit& unit, Arguments&&... arguments) {
  caf::actor_config config{&unit};
  return unit.system().spawn_class<pinned<State, Handle>, caf::no_spawn_options>(
      config, std::forward<Arguments>(arguments)...);
}

/// Spawns `State` on a thread of its own, where it may block.
template <class State, class Handle, class... Arguments>
[[nodiscard]] Handle spawn_detached(caf::actor_system& system, Arguments&&... arguments) {
  return system.spawn<hosted<State, Handle>, caf::detached>(std::forward<Arguments>(arguments)...);
}

}  // namespace troupe::runtime
