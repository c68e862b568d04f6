#include "actors/actor_registry.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <caf/uniform_type_info_map.hpp>
#include <utility>

#include "actors/statistics_codec.hpp"

namespace troupe::actors {

std::shared_ptr<runtime::actor_counters> counters_of(const caf::strong_actor_ptr& actor) {
  const auto* one = dynamic_cast<const runtime::counted*>(actor->get());
  return one == nullptr ? nullptr : one->counters();
}

actor_figures figures_of(const runtime::actor_counters& counters) {
  actor_figures now;
  now.mailbox = counters.mailbox_depth();
  now.messages = counters.messages();
  now.busy_us = counters.busy_us();
  return now;
}

void actor_registry::add(std::string name, std::string place, const caf::strong_actor_ptr& actor) {
  auto at = std::ranges::find(entries_, name, [](const entry& each) { return each.figures.name; });
  if (at == entries_.end()) {
    entries_.emplace_back();
    at = entries_.end() - 1;
    at->figures.name = std::move(name);
  } else {
    ++at->figures.restarts;
  }
  at->figures.place = std::move(place);
  at->figures.state = "running";
  at->id = actor->id();
  at->counters = counters_of(actor);
}

void actor_registry::note_death(caf::actor_id id) {
  for (auto& each : entries_) {
    if (each.id == id) each.figures.state = "dead";
  }
}

std::vector<actor_figures> actor_registry::figures() const {
  std::vector<actor_figures> all;
  for (const auto& each : entries_) {
    auto now = each.counters ? figures_of(*each.counters) : actor_figures{};
    now.name = each.figures.name;
    now.place = each.figures.place;
    now.state = each.figures.state;
    now.restarts = each.figures.restarts;
    all.push_back(std::move(now));
  }
  return all;
}

std::string actor_registry::name_of(caf::actor_id id) const {
  if (id == 0) return {};
  const auto at = std::ranges::find(entries_, id, &entry::id);
  return at == entries_.end() ? std::string() : at->figures.name;
}

/// "LogFrame" for an envelope of it, else what CAF calls it.
std::string actor_registry::type_name(const runtime::tapped_message& message) const {
  if (message.type.first == 0 && message.type.second == nullptr) return "nothing";
  std::string_view name = system_.types().portable_name(message.type);
  if (!name.ends_with('>')) return std::string(name);
  name.remove_suffix(1);
  return std::string(name.substr(name.find_last_of(":<") + 1));
}

schemas::envelope<schemas::TapAnswer> actor_registry::tap(std::string_view name) {
  watched_.emplace_back(name);
  const auto at =
      std::ranges::find(entries_, name, [](const entry& each) { return each.figures.name; });
  if (at == entries_.end() || !at->counters) {
    schemas::envelope<schemas::TapAnswer>::builder none;
    none->setFailed(schemas::text(fmt::format("there is no actor '{}': actors lists them", name)));
    return none.finish();
  }
  ++at->watches;
  auto& tap = at->counters->watch();
  const auto lines = tap.drain();
  schemas::envelope<schemas::TapAnswer>::builder answer(256 + lines.size() * 96);
  answer->setMissed(tap.missed());
  auto list = answer->initMessages(static_cast<unsigned>(lines.size()));
  for (unsigned i = 0; i < list.size(); ++i) {
    list[i].setAtNs(lines[i].at_ns);
    list[i].setTookNs(lines[i].took_ns);
    list[i].setFrom(schemas::text(name_of(lines[i].sender_id)));
    list[i].setType(schemas::text(type_name(lines[i])));
  }
  return answer.finish();
}

void actor_registry::end_watch() {
  if (watched_.empty()) return;
  const auto name = std::move(watched_.front());
  watched_.pop_front();
  const auto at =
      std::ranges::find(entries_, name, [](const entry& each) { return each.figures.name; });
  if (at == entries_.end() || at->watches == 0) return;
  if (--at->watches == 0) at->counters->unwatch();
}

}  // namespace troupe::actors
