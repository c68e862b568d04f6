#include "actors/peer_link.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "actors/console_codec.hpp"
#include "actors/runtime/pinned_actor.hpp"

namespace troupe::actors {

namespace {

/// Longer than admin waits for anybody.
constexpr auto answer_deadline = std::chrono::seconds(10);

class peer_link_state final : public runtime::round_hook {
 public:
  static constexpr const char* name = "peer_link";

  peer_link_state(peer_link_actor::pointer self, runtime::reactor* home,
                  std::unique_ptr<link_socket> socket, link_listener_actor listener)
      : self_(self), home_(*home), socket_(std::move(socket)), listener_(std::move(listener)) {
    home_.add_hook(*this);
  }
  ~peer_link_state() override { home_.remove_hook(*this); }

  peer_link_actor::behavior_type make_behavior() {
    // Without its parent nobody would close it.
    self_->monitor(listener_);
    self_->set_down_handler([this](const caf::down_msg&) { self_->quit(); });
    return {
        [this](const envelope<schemas::Attach>&, const admin_actor& admin) { admin_ = admin; },
        [this](const envelope<schemas::CloseLink>& order) { on_close(order); },
        [this](caf::tick_atom) { end(); },
    };
  }

  // ---- round_hook -------------------------------------------------------------------------------
  void on_round_end() override {
    const auto now = home_.time().monotonic_us();
    if (end_sent_ || !socket_->has_work(now)) return;
    socket_->drive(now, [this](const link::received_frame& frame) { on_frame(frame); });
    if (!socket_->is_finished()) return;
    // quit() outside of a handler would not end the actor: handle one more message.
    end_sent_ = true;
    self_->send(self_, caf::tick_atom::value);
  }
  std::optional<std::uint64_t> next_deadline_us() const override {
    if (end_sent_) return std::nullopt;
    return socket_->next_deadline_us();
  }

 private:
  void on_frame(const link::received_frame& frame) {
    if (frame.type != link::frame_type::console) return refuse();  // nothing for members yet
    if (frame.body.size() > limits::console_request_bytes_max) return refuse();
    auto request = envelope<schemas::ConsoleRequest>::copy_of(frame.body);
    const auto number = console_number(request);
    if (!number) return refuse();
    if (under_way_ == limits::console_requests_max) {
      return answer(encode_failed(*number, "too many commands of this console are under way"));
    }
    if (!admin_) return answer(encode_failed(*number, "the node is starting"));
    ++under_way_;
    self_->request(admin_, answer_deadline, std::move(request))
        .then(
            [this](const envelope<schemas::ConsoleAnswer>& message) {
              --under_way_;
              answer(message);
            },
            [this, number](const caf::error&) {
              --under_way_;
              answer(encode_failed(*number, "the node did not answer in time"));
            });
  }

  void answer(const envelope<schemas::ConsoleAnswer>& message) {
    // The envelope is kept until the socket has its bytes.
    auto kept = std::make_shared<envelope<schemas::ConsoleAnswer>>(message);
    const auto bytes = kept->bytes();
    const auto taken =
        socket_->core().push({link::frame_type::console, link::no_shard, {std::move(kept), bytes}});
    // Bounded by what is under way, so a console that does not read is the only reason.
    if (taken == link::pushed::full) refuse();
    socket_->wake();
  }

  void refuse() {
    socket_->core().close(link::refusal::bad_frame, home_.time().monotonic_us());
    socket_->wake();
  }

  void on_close(const envelope<schemas::CloseLink>& order) {
    const auto why = envelope<schemas::CloseLink>::reader(order)->getReason();
    socket_->core().close(static_cast<link::refusal>(why), home_.time().monotonic_us());
    socket_->wake();
  }

  void end() {
    const auto& closed = socket_->core().closed();
    envelope<schemas::LinkEnded>::builder last;
    last->setReason(static_cast<std::uint8_t>(closed->why));
    last->setByPeer(closed->by == link::ended_by::peer);
    last->setDetail(schemas::text(closed->detail));
    self_->send(listener_, last.finish());
    self_->quit();
  }

  peer_link_actor::pointer self_;
  runtime::reactor& home_;
  std::unique_ptr<link_socket> socket_;
  link_listener_actor listener_;
  admin_actor admin_;
  std::uint32_t under_way_ = 0;
  bool end_sent_ = false;
};

}  // namespace

peer_link_actor spawn_peer_link(runtime::reactor& home, std::unique_ptr<link_socket> socket,
                                const link_listener_actor& listener) {
  return runtime::spawn_pinned<peer_link_state, peer_link_actor>(home, &home, std::move(socket),
                                                                 listener);
}

}  // namespace troupe::actors
