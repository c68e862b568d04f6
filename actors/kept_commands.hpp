// kept_commands: commands kept beyond the read buffer they came in, with the shards they need: a
// MULTI block as it grows, then the order of a transaction.
//
// Place: actors, CAF-free; owned by a session, then by its transaction, on the gateway's thread.
// Invariants:
//  1. Adding one costs the same however many there are, and finds its shards once: EXEC of a large
//     block begins without looking at all of it.
//  2. Words given back are gone; everything else of a command stays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "actors/resp/command_table.hpp"
#include "storage/base/ids.hpp"

namespace troupe::actors {

/// A command kept beyond the read buffer it came in.
struct kept_command {
  const resp::command_spec* spec = nullptr;
  std::vector<std::string> words;
  /// The shard that runs it by one call of its handler. None: it is for the connection, or takes a
  /// plan over several shards.
  std::optional<shard_id> shard;
  /// It is run as a resp::sliced_command, its words are not here.
  bool sliced = false;

  [[nodiscard]] std::vector<std::string_view> views() const { return {words.begin(), words.end()}; }
  /// True for a command of a shard scope.
  [[nodiscard]] bool needs_shards() const { return spec->handler != nullptr; }
};

/// Commands in the order they were added.
class kept_commands {
 public:
  explicit kept_commands(std::uint32_t shard_count) : uses_(shard_count) {}

  /// Copies a command that was checked (resp::check_command).
  void add(const resp::command_spec& spec, resp::arguments argv);
  /// Adds a command that stands alone and goes in slices; it may use every shard.
  void add_sliced(const resp::command_spec& spec);
  /// Frees the words of a command that is done.
  void give_back(std::size_t at);

  [[nodiscard]] const kept_command& operator[](std::size_t at) const { return commands_[at]; }
  [[nodiscard]] std::size_t size() const noexcept { return commands_.size(); }
  /// Of all their words.
  [[nodiscard]] std::size_t word_bytes() const noexcept { return word_bytes_; }
  /// What they make the node hold.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return word_bytes_ + word_count_ * sizeof(std::string) +
           commands_.size() * sizeof(kept_command);
  }
  /// How many of those that were added may use each shard.
  [[nodiscard]] const std::vector<std::uint32_t>& uses() const noexcept { return uses_; }

 private:
  std::deque<kept_command> commands_;
  std::vector<std::uint32_t> uses_;  // by shard
  std::size_t word_bytes_ = 0;
  std::size_t word_count_ = 0;
};

}  // namespace troupe::actors
