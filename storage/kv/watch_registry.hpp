// Who watches which keys, and whose keys were changed since: Redis' WATCH.
//
// Place: storage/kv, owned by a store, which tells it of every change.
// Invariants:
//  1. A watcher becomes dirty by any change of one of its keys, and stays so until it is forgotten.
//  2. A key that was expired when it was watched may vanish without making anybody dirty; from then
//     on it counts as absent.
//  3. Expiry is not a change by itself: the store asks `keys_of` and looks at the clock.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "storage/kv/types.hpp"

namespace troupe::kv {

/// A key somebody watches.
struct watched_key {
  std::string key{};
  key_hash hash{};
  bool expired = false;  ///< when it was watched, and not removed since
};

/// The watchers of one store.
class watch_registry {
 public:
  [[nodiscard]] bool empty() const noexcept { return watchers_.empty(); }

  /// Adds a key to those of `who`; once is enough.
  void watch(watcher_id who, watched_key what);
  void unwatch(watcher_id who);
  [[nodiscard]] bool is_dirty(watcher_id who) const;
  /// Keys of `who`; empty if it watches nothing.
  [[nodiscard]] std::span<const watched_key> keys_of(watcher_id who) const;

  /// The key has another value or deadline now.
  void changed(std::string_view key);
  /// The key was removed; `expired`: because its deadline had passed.
  void removed(std::string_view key);
  /// All keys for which `existed(watched_key)` holds were removed.
  template <class Existed>
  void flushed(Existed&& existed);

 private:
  struct watcher {
    std::vector<watched_key> keys;
    bool dirty = false;
  };
  struct by_view {
    using is_transparent = void;
    std::size_t operator()(std::string_view key) const noexcept {
      return std::hash<std::string_view>{}(key);
    }
  };

  watched_key* find_in(watcher_id who, std::string_view key);

  std::unordered_map<std::uint64_t, watcher> watchers_;
  std::unordered_map<std::string, std::vector<watcher_id>, by_view, std::equal_to<>> by_key_;
};

template <class Existed>
void watch_registry::flushed(Existed&& existed) {
  for (auto& [key, who] : by_key_) {
    for (const watcher_id id : who) {
      watched_key* watched = find_in(id, key);
      if (watched->expired)
        watched->expired = false;
      else if (existed(*watched))
        watchers_.at(id.value).dirty = true;
    }
  }
}

}  // namespace troupe::kv
