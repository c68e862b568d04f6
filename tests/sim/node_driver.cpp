#include "tests/sim/node_driver.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "storage/base/ensure.hpp"

namespace troupe::sim {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t clients = 5;
constexpr std::uint64_t transaction_bit = std::uint64_t{1} << 63;
/// Far above what any life needs to come to rest.
constexpr std::uint32_t settle_steps_max = 200'000;
/// Lanes of transactions that do not pause, for the bug no_pause.
constexpr std::uint32_t fake_gateway = 1;

actors::queued_command kept(std::uint64_t ticket, const resp::command_spec* spec,
                            std::vector<std::string> words,
                            const actors::client_settings& settings) {
  const auto owner = std::make_shared<const std::vector<std::string>>(std::move(words));
  return {ticket, spec, settings, {owner->begin(), owner->end()}, owner};
}

}  // namespace

node_driver::node_driver(disk& disk, std::uint64_t seed, node_canary bug)
    : disk_(disk), bug_(bug), random_(seed), durable_(shards), log_failures_(shards) {}

node_driver::~node_driver() { close(); }

void node_driver::complain(std::string what) {
  if (!violation_) violation_ = std::move(what);
}

void node_driver::close() {
  // A session that ends says goodbye to the shards it watches keys in.
  clients_.clear();
  fakes_.clear();
  for (auto& shard : shards_) shard.reset();
}

bool node_driver::open() {
  close();
  poisoned_ = false;
  counts_.clear();
  const auto promises =
      bug_ == node_canary::acknowledge_early ? promise_time::when_sent : promise_time::when_durable;
  for (std::uint32_t i = 0; i < shards; ++i) {
    shards_[i] = std::make_unique<node_shard>(disk_, shard_id{i}, time_, random_, promises);
    // Values of one kind of node stay in memory, those of the other go cold at once.
    const auto opened = shards_[i]->open(random_.one_in(2) ? 1 << 20 : 0);
    if (!opened) {
      if (!disk_.crashed()) complain("cannot open: " + opened.error().message);
      return false;
    }
    durable_[i] = shards_[i]->core().durable();
    log_failures_[i].clear();
  }
  actors::session_services& services = *this;
  for (std::uint64_t id = 1; id <= clients; ++id) {
    client made;
    made.settings = std::make_unique<actors::live_settings>();
    // The first is asked by the driver itself.
    if (id > 1) made.settings->level = static_cast<durability>(random_.below(3));
    made.environment = std::make_unique<actors::session_environment>(actors::session_environment{
        config_, *made.settings, counted_, commands_, time_, time_, random_, shards,
        index::key_hasher{7}, durable_, log_failures_});
    made.session = std::make_unique<actors::session>(actors::session_identity{id, 0, -1, {}, {}},
                                                     *made.environment, services);
    clients_.push_back(std::move(made));
  }
  return check_recovered();
}

// ---- who does what next ------------------------------------------------------------------------

void node_driver::step() {
  const auto shard = static_cast<std::uint32_t>(random_.below(shards));
  switch (random_.below(10)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4: shards_[shard]->step(); break;
    case 5:
    case 6: deliver(shard); break;
    case 7:
      time_.advance(std::chrono::microseconds(random_.below(4000)));
      if (random_.one_in(20)) time_.advance(150ms);
      break;
    default: work(clients_[random_.below(clients_.size())]); break;
  }
}

bool node_driver::live(std::uint32_t steps) {
  for (std::uint32_t i = 0; i < steps && !went_wrong(); ++i) {
    auto& who = clients_[1 + random_.below(clients_.size() - 1)];
    if (who.doing == task::none && random_.one_in(8)) begin(who);
    step();
  }
  return !went_wrong();
}

bool node_driver::settle() {
  for (std::uint32_t i = 0; i < settle_steps_max && !went_wrong(); ++i) {
    const auto busy = std::ranges::any_of(clients_, [](const client& each) {
      return each.doing != task::none && each.doing != task::broken;
    });
    const auto idle =
        std::ranges::all_of(shards_, [](const auto& each) { return each->is_idle(); });
    if (!busy && idle) return true;
    for (auto& shard : shards_) shard->core().demand_commit();
    step();
  }
  if (!went_wrong()) complain("the node never comes to rest");
  return false;
}

void node_driver::work(client& who) {
  while (who.session->process()) {
  }
  for (auto ready = who.session->sendable(); !ready.empty(); ready = who.session->sendable()) {
    who.received += ready;
    who.session->sent(ready.size());
  }
  take_replies(who);
}

void node_driver::deliver(std::uint32_t shard) {
  const auto message = shards_[shard]->take_message();
  if (!message) {
    if (fakes_.empty() || fakes_.front().missing > 0) return;
    const auto fake = fakes_.front();
    fakes_.erase(fakes_.begin());
    clients_.at((fake.transaction & ~transaction_bit) - 1)
        .session->on_transaction_answer({fake.shard}, fake.answers);
    return;
  }
  switch (message->what) {
    case shard_message::kind::reply: {
      const auto& reply = message->answers.front();
      if (reply.lane.gateway == fake_gateway) return take_fake(shard, reply);
      clients_.at(reply.lane.connection - 1)
          .session->on_reply({shard}, reply.ticket, reply.bytes, reply.outcome);
      return;
    }
    case shard_message::kind::transaction: {
      std::vector<actors::transaction_answer> answers;
      for (const auto& each : message->answers) {
        answers.push_back({each.bytes, each.outcome.hold, each.outcome.last_write});
      }
      // Only the question whether a watched key was touched is answered by one number.
      if (bug_ == node_canary::blind_watch && answers.size() == 1 && answers[0].bytes == ":1\r\n") {
        answers[0].bytes = ":0\r\n";
      }
      clients_.at((message->transaction.connection & ~transaction_bit) - 1)
          .session->on_transaction_answer({shard}, std::move(answers));
      return;
    }
    case shard_message::kind::watermark: break;
  }
  durable_[shard] = message->durable;
  log_failures_[shard] = message->failed;
  poisoned_ = poisoned_ || !message->failed.empty();
  for (auto& each : clients_) {
    if (!each.session->awaits_watermark()) continue;
    if (message->failed.empty()) {
      each.session->on_watermark({shard}, message->durable);
    } else {
      each.session->on_log_failed({shard});
    }
  }
}

// ---- what sessions ask of their gateway --------------------------------------------------------

actors::shard_core* node_driver::local_shard(shard_id shard) {
  if (!shards_[shard.value]) return nullptr;
  // The shard of this reactor may be called at once, if nothing waits in its mailbox that a call
  // would overtake.
  return shard.value == 0 && shards_[0]->mailbox_empty() ? &shards_[0]->core() : nullptr;
}

void node_driver::send_command(shard_id shard, std::uint64_t connection, std::uint64_t ticket,
                               const actors::shard_call& call) {
  if (!shards_[shard.value]) return;
  auto command = kept(ticket, call.spec, {call.argv.begin(), call.argv.end()}, call.client);
  shards_[shard.value]->post(
      [connection, command = std::move(command)](actors::shard_core& core) mutable {
        core.enqueue({0, connection}, std::move(command));
      });
}

void node_driver::demand_commit(shard_id shard, lsn) {
  shards_[shard.value]->post([](actors::shard_core& core) { core.demand_commit(); });
}

void node_driver::pause(shard_id shard, std::uint64_t transaction) {
  if (bug_ == node_canary::no_pause) return answer_fake(shard, transaction, {});
  shards_[shard.value]->post([transaction](actors::shard_core& core) {
    core.pause({0, transaction});
  });
}

void node_driver::run(shard_id shard, std::uint64_t transaction,
                      const std::vector<actors::sent_piece>& pieces) {
  std::vector<actors::queued_command> commands;
  for (const auto& piece : pieces) {
    const auto& words = piece.words;
    if (words[0] == "INCRBY" && words[1].starts_with("account")) {
      ledgers_[shard.value].run.push_back({std::stoll(std::string(words[2])), piece.level});
    }
    commands.push_back(kept(commands.size() + 1, piece.spec, {words.begin(), words.end()},
                            {piece.protocol, piece.level, piece.reads}));
  }
  if (bug_ == node_canary::no_pause) {
    fakes_.push_back({shard.value, transaction, {}, commands.size()});
    shards_[shard.value]->post(
        [transaction, commands = std::move(commands)](actors::shard_core& core) mutable {
          for (auto& each : commands) core.enqueue({fake_gateway, transaction}, std::move(each));
        });
    return;
  }
  shards_[shard.value]->post(
      [transaction, commands = std::move(commands)](actors::shard_core& core) mutable {
        core.run_pieces({0, transaction}, std::move(commands));
      });
}

void node_driver::release(shard_id shard, std::uint64_t transaction) {
  if (!shards_[shard.value]) return;
  if (bug_ == node_canary::no_pause) return answer_fake(shard, transaction, {{}});
  shards_[shard.value]->post([transaction](actors::shard_core& core) {
    core.release({0, transaction});
  });
}

void node_driver::answer_fake(shard_id shard, std::uint64_t transaction,
                              std::vector<actors::transaction_answer> answers) {
  fakes_.push_back({shard.value, transaction, std::move(answers), 0});
}

void node_driver::take_fake(std::uint32_t shard, const actors::shard_reply& reply) {
  for (auto& fake : fakes_) {
    if (fake.shard != shard || fake.transaction != reply.lane.connection || fake.missing == 0) {
      continue;
    }
    --fake.missing;
    fake.answers.push_back({reply.bytes, reply.outcome.hold, reply.outcome.last_write});
    // Whoever has all of its answers comes before those who wait.
    std::stable_partition(fakes_.begin(), fakes_.end(),
                          [](const fake_answer& each) { return each.missing == 0; });
    return;
  }
}

}  // namespace troupe::sim
