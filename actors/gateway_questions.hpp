// gateway_questions: what a gateway asks metrics and all gateways for its clients, until the
// answer.
//
// Place: actors; owned by a gateway, on its reactor's thread. INFO and ROLE need the figures of the
// whole node, CLIENT LIST, CLIENT KILL and CONFIG SET concern the connections of all reactors.
// Invariant: every question is answered once, also when somebody does not answer in time.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "actors/interfaces.hpp"
#include "actors/resp/reply_writer.hpp"
#include "actors/session.hpp"
#include "actors/statistics.hpp"

namespace troupe::actors {

/// Whose question it is, and the place of its reply.
struct asking_client {
  std::uint64_t id;
  std::uint64_t ticket;
  resp::protocol protocol;
};

class gateway_questions {
 public:
  /// Takes the reply to a client's command.
  using take_reply = std::function<void(const asking_client&, std::string)>;

  gateway_questions(gateway_actor::pointer self, take_reply take)
      : self_(self), take_(std::move(take)) {}

  void add_peer(const gateway_peer& peer) { peers_.push_back(peer); }
  void set_metrics(const metrics_actor& metrics) { metrics_ = metrics; }
  /// Gateways of the node, this one included; 0 before the first add_peer().
  [[nodiscard]] std::size_t gateway_count() const noexcept { return peers_.size(); }

  /// The figures of the node, as far as actors count them.
  void ask_figures(const asking_client& who,
                   std::function<void(node_statistics, resp::reply_writer&)> write_reply);
  /// CONFIG RESETSTAT.
  void reset_figures(const asking_client& who);
  void list_clients(const asking_client& who, const std::vector<std::uint64_t>& ids);
  void kill_clients(const asking_client& who, const kill_filter& filter);
  void configure(const asking_client& who, const std::string& name, const std::string& value);

 private:
  /// What the gateways of all reactors answered.
  struct gathered {
    std::string lines;
    std::uint32_t killed = 0;
    std::string refused;
    std::size_t missing = 0;
  };

  void ask_peers(const asking_client& who, const envelope<schemas::GatewayRequest>& request,
                 std::function<void(const gathered&, resp::reply_writer&)> write_reply);
  void ask_metrics(const asking_client& who, const envelope<schemas::StatisticsRequest>& request,
                   std::function<void(node_statistics, resp::reply_writer&)> write_reply);

  gateway_actor::pointer self_;
  take_reply take_;
  std::vector<gateway_peer> peers_;
  metrics_actor metrics_;
};

}  // namespace troupe::actors
