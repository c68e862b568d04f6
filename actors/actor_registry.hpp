// actor_registry: what the node knows of the actors it watches: where they run, what they count,
// how often they were made anew, and who watches their messages.
//
// Place: actors; owned by the supervisor, on its thread.
// Invariant: an actor is listed under its name for ever, dead or alive.
#pragma once

#include <caf/actor_control_block.hpp>
#include <caf/actor_system.hpp>
#include <caf/fwd.hpp>
#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "actors/runtime/actor_counters.hpp"
#include "actors/statistics.hpp"
#include "schemas/admin.capnp.h"
#include "schemas/envelope.hpp"

namespace troupe::actors {

/// The figures of one actor, as far as they are counted; `actor` is one of ours.
[[nodiscard]] actor_figures figures_of(const runtime::actor_counters& counters);
[[nodiscard]] std::shared_ptr<runtime::actor_counters> counters_of(
    const caf::strong_actor_ptr& actor);

class actor_registry {
 public:
  explicit actor_registry(caf::actor_system& system) : system_(system) {}

  /// An actor begins under that name; the one that had it before is dead.
  void add(std::string name, std::string place, const caf::strong_actor_ptr& actor);
  void note_death(caf::actor_id id);
  [[nodiscard]] std::vector<actor_figures> figures() const;

  /// What an actor handled since the last call for it; the first begins to watch. Each call has to
  /// be followed by one of end_watch(), in the same order.
  [[nodiscard]] schemas::envelope<schemas::TapAnswer> tap(std::string_view name);
  /// Some time after a tap(): whoever did not ask again since watches no more.
  void end_watch();

 private:
  struct entry {
    actor_figures figures;
    caf::actor_id id = 0;
    std::shared_ptr<runtime::actor_counters> counters;
    std::size_t watches = 0;  // calls of tap() not followed by end_watch()
  };

  [[nodiscard]] std::string name_of(caf::actor_id id) const;
  [[nodiscard]] std::string type_name(const runtime::tapped_message& message) const;

  caf::actor_system& system_;
  std::vector<entry> entries_;
  std::deque<std::string> watched_;  // in the order of tap()
};

}  // namespace troupe::actors
