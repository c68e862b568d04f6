#include "actors/supervisor.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <utility>

#include "actors/actor_registry.hpp"
#include "actors/failure_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/statistics_codec.hpp"

namespace troupe::actors {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds(100);
/// Longer than metrics waits for anybody.
constexpr auto statistics_deadline = std::chrono::seconds(2);
/// A tap that nobody asked for so long is over.
constexpr auto watch_lease = std::chrono::seconds(5);

enum class kind : std::uint8_t {
  gateway,
  shard,
  wal_flusher,
  log_worker,
  data_reader,
  data_writer,
  metrics,
  link_listener,
  admin
};
constexpr std::array kinds{kind::gateway,       kind::shard,       kind::wal_flusher,
                           kind::log_worker,    kind::data_reader, kind::data_writer,
                           kind::link_listener, kind::metrics,     kind::admin};

/// What happens when an actor of a kind dies while the node runs.
enum class policy : std::uint8_t { stop_node, degrade, restart };

/// An actor that dies more often than this is left dead.
constexpr std::uint32_t restarts_max = 100;

/// How long a stage may take before its actors are killed.
struct stop_stage {
  std::array<kind, 4> kinds;  // padded by repeating the last one
  std::uint32_t grace_ms;
};

/// The one written stop order: clients get their answers while shards and flushers still work
/// (peers are told meanwhile),
/// shards commit what they have while flushers still work, and these end with nothing under way
/// and their logs sealed while their workers still work.
constexpr std::array stop_order{
    stop_stage{{kind::gateway, kind::link_listener, kind::admin, kind::admin}, 5'000},
    stop_stage{{kind::shard, kind::shard, kind::shard, kind::shard}, 10'000},
    stop_stage{{kind::wal_flusher, kind::wal_flusher, kind::wal_flusher, kind::wal_flusher}, 5'000},
    stop_stage{{kind::log_worker, kind::data_reader, kind::data_writer, kind::metrics}, 5'000},
};

constexpr bool stops_in(const stop_stage& stage, kind which) {
  return std::ranges::find(stage.kinds, which) != stage.kinds.end();
}
static_assert(std::ranges::all_of(kinds,
                                  [](kind which) {
                                    return std::ranges::count_if(stop_order,
                                                                 [&](const auto& stage) {
                                                                   return stops_in(stage, which);
                                                                 }) == 1;
                                  }),
              "every kind of actor stops in exactly one stage");

constexpr policy policy_of(kind which) {
  switch (which) {
    case kind::wal_flusher:
    case kind::log_worker:
    case kind::data_writer: return policy::degrade;
    case kind::link_listener:
    case kind::admin: return policy::restart;
    default: return policy::stop_node;
  }
}

constexpr const char* name_of(kind which) {
  switch (which) {
    case kind::gateway: return "gateway";
    case kind::shard: return "shard";
    case kind::wal_flusher: return "wal_flusher";
    case kind::log_worker: return "log_worker";
    case kind::data_reader: return "data_reader";
    case kind::data_writer: return "data_writer";
    case kind::metrics: return "metrics";
    case kind::link_listener: return "link_listener";
    case kind::admin: return "admin";
  }
  return "unknown";
}

/// Kinds of which there is one in a node.
constexpr bool is_single(kind which) {
  return which == kind::metrics || which == kind::link_listener || which == kind::admin;
}

class supervisor_state {
 public:
  static constexpr const char* name = "node";

  supervisor_state(node_actor::pointer self, std::shared_ptr<node_children> make)
      : self_(self), make_(std::move(make)), registry_(self->system()) {}

  node_actor::behavior_type make_behavior() {
    self_->set_down_handler([this](const caf::down_msg& message) { on_down(message); });
    registry_.add("node", "scheduler", caf::strong_actor_ptr(self_->ctrl()));
    make_shards();
    make_gateways();
    make_link_listener();
    make_admin();
    return {
        [this](const envelope<schemas::StatisticsRequest>& request) { return statistics(request); },
        [this](const envelope<schemas::ActorsRequest>&) { return list_actors(); },
        [this](const envelope<schemas::TapRequest>& request) { return tap(request); },
        [this](const envelope<schemas::Stop>&) { begin_stop(caf::exit_reason::normal); },
        [this](end_watch_atom) { registry_.end_watch(); },
        [this](caf::tick_atom) { on_tick(); },
    };
  }

 private:
  struct child {
    kind what;
    std::uint32_t index;
    caf::strong_actor_ptr actor;  // holding it keeps it alive
  };

  template <class Handle>
  void adopt(kind what, std::uint32_t index, const Handle& handle) {
    self_->monitor(handle);
    children_.push_back({what, index, caf::actor_cast<caf::strong_actor_ptr>(handle)});
    const auto called =
        is_single(what) ? std::string(name_of(what)) : fmt::format("{}/{}", name_of(what), index);
    registry_.add(called, place_of(what, index), children_.back().actor);
  }

  [[nodiscard]] std::string place_of(kind what, std::uint32_t index) const {
    switch (what) {
      case kind::gateway:
      case kind::shard:
      case kind::wal_flusher: return fmt::format("reactor {}", index % make_->gateway_count());
      case kind::link_listener: return "reactor 0";
      case kind::log_worker:
      case kind::data_reader:
      case kind::data_writer: return "thread";
      case kind::metrics:
      case kind::admin: return "scheduler";
    }
    return {};
  }

  void make_shards() {
    for (std::uint32_t i = 0; i < make_->shard_count(); ++i) {
      const auto made = make_->make_shard(i);
      adopt(kind::data_writer, i, made.writer);
      adopt(kind::log_worker, i, made.worker);
      adopt(kind::wal_flusher, i, made.flusher);
      adopt(kind::data_reader, i, made.reader);
      adopt(kind::shard, i, made.shard);
      shards_.push_back(made.shard);
    }
  }

  void make_gateways() {
    const auto me = caf::actor_cast<node_actor>(caf::strong_actor_ptr(self_->ctrl()));
    for (std::uint32_t i = 0; i < make_->gateway_count(); ++i) {
      gateways_.push_back(make_->make_gateway(i, shards_, me));
      adopt(kind::gateway, i, gateways_.back());
    }
    metrics_ = make_->make_metrics(shards_, gateways_);
    adopt(kind::metrics, 0, metrics_);
    const auto hello = envelope<schemas::Attach>::builder().finish();
    for (const auto& gateway : gateways_) {
      for (const auto& peer : gateways_) self_->send(gateway, hello, gateway_peer(peer));
      self_->send(gateway, hello, metrics_);
    }
  }

  void make_link_listener() {
    links_ = make_->make_link_listener();
    adopt(kind::link_listener, 0, links_);
    const auto hello = envelope<schemas::Attach>::builder().finish();
    self_->send(metrics_, hello, links_);
    if (admin_) self_->send(links_, hello, admin_);
  }

  void make_admin() {
    const auto me = caf::actor_cast<node_actor>(caf::strong_actor_ptr(self_->ctrl()));
    admin_ = make_->make_admin({me, metrics_, shards_, gateways_});
    adopt(kind::admin, 0, admin_);
    self_->send(links_, envelope<schemas::Attach>::builder().finish(), admin_);
  }

  /// What metrics gathered, and the actors that only this one knows.
  caf::typed_response_promise<envelope<schemas::NodeStatistics>> statistics(
      const envelope<schemas::StatisticsRequest>& request) {
    auto asker = self_->make_response_promise<envelope<schemas::NodeStatistics>>();
    self_->request(metrics_, statistics_deadline, request)
        .then(
            [this, asker](const envelope<schemas::NodeStatistics>& message) mutable {
              const envelope<schemas::NodeStatistics>::reader gathered(message);
              const auto figures = registry_.figures();
              envelope<schemas::NodeStatistics>::builder all(message.words() * std::size_t{8} +
                                                             192 * figures.size() + 256);
              all->setShards(gathered->getShards());
              all->setGateways(gathered->getGateways());
              all->setLinks(gathered->getLinks());
              actors::encode(figures, all->initActors(static_cast<unsigned>(figures.size())));
              asker.deliver(all.finish());
            },
            [asker](const caf::error& why) mutable { asker.deliver(why); });
    return asker;
  }

  [[nodiscard]] envelope<schemas::ActorList> list_actors() const {
    const auto all = registry_.figures();
    envelope<schemas::ActorList>::builder answer(256 + 192 * all.size());
    actors::encode(all, answer->initActors(static_cast<unsigned>(all.size())));
    return answer.finish();
  }

  envelope<schemas::TapAnswer> tap(const envelope<schemas::TapRequest>& request) {
    self_->delayed_send(self_, watch_lease, end_watch_atom::value);
    const envelope<schemas::TapRequest>::reader wanted(request);
    return registry_.tap(schemas::view(wanted->getActor()));
  }

  void on_down(const caf::down_msg& message) {
    const auto place = std::ranges::find_if(
        children_, [&](const child& each) { return each.actor->address() == message.source; });
    if (place == children_.end()) return;
    const auto dead = *place;
    children_.erase(place);
    registry_.note_death(dead.actor->id());
    if (stopping_) {
      if (dead.what == kind::shard && message.reason == not_all_written) why_ = not_all_written;
      go_on_stopping();
      return;
    }
    spdlog::error("{} {} died: {}", name_of(dead.what), dead.index,
                  self_->system().render(message.reason));
    if (policy_of(dead.what) == policy::stop_node) {
      begin_stop(caf::exit_reason::unhandled_exception);
    } else if (dead.what == kind::wal_flusher) {
      // Its shard waits for a frame that nobody will write: tell it that the log is lost. Of a dead
      // log worker the flusher tells it.
      envelope<schemas::FrameWritten>::builder failed;
      encode(failure{errc::io_failed, "the WAL flusher died"}, failed->initFailed());
      self_->send(shards_[dead.index], failed.finish());
    } else if (policy_of(dead.what) == policy::restart && restarts_ < restarts_max) {
      ++restarts_;
      if (dead.what == kind::admin) {
        make_admin();
      } else {
        make_link_listener();
      }
    }
  }

  void begin_stop(caf::exit_reason why) {
    if (stopping_) return;
    stopping_ = true;
    why_ = why;
    begin_stage();
    self_->delayed_send(self_, tick_interval, caf::tick_atom::value);
  }

  [[nodiscard]] bool in_stage(kind what) const { return stops_in(stop_order[stage_], what); }

  void begin_stage() {
    ticks_left_ = stop_order[stage_].grace_ms / 100 + 10;
    envelope<schemas::Stop>::builder message;
    message->setGraceMs(stop_order[stage_].grace_ms);
    const auto order = message.finish();
    if (in_stage(kind::gateway)) {
      for (const auto& gateway : gateways_) self_->send(gateway, order);
      self_->send(links_, order);
      self_->send_exit(admin_, caf::exit_reason::user_shutdown);
    } else if (in_stage(kind::shard)) {
      for (const auto& shard : shards_) self_->send(shard, order);
    } else {
      // Nothing left to finish: their last answers were given before the shards went.
      end_stage_by_force(caf::exit_reason::user_shutdown);
    }
    go_on_stopping();
  }

  void go_on_stopping() {
    const auto left =
        std::ranges::any_of(children_, [this](const child& each) { return in_stage(each.what); });
    if (left) return;
    if (stage_ + 1 < stop_order.size()) {
      ++stage_;
      begin_stage();
      return;
    }
    self_->quit(why_ == caf::exit_reason::normal ? caf::error{} : caf::make_error(why_));
  }

  void end_stage_by_force(caf::exit_reason why) {
    for (const auto& each : children_) {
      if (in_stage(each.what)) {
        self_->send_exit(caf::actor_cast<caf::actor>(each.actor), why);
      }
    }
  }

  void on_tick() {
    if (ticks_left_ > 0 && --ticks_left_ == 0) {
      spdlog::error("stopping takes too long: {} actors are killed", children_.size());
      end_stage_by_force(caf::exit_reason::kill);
    }
    self_->delayed_send(self_, tick_interval, caf::tick_atom::value);
  }

  node_actor::pointer self_;
  std::shared_ptr<node_children> make_;
  std::vector<child> children_;
  std::vector<shard_actor> shards_;
  std::vector<gateway_actor> gateways_;
  metrics_actor metrics_;
  link_listener_actor links_;
  admin_actor admin_;
  actor_registry registry_;
  std::uint32_t restarts_ = 0;
  bool stopping_ = false;
  caf::exit_reason why_ = caf::exit_reason::normal;
  std::size_t stage_ = 0;
  std::uint32_t ticks_left_ = 0;
};

}  // namespace

node_actor spawn_supervisor(caf::actor_system& system, std::unique_ptr<node_children> children) {
  return system.spawn<runtime::hosted<supervisor_state, node_actor>>(
      std::shared_ptr<node_children>(std::move(children)));
}

}  // namespace troupe::actors
