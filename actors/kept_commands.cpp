#include "actors/kept_commands.hpp"

#include <utility>

#include "actors/resp/multi_shard.hpp"

namespace troupe::actors {

namespace {

std::size_t bytes_of(const std::vector<std::string>& words) {
  std::size_t bytes = 0;
  for (const auto& word : words) bytes += word.size();
  return bytes;
}

}  // namespace

void kept_commands::add(const resp::command_spec& spec, resp::arguments argv) {
  kept_command kept{&spec, {argv.begin(), argv.end()}, {}, false};
  if (kept.needs_shards()) {
    const auto shard_count = static_cast<std::uint32_t>(uses_.size());
    kept.shard = resp::single_shard_of(spec, argv, shard_count);
    if (kept.shard) {
      ++uses_[kept.shard->value];
    } else {
      for (const auto shard : resp::shards_of(spec, argv, shard_count)) {
        ++uses_[shard.value];
      }
    }
  }
  word_bytes_ += bytes_of(kept.words);
  word_count_ += kept.words.size();
  commands_.push_back(std::move(kept));
}

void kept_commands::add_sliced(const resp::command_spec& spec) {
  // Which shards its keys are in is found slice by slice, and so many are most likely in all.
  for (auto& count : uses_) ++count;
  commands_.push_back({&spec, {}, {}, true});
}

void kept_commands::give_back(std::size_t at) {
  const auto words = std::exchange(commands_[at].words, {});
  word_bytes_ -= bytes_of(words);
  word_count_ -= words.size();
}

}  // namespace troupe::actors
