#include "actors/link_listener.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <list>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "actors/actor_registry.hpp"
#include "actors/link_setup.hpp"
#include "actors/link_socket.hpp"
#include "actors/paced_warning.hpp"
#include "actors/peer_link.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/statistics_codec.hpp"
#include "replication/link/unproved_places.hpp"

namespace troupe::actors {

namespace {

/// Connections taken per round: a flood of them must not starve the reactor.
constexpr int accepts_per_round = 16;
/// After the process ran out of descriptors.
constexpr std::uint64_t accept_retry_us = 100'000;

/// Reasons that go over the wire, from 1.
constexpr std::size_t reason_count = static_cast<std::size_t>(link::refusal::stopping) + 1;

class link_listener_state final : public runtime::io_handler, public runtime::round_hook {
 public:
  static constexpr const char* name = "link_listener";

  link_listener_state(link_listener_actor::pointer self, runtime::reactor* home,
                      link_listener_parts parts)
      : self_(self), home_(*home), parts_(parts) {
    home_.add_hook(*this);
  }
  ~link_listener_state() override {
    stop_listening();
    home_.remove_hook(*this);
  }

  link_listener_actor::behavior_type make_behavior() {
    self_->set_down_handler([this](const caf::down_msg& message) { on_down(message); });
    start_listening();
    return {
        [this](const envelope<schemas::Attach>& hello, const admin_actor& admin) {
          admin_ = admin;
          for (const auto& each : links_) self_->send(each.actor, hello, admin_);
        },
        [this](const envelope<schemas::LinkEnded>& message) { on_ended(message); },
        [this](const envelope<schemas::StatisticsRequest>&) { return statistics(); },
        [this](const envelope<schemas::Stop>&) { on_stop(); },
        [this](caf::tick_atom) { self_->quit(); },
    };
  }

  // ---- io_handler: the listening socket ---------------------------------------------------------
  void on_ready(std::uint32_t) override {
    for (auto i = 0; i < accepts_per_round; ++i) {
      auto accepted = runtime::accept_from(*parts_.listener);
      if (!accepted) {
        if (const auto times = unaccepted_.failed(now_us())) {
          spdlog::warn("{} ({} times since this was said last): nodes and consoles have to wait",
                       accepted.error().message, *times);
        }
        stop_listening();
        listen_again_us_ = now_us() + accept_retry_us;
        return;
      }
      if (!*accepted) return;
      ++counted_.accepted;
      add_connection(std::move(**accepted));
    }
  }

  // ---- round_hook -------------------------------------------------------------------------------
  void on_round_end() override {
    const auto now = now_us();
    if (now >= listen_again_us_) start_listening();
    for (auto at = unproved_.begin(); at != unproved_.end();) {
      const auto here = at++;
      if (here->socket->has_work(now)) drive(here, now);
    }
    if (stopping_ && unproved_.empty() && links_.empty() && !quit_sent_) {
      // quit() outside of a handler would not end the actor: handle one more message.
      quit_sent_ = true;
      self_->send(self_, caf::tick_atom::value);
    }
  }
  std::optional<std::uint64_t> next_deadline_us() const override {
    auto next = listen_again_us_;
    for (const auto& each : unproved_) next = std::min(next, each.socket->next_deadline_us());
    if (next == UINT64_MAX) return std::nullopt;
    return next;
  }

 private:
  struct connection {
    link::unproved_places::place place;
    std::unique_ptr<link_socket> socket;
  };
  struct open_link {
    peer_link_actor actor;
    link::link_peer peer;
    std::string address;
    std::uint64_t number;  // of links that opened here
  };

  [[nodiscard]] std::uint64_t now_us() const { return home_.time().monotonic_us(); }

  void start_listening() {
    listen_again_us_ = UINT64_MAX;
    if (listening_ || stopping_) return;
    if (const auto watched = home_.watch(parts_.listener->get(), EPOLLIN, *this); !watched) {
      spdlog::error("cannot listen for nodes and consoles: {}", watched.error().message);
      return;
    }
    listening_ = true;
  }
  void stop_listening() {
    if (std::exchange(listening_, false)) home_.unwatch(parts_.listener->get());
  }

  void add_connection(runtime::descriptor socket) {
    auto place = places_.take();
    const auto once = fresh_nonce();
    if (!place || links_.size() >= limits::links_max || !once) return turn_away(socket);
    const link::handshake_setup setup{.side = link::link_side::listener,
                                      .role = link::link_role::member,
                                      .addresses = reach_of(socket),
                                      .cluster = parts_.cluster,
                                      .node = parts_.node,
                                      .secret = *parts_.secret,
                                      .once = *once,
                                      .exporter = {}};
    auto added = std::make_unique<link_socket>(std::move(socket), setup, home_, now_us());
    if (added->open()) unproved_.push_back({std::move(*place), std::move(added)});
  }

  /// Too many: says so without waiting for a reader.
  void turn_away(const runtime::descriptor& socket) {
    std::string farewell;
    link::append_frame(farewell, link::frame_type::refused, link::no_shard,
                       link::encode_refused(link::refusal::busy));
    std::ignore = runtime::write_some(socket, farewell);
    count({link::refusal::busy, link::ended_by::us, "too many connections"},
          runtime::peer_name(socket));
  }

  void drive(std::list<connection>::iterator at, std::uint64_t now) {
    auto& socket = *at->socket;
    auto& core = socket.core();
    socket.drive(now, [&](const link::received_frame&) {
      // Before it has our welcome nobody can know that we would take it.
      core.close(link::refusal::bad_frame, now);
    });
    if (socket.is_finished()) {
      count(*core.closed(), socket.peer_address());
      unproved_.erase(at);
    } else if (core.is_open() && links_.size() >= limits::links_max) {
      // Several were accepted for the last place.
      core.close(link::refusal::busy, now);
      socket.wake();
    } else if (core.is_open()) {
      promote(std::move(at->socket));
      unproved_.erase(at);
    }
  }

  /// The peer is proved: its link gets an actor.
  void promote(std::unique_ptr<link_socket> socket) {
    const auto peer = socket->core().peer();
    const auto address = socket->peer_address();
    ++counted_.proved;
    if (peer.role == link::link_role::member) {
      spdlog::info("node at {}: link open", address);
      for (const auto& each : links_) {
        if (each.peer.node == peer.node) close(each, link::refusal::replaced);
      }
    }
    const auto me = caf::actor_cast<link_listener_actor>(caf::strong_actor_ptr(self_->ctrl()));
    auto actor = spawn_peer_link(home_, std::move(socket), me);
    self_->monitor(actor);
    if (admin_) self_->send(actor, envelope<schemas::Attach>::builder().finish(), admin_);
    links_.push_back({std::move(actor), peer, address, counted_.proved});
    if (stopping_) close(links_.back(), link::refusal::stopping);
  }

  void close(const open_link& link, link::refusal why) {
    envelope<schemas::CloseLink>::builder order;
    order->setReason(static_cast<std::uint8_t>(why));
    self_->send(link.actor, order.finish());
  }

  void on_ended(const envelope<schemas::LinkEnded>& message) {
    const envelope<schemas::LinkEnded>::reader last(message);
    const auto* from = find(caf::actor_cast<caf::actor_addr>(self_->current_sender()));
    const link::closure end{static_cast<link::refusal>(last->getReason()),
                            last->getByPeer() ? link::ended_by::peer : link::ended_by::us,
                            std::string(schemas::view(last->getDetail()))};
    count(end, from == nullptr ? "a link" : from->address);
  }

  void on_down(const caf::down_msg& message) {
    std::erase_if(links_,
                  [&](const open_link& each) { return each.actor.address() == message.source; });
  }

  [[nodiscard]] const open_link* find(const caf::actor_addr& address) const {
    const auto at = std::ranges::find_if(
        links_, [&](const open_link& each) { return each.actor.address() == address; });
    return at == links_.end() ? nullptr : &*at;
  }

  void count(const link::closure& end, std::string_view address) {
    if (end.by == link::ended_by::peer) {
      ++counted_.hung_up;
      return;
    }
    ++refused_.at(static_cast<std::size_t>(end.why));
    if (end.why == link::refusal::replaced || end.why == link::refusal::stopping) return;
    if (const auto times = unwelcome_.failed(now_us())) {
      spdlog::warn("peer {} was refused ({} since this was said last): {}", address, *times,
                   link::to_string(end));
    }
  }

  void on_stop() {
    if (std::exchange(stopping_, true)) return;
    stop_listening();
    for (const auto& each : unproved_) {
      each.socket->core().close(link::refusal::stopping, now_us());
      each.socket->wake();
    }
    for (const auto& each : links_) close(each, link::refusal::stopping);
  }

  envelope<schemas::LinkStatistics> statistics() {
    auto all = counted_;
    for (const auto& each : links_) {
      ++(each.peer.role == link::link_role::member ? all.members : all.operators);
    }
    all.unproved = static_cast<std::uint32_t>(unproved_.size());
    for (std::size_t i = 1; i < refused_.size(); ++i) {
      const auto reason = link::to_string(static_cast<link::refusal>(i));
      all.refused.push_back({std::string(reason), refused_[i]});
    }
    for (const auto& each : links_) all.links.push_back(describe(each));
    envelope<schemas::LinkStatistics>::builder answer(2048 + 256 * links_.size());
    actors::encode(all, *answer);
    return answer.finish();
  }

  static actor_figures describe(const open_link& link) {
    auto now = figures_of(*counters_of(caf::actor_cast<caf::strong_actor_ptr>(link.actor)));
    now.name = fmt::format("peer_link/{}", link.number);
    now.place = "reactor 0";
    now.state = fmt::format("{} {}", link::to_string(link.peer.role), link.address);
    return now;
  }

  link_listener_actor::pointer self_;
  runtime::reactor& home_;
  link_listener_parts parts_;
  admin_actor admin_;
  link::unproved_places places_;
  std::list<connection> unproved_;
  std::vector<open_link> links_;
  link_statistics counted_;
  std::array<std::uint64_t, reason_count> refused_{};
  paced_warning unwelcome_, unaccepted_;
  std::uint64_t listen_again_us_ = UINT64_MAX;
  bool listening_ = false;
  bool stopping_ = false;
  bool quit_sent_ = false;
};

}  // namespace

link_listener_actor spawn_link_listener(runtime::reactor& home, link_listener_parts parts) {
  return runtime::spawn_pinned<link_listener_state, link_listener_actor>(home, &home, parts);
}

}  // namespace troupe::actors
