#include "actors/shard_transaction.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "actors/resp/piece_commands.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::actors {

shard_transaction::shard_transaction(transaction_order order, transaction_transport& transport,
                                     prng& random)
    : order_(std::move(order)), transport_(transport), random_(random) {}

void shard_transaction::start() {
  collect_shards();
  if (shards_.empty()) {
    all_paused();
  } else {
    pause_next();
  }
}

void shard_transaction::collect_shards() {
  std::set<shard_id> involved(order_.watched_shards.begin(), order_.watched_shards.end());
  for (const auto& command : order_.commands) {
    if (command.spec->handler == nullptr && command.spec->split == resp::split_rule::none) continue;
    const auto words = command.views();
    if (const auto one = single_shard_of(*command.spec, words, order_.shard_count)) {
      involved.insert(*one);
    } else {
      const resp::multi_shard_plan plan(*command.spec, words, order_.shard_count, random_);
      involved.insert(plan.shards().begin(), plan.shards().end());
    }
  }
  shards_.assign(involved.begin(), involved.end());
}

void shard_transaction::pause_next() { transport_.pause(shards_[paused_], order_.id); }

void shard_transaction::on_answer(shard_id shard, std::vector<transaction_answer> answers) {
  switch (stage_) {
    case stage::pausing:
      ++paused_;
      if (abandoned_) {
        release_all();
      } else if (paused_ < shards_.size()) {
        pause_next();  // invariant 1
      } else {
        all_paused();
      }
      return;
    case stage::checking:
      for (const auto& answer : answers) {
        dirty_ = dirty_ || answer.bytes != ":0\r\n";
        note(shard, answer);
      }
      if (--awaited_ > 0) return;
      if (dirty_) {
        finish_running();
      } else {
        stage_ = stage::running;
        run_on();
      }
      return;
    case stage::running: take_answers(shard, answers); return;
    case stage::releasing:
      for (const auto& answer : answers) note(shard, answer);
      if (--awaited_ == 0) stage_ = stage::finished;
      return;
    case stage::finished: return;
  }
}

void shard_transaction::all_paused() {
  if (order_.watched_shards.empty()) {
    stage_ = stage::running;
    run_on();
    return;
  }
  stage_ = stage::checking;
  awaited_ = order_.watched_shards.size();
  const auto watcher = fmt::format("{}", order_.watcher);
  for (const auto shard : order_.watched_shards) {
    transport_.run(shard, order_.id,
                   {{&resp::watch_check,
                     {resp::watch_check.name, watcher},
                     resp::protocol::resp2,
                     order_.level}});
  }
}

void shard_transaction::run_on() {
  while (at_ < order_.commands.size() && !abandoned_) {
    const auto& command = order_.commands[at_];
    if (command.spec->scope == resp::scope::connection ||
        command.spec->scope == resp::scope::transaction) {
      order_.run_here(command, replies_);
      ++at_;
      continue;
    }
    if (!run_singles()) run_plan();
    return;
  }
  finish_running();
}

bool shard_transaction::run_singles() {
  // Commands in a row for one shard travel together.
  std::vector<sent_piece> pieces;
  shard_id target{};
  for (auto i = at_; i < order_.commands.size(); ++i) {
    const auto& command = order_.commands[i];
    if (command.spec->handler == nullptr) break;
    auto words = command.views();
    const auto shard = single_shard_of(*command.spec, words, order_.shard_count);
    if (!shard || (!pieces.empty() && *shard != target)) break;
    target = *shard;
    pieces.push_back({command.spec, std::move(words), order_.protocol, order_.level});
  }
  if (pieces.empty()) return false;
  awaited_ = 1;
  transport_.run(target, order_.id, pieces);
  return true;
}

void shard_transaction::run_plan() {
  const auto& command = order_.commands[at_];
  plan_words_ = command.views();
  plan_ = std::make_unique<resp::multi_shard_plan>(*command.spec, plan_words_, order_.shard_count,
                                                   random_);
  send_plan_phase();
}

void shard_transaction::send_plan_phase() {
  const auto pieces = plan_->pieces();
  awaited_ = pieces.size();
  plan_replies_.assign(pieces.size(), {});
  for (const auto& piece : pieces) {
    transport_.run(piece.shard, order_.id,
                   {{piece.spec, piece.argv, resp::piece_protocol, order_.level}});
  }
}

void shard_transaction::take_answers(shard_id shard, std::vector<transaction_answer>& answers) {
  for (const auto& answer : answers) note(shard, answer);
  --awaited_;
  if (!plan_) {
    for (const auto& answer : answers) replies_ += answer.bytes;
    at_ += answers.size();
    run_on();
    return;
  }
  // At most one piece of a phase is in each shard.
  const auto pieces = plan_->pieces();
  const auto piece = std::ranges::find(pieces, shard, &resp::piece::shard);
  ENSURE(piece != pieces.end() && answers.size() == 1);
  plan_replies_[static_cast<std::size_t>(piece - pieces.begin())] =
      std::move(answers.front().bytes);
  if (awaited_ > 0) return;
  resp::reply_writer out(replies_, order_.protocol);
  const auto progress = plan_->advance(std::move(plan_replies_), out);
  if (progress == resp::multi_shard_plan::progress::next_phase && !abandoned_) {
    send_plan_phase();
    return;
  }
  plan_.reset();
  ++at_;
  run_on();
}

void shard_transaction::finish_running() {
  resp::reply_writer out(reply_, order_.protocol);
  if (dirty_) {
    out.null_array();
  } else {
    if (order_.what == transaction_order::kind::exec) out.array(order_.commands.size());
    out.encoded(replies_);
  }
  release_all();
}

void shard_transaction::release_all() {
  stage_ = paused_ == 0 ? stage::finished : stage::releasing;
  awaited_ = paused_;
  for (std::size_t i = 0; i < paused_; ++i) transport_.release(shards_[i], order_.id);
}

void shard_transaction::note(shard_id shard, const transaction_answer& answer) {
  if (answer.hold.value != 0) {
    const auto known = std::ranges::find(holds_, shard, &resp::hold_reason::shard);
    if (known == holds_.end()) {
      holds_.push_back({shard, resp::hold_kind::write, answer.hold, 0});
    } else {
      known->sequence = std::max(known->sequence, answer.hold);
    }
  }
  if (answer.last_write.value != 0) writes_.emplace_back(shard, answer.last_write);
}

}  // namespace troupe::actors
