#include "actors/shard_steering.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace troupe::actors {

using schemas::envelope;

void shard_steering::take(const envelope<schemas::SteerShard>& order, promise asker,
                          std::uint64_t now_us) {
  const envelope<schemas::SteerShard>::reader wanted(order);
  switch (wanted->which()) {
    case schemas::SteerShard::FLUSH:
      if (resume_at_us_)
        return refuse(asker, "it is paused: nothing is committed until it resumes");
      if (flushes_.size() == flushes_max) return refuse(asker, "too many wait for it already");
      core_.demand_commit();
      flushes_.push_back({std::move(asker), core_.appended()});
      return answer_flushes();
    case schemas::SteerShard::PAUSE_SECONDS:
      return pause(wanted->getPauseSeconds(), std::move(asker), now_us);
    case schemas::SteerShard::RESUME:
      if (!resume_at_us_) return refuse(asker, "it is not paused");
      resume();
      return confirm(std::move(asker));
  }
}

void shard_steering::pause(std::uint32_t seconds, promise asker, std::uint64_t now_us) {
  if (resume_at_us_) return refuse(asker, "it is paused already");
  resume_at_us_ = now_us + seconds * std::uint64_t{1'000'000};
  pausing_ = std::move(asker);
  core_.pause(lane);
}

void shard_steering::on_granted() {
  if (auto asker = std::exchange(pausing_, std::nullopt)) confirm(std::move(*asker));
}

void shard_steering::on_tick(std::uint64_t now_us) {
  if (resume_at_us_ && (now_us >= *resume_at_us_ || core_.failed())) resume();
}

void shard_steering::resume() {
  if (!std::exchange(resume_at_us_, std::nullopt)) return;
  if (auto asker = std::exchange(pausing_, std::nullopt)) {
    refuse(std::move(*asker), "a transaction held it until the pause was over");
  }
  core_.release(lane);
}

void shard_steering::answer_flushes() {
  std::erase_if(flushes_, [this](flush& each) {
    if (core_.failed()) {
      refuse(std::move(each.asker), core_.failed()->message);
    } else if (core_.durable() >= each.upto) {
      confirm(std::move(each.asker));
    } else {
      return false;
    }
    return true;
  });
}

void shard_steering::refuse(promise asker, std::string_view why) {
  envelope<schemas::ShardSteered>::builder answer;
  answer->setFailed(schemas::text(std::string(why)));
  asker.deliver(answer.finish());
}

void shard_steering::confirm(promise asker) const {
  envelope<schemas::ShardSteered>::builder answer;
  answer->setDurable(core_.durable().value);
  asker.deliver(answer.finish());
}

}  // namespace troupe::actors
