// Pinned actors on a unit stepped by hand, in a system whose scheduler and clock are stepped, too.
#include "actors/runtime/pinned_actor.hpp"

#include <doctest/doctest.h>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/test_coordinator.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <utility>

#include "tests/actors/runtime/recorder.hpp"
#include "tests/actors/runtime/stepped_unit.hpp"

namespace troupe::tests {
namespace {

caf::actor_system_config& stepped(caf::actor_system_config& config) {
  config.set("scheduler.policy", caf::atom("testing"));
  return config;
}

struct stepped_system {
  caf::actor_system_config config;
  caf::actor_system system{stepped(config)};
  caf::scheduler::test_coordinator& scheduler =
      dynamic_cast<caf::scheduler::test_coordinator&>(system.scheduler());
  stepped_unit unit{system};

  ~stepped_system() {
    unit.run();
    scheduler.run();
  }
  recorder_actor spawn(recorder_notes& notes) {
    return runtime::spawn_pinned<recorder_state, recorder_actor>(unit, &notes);
  }
};

// Asks once. A class, because CAF 0.17 dereferences a null pointer to an empty tuple when a lambda
// is spawned, which UBSan reports.
class asker final : public caf::event_based_actor {
 public:
  asker(caf::actor_config& config, recorder_actor whom, int* answer)
      : caf::event_based_actor(config), whom_(std::move(whom)), answer_(answer) {}

 protected:
  caf::behavior make_behavior() override {
    request(whom_, std::chrono::seconds(1), 21).then([this](int doubled) { *answer_ = doubled; });
    return {};
  }

 private:
  recorder_actor whom_;
  int* answer_;
};

}  // namespace

TEST_CASE("a pinned actor runs on its own unit and on no other") {
  recorder_notes notes;
  stepped_system world;
  const auto recorder = world.spawn(notes);
  world.unit.run();
  CHECK(notes.alive == 1);
  caf::anon_send(recorder, 7);
  world.scheduler.run();
  CHECK(notes.numbers.empty());
  world.unit.run();
  CHECK(notes.numbers == std::vector<int>{7});
}

TEST_CASE("messages are handled one by one in the order sent") {
  recorder_notes notes;
  stepped_system world;
  const auto recorder = world.spawn(notes);
  world.unit.run();
  for (const int number : {1, 2, 3}) caf::anon_send(recorder, number);
  CHECK(world.unit.step());
  CHECK(notes.numbers == std::vector<int>{1});
  world.unit.run();
  CHECK(notes.numbers == std::vector<int>{1, 2, 3});
  CHECK_FALSE(world.unit.step());
}

TEST_CASE("an actor of the scheduler gets its answer from a pinned one after that one's unit ran") {
  recorder_notes notes;
  stepped_system world;
  const auto recorder = world.spawn(notes);
  int answer = 0;
  world.system.spawn<asker>(recorder, &answer);
  world.scheduler.run();
  CHECK(answer == 0);
  world.unit.run();
  world.scheduler.run();
  CHECK(answer == 42);
}

TEST_CASE("a delayed message waits for the clock and then for the unit") {
  recorder_notes notes;
  stepped_system world;
  const auto recorder = world.spawn(notes);
  caf::anon_send(recorder, caf::tick_atom::value);
  world.unit.run();
  CHECK(notes.numbers.empty());
  world.scheduler.advance_time(std::chrono::milliseconds(9));
  world.unit.run();
  CHECK(notes.numbers.empty());
  world.scheduler.advance_time(std::chrono::milliseconds(1));
  CHECK(notes.numbers.empty());
  world.unit.run();
  CHECK(notes.numbers == std::vector<int>{1000});
}

TEST_CASE("the state goes when the actor is told to exit, on its unit") {
  recorder_notes notes;
  stepped_system world;
  const auto recorder = world.spawn(notes);
  world.unit.run();
  caf::anon_send_exit(recorder, caf::exit_reason::user_shutdown);
  CHECK(notes.alive == 1);
  world.unit.run();
  CHECK(notes.alive == 0);
}

}  // namespace troupe::tests
