#include "actors/gateway_questions.hpp"

#include <chrono>
#include <memory>
#include <utility>

#include "actors/statistics_codec.hpp"

namespace troupe::actors {

namespace {

constexpr auto peer_deadline = std::chrono::seconds(2);

}  // namespace

void gateway_questions::ask_metrics(
    const asking_client& who, const envelope<schemas::StatisticsRequest>& request,
    std::function<void(node_statistics, resp::reply_writer&)> write_reply) {
  self_->request(metrics_, peer_deadline, request)
      .then(
          [this, who,
           write = std::move(write_reply)](const envelope<schemas::NodeStatistics>& message) {
            std::string bytes;
            resp::reply_writer reply(bytes, who.protocol);
            write(actors::decode(*envelope<schemas::NodeStatistics>::reader(message)), reply);
            take_(who, std::move(bytes));
          },
          [this, who](const caf::error&) {
            take_(who, "-ERR the node is too busy to count itself\r\n");
          });
}

void gateway_questions::ask_figures(
    const asking_client& who,
    std::function<void(node_statistics, resp::reply_writer&)> write_reply) {
  ask_metrics(who, envelope<schemas::StatisticsRequest>::builder().finish(),
              std::move(write_reply));
}

void gateway_questions::reset_figures(const asking_client& who) {
  envelope<schemas::StatisticsRequest>::builder request;
  request->setReset(true);
  ask_metrics(who, request.finish(),
              [](const node_statistics&, resp::reply_writer& reply) { reply.ok(); });
}

void gateway_questions::list_clients(const asking_client& who,
                                     const std::vector<std::uint64_t>& ids) {
  envelope<schemas::GatewayRequest>::builder request(ids.size() * 8 + 64);
  auto list = request->initListClients(static_cast<unsigned>(ids.size()));
  for (unsigned i = 0; i < list.size(); ++i) list.set(i, ids[i]);
  ask_peers(who, request.finish(), [](const gathered& all, resp::reply_writer& reply) {
    reply.verbatim("txt", all.lines);
  });
}

void gateway_questions::kill_clients(const asking_client& who, const kill_filter& filter) {
  envelope<schemas::GatewayRequest>::builder request;
  auto kill = request->initKillClients();
  kill.setId(filter.id);
  kill.setAddress(schemas::text(filter.address));
  kill.setLocalAddress(schemas::text(filter.local_address));
  kill.setExceptId(filter.except_id);
  ask_peers(who, request.finish(),
            [old = filter.old_style](const gathered& all, resp::reply_writer& reply) {
              if (!old) {
                reply.integer(all.killed);
              } else if (all.killed > 0) {
                reply.ok();
              } else {
                reply.error("ERR No such client");
              }
            });
}

void gateway_questions::configure(const asking_client& who, const std::string& name,
                                  const std::string& value) {
  envelope<schemas::GatewayRequest>::builder request;
  auto configure = request->initConfigure();
  configure.setName(schemas::text(name));
  configure.setValue(schemas::text(value));
  ask_peers(who, request.finish(), [](const gathered& all, resp::reply_writer& reply) {
    // It was checked before it was sent.
    if (!all.refused.empty()) return reply.error("ERR CONFIG SET failed - " + all.refused);
    reply.ok();
  });
}

void gateway_questions::ask_peers(
    const asking_client& who, const envelope<schemas::GatewayRequest>& request,
    std::function<void(const gathered&, resp::reply_writer&)> write_reply) {
  auto all = std::make_shared<gathered>();
  all->missing = peers_.size();
  auto finish = [this, all, who, write = std::move(write_reply)] {
    if (--all->missing > 0) return;
    std::string bytes;
    resp::reply_writer reply(bytes, who.protocol);
    write(*all, reply);
    take_(who, std::move(bytes));
  };
  for (const auto& peer : peers_) {
    self_->request(peer, peer_deadline, request)
        .then(
            [all, finish](const envelope<schemas::GatewayAnswer>& message) {
              const envelope<schemas::GatewayAnswer>::reader reply(message);
              all->lines += schemas::view(reply->getLines());
              all->killed += reply->getKilled();
              if (reply->hasRefused()) all->refused = schemas::view(reply->getRefused());
              finish();
            },
            [finish](const caf::error&) { finish(); });
  }
}

}  // namespace troupe::actors
