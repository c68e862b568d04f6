// An actor that writes down what it is told, for tests of where and when actors run.
#pragma once

#include <atomic>
#include <caf/atom.hpp>
#include <caf/replies_to.hpp>
#include <caf/typed_actor.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <chrono>
#include <thread>
#include <vector>

namespace troupe::tests {

/// Doubles numbers; a tick_atom makes it send itself an update_atom 10 ms later, noted as 1000.
using recorder_actor =
    caf::typed_actor<caf::replies_to<int>::with<int>, caf::reacts_to<caf::tick_atom>,
                     caf::reacts_to<caf::update_atom>>;

/// What one recorder saw. Touched by the recorder's thread but for the counts.
struct recorder_notes {
  std::vector<int> numbers;
  std::vector<std::thread::id> threads;
  std::atomic<int> count{0};
  std::atomic<int> alive{0};
};

class recorder_state {
 public:
  static constexpr const char* name = "recorder";

  recorder_state(recorder_actor::pointer self, recorder_notes* notes)
      : self_(self), notes_(*notes) {
    ++notes_.alive;
  }
  ~recorder_state() { --notes_.alive; }
  recorder_state(const recorder_state&) = delete;
  recorder_state& operator=(const recorder_state&) = delete;

  recorder_actor::behavior_type make_behavior() {
    return {
        [this](int number) {
          notes_.numbers.push_back(number);
          notes_.threads.push_back(std::this_thread::get_id());
          ++notes_.count;
          return number * 2;
        },
        [this](caf::tick_atom) {
          self_->delayed_send(self_, std::chrono::milliseconds(10), caf::update_atom::value);
        },
        [this](caf::update_atom) { notes_.numbers.push_back(1000); },
    };
  }

 private:
  recorder_actor::pointer self_;
  recorder_notes& notes_;
};

}  // namespace troupe::tests
