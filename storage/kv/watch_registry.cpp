#include "storage/kv/watch_registry.hpp"

#include <algorithm>
#include <utility>

namespace troupe::kv {

watched_key* watch_registry::find_in(watcher_id who, std::string_view key) {
  const auto at = watchers_.find(who.value);
  if (at == watchers_.end()) return nullptr;
  for (watched_key& watched : at->second.keys)
    if (watched.key == key) return &watched;
  return nullptr;
}

void watch_registry::watch(watcher_id who, watched_key what) {
  if (find_in(who, what.key) != nullptr) return;
  by_key_[what.key].push_back(who);
  watchers_[who.value].keys.push_back(std::move(what));
}

void watch_registry::unwatch(watcher_id who) {
  const auto at = watchers_.find(who.value);
  if (at == watchers_.end()) return;
  for (const watched_key& watched : at->second.keys) {
    const auto users = by_key_.find(watched.key);
    std::erase(users->second, who);
    if (users->second.empty()) by_key_.erase(users);
  }
  watchers_.erase(at);
}

bool watch_registry::is_dirty(watcher_id who) const {
  const auto at = watchers_.find(who.value);
  return at != watchers_.end() && at->second.dirty;
}

std::span<const watched_key> watch_registry::keys_of(watcher_id who) const {
  const auto at = watchers_.find(who.value);
  if (at == watchers_.end()) return {};
  return at->second.keys;
}

void watch_registry::changed(std::string_view key) {
  const auto users = by_key_.find(key);
  if (users == by_key_.end()) return;
  for (const watcher_id who : users->second) watchers_.at(who.value).dirty = true;
}

void watch_registry::removed(std::string_view key) {
  const auto users = by_key_.find(key);
  if (users == by_key_.end()) return;
  for (const watcher_id who : users->second) {
    watched_key* watched = find_in(who, key);
    if (watched->expired)
      watched->expired = false;
    else
      watchers_.at(who.value).dirty = true;
  }
}

}  // namespace troupe::kv
