#include "actors/gateway.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <tuple>
#include <utility>

#include "actors/client_table.hpp"
#include "actors/command_codec.hpp"
#include "actors/config_commands.hpp"
#include "actors/info_text.hpp"
#include "actors/process_statistics.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/server_commands.hpp"
#include "actors/statistics_codec.hpp"
#include "actors/stream_codec.hpp"

namespace troupe::actors {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds(100);
constexpr auto peer_deadline = std::chrono::seconds(2);
/// Connections taken per round: a flood of them must not starve the clients there are.
constexpr int accepts_per_round = 64;
/// A command above this is a message of its own.
constexpr std::size_t lone_command_bytes = 64 * 1024;

class gateway_state final : public session_services,
                            public runtime::io_handler,
                            public runtime::round_hook {
 public:
  static constexpr const char* name = "gateway";

  gateway_state(gateway_actor::pointer self, runtime::reactor* home, shard_directory* directory,
                const node_config* config, gateway_parts parts)
      : self_(self),
        home_(*home),
        directory_(*directory),
        config_(*config),
        parts_(std::move(parts)),
        random_(random_seed()),
        settings_{config->level, config->commit_timeout_ms * std::uint64_t{1000}},
        durable_(parts_.shard_count),
        log_failures_(parts_.shard_count),
        batches_(parts_.shard_count),
        environment_{config_,
                     settings_,
                     counted_,
                     home_.time(),
                     random_,
                     parts_.shard_count,
                     index::key_hasher(parts_.hash_seed),
                     durable_,
                     log_failures_} {
    home_.add_hook(*this);
  }

  ~gateway_state() override {
    stop_listening();
    clients_.clear();
    home_.remove_hook(*this);
  }

  gateway_actor::behavior_type make_behavior() {
    introduce();
    self_->delayed_send(self_, tick_interval, caf::tick_atom::value);
    return {
        [this](const envelope<schemas::GatewayRequest>& request) { return on_request(request); },
        [this](const envelope<schemas::Attach>&, const gateway_peer& peer) {
          peers_.push_back(peer);
        },
        [this](const envelope<schemas::Attach>&, const metrics_actor& metrics) {
          metrics_ = metrics;
          start_listening();
        },
        [this](const envelope<schemas::ReplyBatch>& batch) { on_replies(batch); },
        [this](const envelope<schemas::StreamPart>& part,
               const envelope<schemas::RecordRead>& record) { on_part(part, record); },
        [this](const envelope<schemas::Watermark>& mark) { on_watermark(mark); },
        [this](const envelope<schemas::TransactionReply>& reply) { on_transaction(reply); },
        [this](const envelope<schemas::StatisticsRequest>&) { return statistics(); },
        [this](const envelope<schemas::Stop>& order) { on_stop(order); },
        [this](caf::tick_atom) { on_tick(); },
    };
  }

  // ---- sockets ----------------------------------------------------------------------------------
  void on_ready(std::uint32_t) override {
    for (auto i = 0; i < accepts_per_round; ++i) {
      auto accepted = runtime::accept_from(parts_.listener);
      if (!accepted) {
        // Out of descriptors: let the rest wait in the kernel until the next tick.
        spdlog::warn("{}", accepted.error().message);
        stop_listening();
        return;
      }
      if (!*accepted) return;
      add_client(std::move(**accepted));
    }
  }

  void on_round_end() override {
    clients_.settle();
    for (std::uint32_t shard = 0; shard < batches_.size(); ++shard) {
      send_batch(shard);
      send_stream_orders(shard);
    }
    if (stopping_ && clients_.size() == 0 && !quit_sent_) {
      quit_sent_ = true;
      self_->send(self_, envelope<schemas::Stop>::builder().finish());
    }
  }

  std::optional<std::uint64_t> next_deadline_us() const override {
    return clients_.has_active() ? std::optional<std::uint64_t>(0) : std::nullopt;
  }

  // ---- session_services -------------------------------------------------------------------------
  shard_core* local_shard(shard_id shard) override { return directory_.local[shard.value]; }

  void send_command(shard_id shard, std::uint64_t connection, std::uint64_t ticket,
                    const shard_call& call) override {
    if (message_bytes(call.argv) > lone_command_bytes) {
      send_alone(shard, connection, ticket, call);
      return;
    }
    auto& batch = batches_[shard.value];
    batch.bytes += message_bytes(call.argv);
    batch.commands.push_back(
        {connection, ticket, call.spec, call.client, {call.argv.begin(), call.argv.end()}});
  }

  void pause(shard_id shard, std::uint64_t transaction) override {
    send_batch(shard.value);  // what was sent before comes first
    step_builder step(step_bytes);
    address(step, transaction);
    step->setPause();
    self_->send(parts_.shards[shard.value], step.finish());
  }

  void run(shard_id shard, std::uint64_t transaction,
           const std::vector<sent_piece>& pieces) override {
    auto bytes = step_bytes;
    for (const auto& piece : pieces) bytes += message_bytes(piece.words);
    step_builder step(bytes);
    address(step, transaction);
    auto list = step->initRun(static_cast<unsigned>(pieces.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      const auto& piece = pieces[i];
      actors::encode(*piece.spec, piece.words, {piece.protocol, piece.level}, list[i]);
    }
    self_->send(parts_.shards[shard.value], step.finish());
  }

  void release(shard_id shard, std::uint64_t transaction) override {
    step_builder step(step_bytes);
    address(step, transaction);
    step->setRelease();
    self_->send(parts_.shards[shard.value], step.finish());
  }

  void demand_commit(shard_id shard, lsn upto) override {
    send_batch(shard.value);
    envelope<schemas::CommitDemand>::builder demand;
    demand->setGateway(parts_.index);
    demand->setUpTo(upto.value);
    self_->send(parts_.shards[shard.value], demand.finish());
  }

  void credit_stream(shard_id shard, std::uint64_t stream, std::uint32_t parts) override {
    batches_[shard.value].streams.credit(stream, parts);
  }

  void drop_stream(shard_id shard, std::uint64_t stream) override {
    batches_[shard.value].streams.drop(stream);
  }

  void answer_info(session& from, std::uint64_t ticket,
                   std::vector<std::string> sections) override {
    ask_node(from, ticket, [this, sections](const node_statistics& all, resp::reply_writer& reply) {
      reply.verbatim("txt", info_text(all, config_, settings_, sections));
    });
  }

  void answer_role(session& from, std::uint64_t ticket) override {
    ask_node(from, ticket,
             [](const node_statistics& all, resp::reply_writer& reply) { reply_role(all, reply); });
  }

  void answer_client_list(session& from, std::uint64_t ticket,
                          std::vector<std::uint64_t> ids) override {
    envelope<schemas::GatewayRequest>::builder request(ids.size() * 8 + 64);
    auto list = request->initListClients(static_cast<unsigned>(ids.size()));
    for (unsigned i = 0; i < list.size(); ++i) list.set(i, ids[i]);
    ask_peers(from, ticket, request.finish(),
              [protocol = from.protocol()](const gathered& all, std::string& bytes) {
                resp::reply_writer(bytes, protocol).verbatim("txt", all.lines);
              });
  }

  void answer_client_kill(session& from, std::uint64_t ticket, const kill_filter& filter) override {
    envelope<schemas::GatewayRequest>::builder request;
    auto kill = request->initKillClients();
    kill.setId(filter.id);
    kill.setAddress(schemas::text(filter.address));
    kill.setLocalAddress(schemas::text(filter.local_address));
    kill.setExceptId(filter.except_id);
    ask_peers(from, ticket, request.finish(),
              [protocol = from.protocol(), old = filter.old_style](const gathered& all,
                                                                   std::string& bytes) {
                resp::reply_writer reply(bytes, protocol);
                if (!old) {
                  reply.integer(all.killed);
                } else if (all.killed > 0) {
                  reply.ok();
                } else {
                  reply.error("ERR No such client");
                }
              });
  }

  void answer_configure(session& from, std::uint64_t ticket, const std::string& setting,
                        const std::string& value) override {
    envelope<schemas::GatewayRequest>::builder request;
    auto configure = request->initConfigure();
    configure.setName(schemas::text(setting));
    configure.setValue(schemas::text(value));
    ask_peers(from, ticket, request.finish(),
              [](const gathered&, std::string& bytes) { bytes = "+OK\r\n"; });
  }

  void answer_reset_statistics(session& from, std::uint64_t ticket) override {
    envelope<schemas::GatewayRequest>::builder request;
    request->setResetStatistics();
    ask_peers(from, ticket, request.finish(),
              [](const gathered&, std::string& bytes) { bytes = "+OK\r\n"; });
  }

  void stop_node() override {
    envelope<schemas::Stop>::builder order;
    self_->send(parts_.node, order.finish());
  }

 private:
  /// A command on its way to a shard; its words are copied because the batch is built later.
  struct outgoing {
    std::uint64_t connection, ticket;
    const resp::command_spec* spec;
    client_settings client;
    std::vector<std::string> words;
  };
  struct outgoing_batch {
    std::vector<outgoing> commands;
    std::size_t bytes = 0;
    stream_orders streams;
  };
  using step_builder = envelope<schemas::TransactionStep>::builder;
  static constexpr std::size_t step_bytes = 128;  // of one without pieces
  /// What the gateways of all reactors answered.
  struct gathered {
    std::string lines;
    std::uint32_t killed = 0;
    std::size_t missing = 0;
  };

  void introduce() {
    envelope<schemas::Attach>::builder message;
    message->setIndex(parts_.index);
    const auto introduction = message.finish();
    const auto me = caf::actor_cast<gateway_actor>(caf::strong_actor_ptr(self_->ctrl()));
    for (const auto& shard : parts_.shards) self_->send(shard, introduction, me);
  }

  void start_listening() {
    if (listening_ || stopping_) return;
    if (const auto watched = home_.watch(parts_.listener.get(), EPOLLIN, *this); !watched) {
      spdlog::error("{}", watched.error().message);
      return;
    }
    listening_ = true;
  }

  void stop_listening() {
    if (!std::exchange(listening_, false)) return;
    home_.unwatch(parts_.listener.get());
  }

  void add_client(runtime::descriptor socket) {
    if (clients_.size() * peers_.size() >= settings_.clients_max) {
      // As Redis does: say why, without waiting for a reader.
      std::ignore =
          runtime::write_some(socket, fmt::format("-{}\r\n", resp::error_texts::max_clients));
      ++counted_.rejected;
      return;
    }
    ++counted_.accepted;
    session_identity identity;
    identity.id = (std::uint64_t{parts_.index} << 48) | ++last_client_;
    identity.gateway = parts_.index;
    identity.descriptor = socket.get();
    identity.address = runtime::peer_name(socket);
    identity.local_address = runtime::local_name(socket);
    auto client = std::make_unique<session>(std::move(identity), environment_, *this);
    auto added =
        std::make_unique<client_socket>(std::move(socket), std::move(client), home_, clients_);
    if (added->open()) clients_.add(std::move(added));
  }

  void send_batch(std::uint32_t shard) {
    auto& batch = batches_[shard];
    if (batch.commands.empty()) return;
    envelope<schemas::CommandBatch>::builder message(batch.bytes + step_bytes);
    message->setGateway(parts_.index);
    auto list = message->initCommands(static_cast<unsigned>(batch.commands.size()));
    std::vector<std::string_view> words;
    for (unsigned i = 0; i < list.size(); ++i) {
      const auto& command = batch.commands[i];
      words.assign(command.words.begin(), command.words.end());
      list[i].setConnection(command.connection);
      list[i].setTicket(command.ticket);
      actors::encode(*command.spec, words, command.client, list[i]);
    }
    self_->send(parts_.shards[shard], message.finish());
    batch.commands.clear();
    batch.bytes = 0;
  }

  void send_stream_orders(std::uint32_t shard) {
    auto& orders = batches_[shard].streams;
    if (!orders.empty()) self_->send(parts_.shards[shard], orders.take());
  }

  /// Straight from the session's buffer, without the copy that a batch keeps.
  void send_alone(shard_id shard, std::uint64_t connection, std::uint64_t ticket,
                  const shard_call& call) {
    send_batch(shard.value);  // what was sent before comes first
    envelope<schemas::CommandBatch>::builder message(message_bytes(call.argv) + step_bytes);
    message->setGateway(parts_.index);
    auto command = message->initCommands(1)[0];
    command.setConnection(connection);
    command.setTicket(ticket);
    actors::encode(*call.spec, call.argv, call.client, command);
    self_->send(parts_.shards[shard.value], message.finish());
  }

  void address(step_builder& step, std::uint64_t transaction) const {
    step->setGateway(parts_.index);
    step->setTransaction(transaction);
  }

  void on_replies(const envelope<schemas::ReplyBatch>& message) {
    const envelope<schemas::ReplyBatch>::reader batch(message);
    const shard_id shard{batch->getShard()};
    for (const auto each : batch->getReplies()) {
      auto* socket = clients_.find(each.getConnection());
      auto reply = actors::decode(each);
      if (socket == nullptr) {  // its client left
        if (reply.stream.number != 0) drop_stream(shard, reply.stream.number);
        continue;
      }
      if (reply.stream.number == 0) {
        socket->client().on_reply(shard, reply.ticket, std::move(reply.bytes), reply.outcome);
      } else {
        socket->client().on_streamed_reply(shard, reply.ticket, std::move(reply.bytes),
                                           reply.outcome, reply.stream);
      }
      clients_.on_active(*socket);
    }
  }

  void on_part(const envelope<schemas::StreamPart>& message,
               const envelope<schemas::RecordRead>& record) {
    const envelope<schemas::StreamPart>::reader part(message);
    auto* socket = clients_.find(part->getConnection());
    if (socket == nullptr) return;  // it left, and its streams were dropped with it
    auto bytes = actors::decode(*part, record);
    if (!bytes) {
      spdlog::error("client {}: a value that is being sent cannot be read: {}",
                    part->getConnection(), bytes.error().message);
    }
    socket->client().on_part({part->getShard()}, part->getStream(), part->getIndex(),
                             std::move(bytes));
    clients_.on_active(*socket);
  }

  void on_watermark(const envelope<schemas::Watermark>& message) {
    const envelope<schemas::Watermark>::reader mark(message);
    const shard_id shard{mark->getShard()};
    const lsn durable{mark->getDurable()};
    durable_[shard.value] = durable;
    const auto failed = schemas::view(mark->getFailure());
    log_failures_[shard.value] = failed;
    clients_.for_each([&](session& client) {
      if (!client.awaits_watermark()) return false;
      if (failed.empty()) {
        client.on_watermark(shard, durable);
      } else {
        client.on_log_failed(shard);
      }
      return true;
    });
  }

  void on_transaction(const envelope<schemas::TransactionReply>& message) {
    const envelope<schemas::TransactionReply>::reader reply(message);
    // The upper bit marks a transaction; the rest is its connection.
    auto* socket = clients_.find(reply->getTransaction() & ~(std::uint64_t{1} << 63));
    if (socket == nullptr) return;
    std::vector<transaction_answer> answers;
    for (const auto each : reply->getReplies()) {
      auto answer = actors::decode(each);
      answers.push_back({std::move(answer.bytes), answer.outcome.hold, answer.outcome.last_write});
    }
    socket->client().on_transaction_answer({reply->getShard()}, std::move(answers));
    clients_.on_active(*socket);
  }

  void answer(std::uint64_t id, std::uint64_t ticket, std::string bytes) {
    auto* socket = clients_.find(id);
    if (socket == nullptr) return;
    socket->client().on_answer(ticket, std::move(bytes));
    clients_.on_active(*socket);
  }

  void ask_node(session& from, std::uint64_t ticket,
                std::function<void(const node_statistics&, resp::reply_writer&)> write_reply) {
    self_
        ->request(metrics_, peer_deadline, envelope<schemas::StatisticsRequest>::builder().finish())
        .then(
            [this, id = from.identity().id, protocol = from.protocol(), ticket,
             write = std::move(write_reply)](const envelope<schemas::NodeStatistics>& message) {
              auto all = actors::decode(*envelope<schemas::NodeStatistics>::reader(message));
              add_process_figures(all, config_, (home_.time().monotonic_us() - started_us_) / 1000);
              std::string bytes;
              resp::reply_writer reply(bytes, protocol);
              write(all, reply);
              answer(id, ticket, std::move(bytes));
            },
            [this, id = from.identity().id, ticket](const caf::error&) {
              answer(id, ticket, "-ERR the node is too busy to count itself\r\n");
            });
  }

  void ask_peers(session& from, std::uint64_t ticket,
                 const envelope<schemas::GatewayRequest>& request,
                 std::function<void(const gathered&, std::string&)> write_reply) {
    auto all = std::make_shared<gathered>();
    all->missing = peers_.size();
    const auto id = from.identity().id;
    auto finish = [this, all, id, ticket, write = std::move(write_reply)] {
      if (--all->missing > 0) return;
      std::string bytes;
      write(*all, bytes);
      answer(id, ticket, std::move(bytes));
    };
    for (const auto& peer : peers_) {
      self_->request(peer, peer_deadline, request)
          .then(
              [all, finish](const envelope<schemas::GatewayAnswer>& message) {
                const envelope<schemas::GatewayAnswer>::reader reply(message);
                all->lines += schemas::view(reply->getLines());
                all->killed += reply->getKilled();
                finish();
              },
              [finish](const caf::error&) { finish(); });
    }
  }

  envelope<schemas::GatewayAnswer> on_request(const envelope<schemas::GatewayRequest>& message) {
    const envelope<schemas::GatewayRequest>::reader request(message);
    std::string lines;
    std::uint32_t killed = 0;
    switch (request->which()) {
      case schemas::GatewayRequest::LIST_CLIENTS:
        lines = list_clients(request->getListClients());
        break;
      case schemas::GatewayRequest::KILL_CLIENTS: killed = kill(request->getKillClients()); break;
      case schemas::GatewayRequest::CONFIGURE: {
        const auto setting = request->getConfigure();
        const auto refused = apply_setting(settings_, schemas::view(setting.getName()),
                                           schemas::view(setting.getValue()));
        if (refused) spdlog::error("a checked setting was refused: {}", *refused);
        break;
      }
      case schemas::GatewayRequest::RESET_STATISTICS: counted_ = {}; break;
    }
    envelope<schemas::GatewayAnswer>::builder reply(lines.size() + 64);
    reply->setLines(schemas::data(lines));
    reply->setKilled(killed);
    return reply.finish();
  }

  std::string list_clients(capnp::List<std::uint64_t>::Reader wanted) {
    std::vector<std::uint64_t> ids;
    for (const auto id : wanted) ids.push_back(id);
    return clients_.describe(ids);
  }

  std::uint32_t kill(schemas::GatewayRequest::KillClients::Reader from) {
    kill_filter filter;
    filter.id = from.getId();
    filter.address = schemas::view(from.getAddress());
    filter.local_address = schemas::view(from.getLocalAddress());
    filter.except_id = from.getExceptId();
    return clients_.kill(filter);
  }

  void on_tick() {
    const auto now = home_.time().monotonic_us();
    clients_.for_each([&](session& client) {
      client.on_tick(now);
      return true;
    });
    if (!stopping_) start_listening();
    if (stopping_ && now >= stop_at_us_) close_all(session::close_when::now);
    self_->delayed_send(self_, tick_interval, caf::tick_atom::value);
  }

  void close_all(session::close_when when) {
    clients_.for_each([when](session& client) {
      client.close(when);
      return true;
    });
  }

  void on_stop(const envelope<schemas::Stop>& message) {
    if (!stopping_) {
      stopping_ = true;
      const auto grace = envelope<schemas::Stop>::reader(message)->getGraceMs();
      stop_at_us_ = home_.time().monotonic_us() + grace * 1000ull;
      stop_listening();
      close_all(session::close_when::replied);
    }
    if (clients_.size() == 0) self_->quit();
  }

  envelope<schemas::GatewayStatistics> statistics() {
    gateway_statistics all;
    all.clients = counted_;
    all.clients.connected = clients_.size();
    clients_.for_each([&all](session& client) {
      all.clients.output_bytes += client.output_bytes();
      all.clients.held_replies += client.held_count();
      return false;
    });
    const auto loop = home_.counters();
    all.reactor = {parts_.index, loop.rounds, loop.busy_us, loop.jobs, loop.wakeups};
    envelope<schemas::GatewayStatistics>::builder answer;
    actors::encode(all, *answer);
    return answer.finish();
  }

  gateway_actor::pointer self_;
  runtime::reactor& home_;
  shard_directory& directory_;
  const node_config& config_;
  gateway_parts parts_;
  prng random_;
  live_settings settings_;
  client_statistics counted_;
  std::vector<lsn> durable_;
  std::vector<std::string> log_failures_;
  std::vector<outgoing_batch> batches_;
  session_environment environment_;
  std::vector<gateway_peer> peers_;
  metrics_actor metrics_;
  client_table clients_;
  const std::uint64_t started_us_ = home_.time().monotonic_us();
  std::uint64_t last_client_ = 0;
  bool listening_ = false;
  bool stopping_ = false;
  bool quit_sent_ = false;
  std::uint64_t stop_at_us_ = 0;
};

}  // namespace

gateway_actor spawn_gateway(runtime::reactor& home, shard_directory& directory,
                            const node_config& config, gateway_parts parts) {
  return runtime::spawn_pinned<gateway_state, gateway_actor>(home, &home, &directory, &config,
                                                             std::move(parts));
}

}  // namespace troupe::actors
