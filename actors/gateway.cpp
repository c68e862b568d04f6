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
#include "actors/gateway_questions.hpp"
#include "actors/info_text.hpp"
#include "actors/paced_warning.hpp"
#include "actors/process_statistics.hpp"
#include "actors/rate_window.hpp"
#include "actors/resp/error_texts.hpp"
#include "actors/runtime/pinned_actor.hpp"
#include "actors/server_commands.hpp"
#include "actors/shard_requests.hpp"
#include "actors/statistics_codec.hpp"
#include "actors/stream_codec.hpp"

namespace troupe::actors {

namespace {

constexpr auto tick_interval = std::chrono::milliseconds(100);
/// Connections taken per round: a flood of them must not starve the clients there are.
constexpr int accepts_per_round = 64;
/// Of a message of all figures, those of every command included.
constexpr std::size_t figures_bytes = 8 * 1024;

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
        settings_{.level = config->level,
                  .commit_timeout_us = config->commit_timeout_ms * std::uint64_t{1000},
                  .clients_max = parts_.places->capacity(),
                  .clients_capacity = parts_.places->capacity(),
                  .client_memory_bytes = config->client_memory_bytes,
                  .memory_bytes = config->memory_bytes,
                  .segment_bytes = parts_.segment_bytes},
        durable_(parts_.shard_count),
        log_failures_(parts_.shard_count),
        shards_(self, parts_.index, parts_.shards),
        environment_{config_,   settings_,          counted_,
                     commands_, home_.time(),       home_.exact_time(),
                     random_,   parts_.shard_count, index::key_hasher(parts_.hash_seed),
                     durable_,  log_failures_},
        questions_(self, [this](const asking_client& who, std::string bytes) {
          answer(who, std::move(bytes));
        }) {
    home_.add_hook(*this);
  }

  ~gateway_state() override {
    stop_listening();
    clients_.clear();
    home_.remove_hook(*this);
  }

  gateway_actor::behavior_type make_behavior() {
    shards_.introduce();
    self_->delayed_send(self_, tick_interval, caf::tick_atom::value);
    return {
        [this](const envelope<schemas::GatewayRequest>& request) { return on_request(request); },
        [this](const envelope<schemas::Attach>&, const gateway_peer& peer) {
          questions_.add_peer(peer);
        },
        [this](const envelope<schemas::Attach>&, const metrics_actor& metrics) {
          questions_.set_metrics(metrics);
          may_listen_ = true;
          start_listening();
        },
        [this](const envelope<schemas::ReplyBatch>& batch) { on_replies(batch); },
        [this](const envelope<schemas::StreamPart>& part,
               const envelope<schemas::RecordRead>& record) { on_part(part, record); },
        [this](const envelope<schemas::Watermark>& mark) { on_watermark(mark); },
        [this](const envelope<schemas::TransactionReply>& reply) { on_transaction(reply); },
        [this](const envelope<schemas::StatisticsRequest>& request) { return statistics(request); },
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
        if (const auto times = refused_.failed(home_.time().monotonic_us())) {
          spdlog::warn("{} ({} times since this was said last): whoever connects has to wait",
                       accepted.error().message, *times);
        }
        stop_listening();
        return;
      }
      if (!*accepted) return;
      add_client(std::move(**accepted));
    }
  }

  void on_round_end() override {
    clients_.settle(home_.time().monotonic_us());
    bound_client_memory();
    shards_.send_batches();
    if (stopping_ && clients_.size() == 0 && !quit_sent_) {
      quit_sent_ = true;
      self_->send(self_, envelope<schemas::Stop>::builder().finish());
    }
  }

  std::optional<std::uint64_t> next_deadline_us() const override {
    return clients_.next_deadline_us();
  }

  // ---- session_services -------------------------------------------------------------------------
  shard_core* local_shard(shard_id shard) override { return directory_.local[shard.value]; }

  void send_command(shard_id shard, std::uint64_t connection, std::uint64_t tag,
                    const shard_call& call) override {
    shards_.command(shard, connection, tag, call);
  }
  void pause(shard_id shard, std::uint64_t transaction) override {
    shards_.pause(shard, transaction);
  }
  void run(shard_id shard, std::uint64_t transaction,
           const std::vector<sent_piece>& pieces) override {
    shards_.run(shard, transaction, pieces);
  }
  void release(shard_id shard, std::uint64_t transaction) override {
    shards_.release(shard, transaction);
  }
  void demand_commit(shard_id shard, lsn upto) override { shards_.demand_commit(shard, upto); }

  void credit_stream(shard_id shard, std::uint64_t stream, std::uint32_t parts) override {
    shards_.streams(shard).credit(stream, parts);
  }

  void drop_stream(shard_id shard, std::uint64_t stream) override {
    shards_.streams(shard).drop(stream);
  }

  void answer_info(session& from, std::uint64_t ticket,
                   std::vector<std::string> sections) override {
    questions_.ask_figures(asker(from, ticket),
                           [this, sections](node_statistics all, resp::reply_writer& reply) {
                             add_process_figures(all, config_, *parts_.facts, uptime_ms());
                             reply.verbatim("txt", info_text(all, config_, settings_, sections));
                           });
  }

  void answer_role(session& from, std::uint64_t ticket) override {
    questions_.ask_figures(
        asker(from, ticket),
        [](const node_statistics& all, resp::reply_writer& reply) { reply_role(all, reply); });
  }

  void answer_client_list(session& from, std::uint64_t ticket,
                          std::vector<std::uint64_t> ids) override {
    questions_.list_clients(asker(from, ticket), ids);
  }

  void answer_client_kill(session& from, std::uint64_t ticket, const kill_filter& filter) override {
    questions_.kill_clients(asker(from, ticket), filter);
  }

  void answer_configure(session& from, std::uint64_t ticket, const std::string& setting,
                        const std::string& value) override {
    questions_.configure(asker(from, ticket), setting, value);
  }

  void answer_reset_statistics(session& from, std::uint64_t ticket) override {
    questions_.reset_figures(asker(from, ticket));
  }

  void stop_node() override {
    envelope<schemas::Stop>::builder order;
    self_->send(parts_.node, order.finish());
  }

 private:
  /// The upper bit marks a transaction; the rest is its connection.
  static std::uint64_t connection_of(std::uint64_t lane) {
    return lane & ~(std::uint64_t{1} << 63);
  }
  static asking_client asker(session& from, std::uint64_t ticket) {
    return {from.identity().id, ticket, from.protocol()};
  }
  [[nodiscard]] std::uint64_t uptime_ms() const {
    return (home_.time().monotonic_us() - started_us_) / 1000;
  }

  void start_listening() {
    if (listening_ || stopping_ || !may_listen_) return;
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

  /// Every gateway may hold an equal part of the bound: who is large is closed where it is.
  void bound_client_memory() {
    const auto bound = settings_.client_memory_bytes;
    const auto gateways = questions_.gateway_count();
    if (bound == 0 || clients_.memory_bytes() * gateways <= bound) return;
    counted_.evicted += clients_.evict(bound / gateways);
  }

  void add_client(runtime::descriptor socket) {
    auto place = parts_.places->take(settings_.clients_max);
    if (!place) {
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
    auto added = std::make_unique<client_socket>(std::move(socket), std::move(*place),
                                                 std::move(client), home_, clients_);
    if (added->open()) clients_.add(std::move(added));
  }

  void on_replies(const envelope<schemas::ReplyBatch>& message) {
    const envelope<schemas::ReplyBatch>::reader batch(message);
    const shard_id shard{batch->getShard()};
    for (const auto each : batch->getReplies()) {
      auto* socket = clients_.find(each.getConnection());
      auto reply = actors::decode(each);
      if (socket == nullptr) {  // its client left
        for (const auto& stream : reply.streams) drop_stream(shard, stream.number);
        continue;
      }
      if (reply.streams.empty()) {
        socket->client().on_reply(shard, reply.ticket, std::move(reply.bytes), reply.outcome);
      } else {
        const auto marks = marks_of(reply.streams, shard);
        socket->client().on_streamed_reply(shard, reply.ticket, {std::move(reply.bytes), marks},
                                           reply.outcome);
      }
      clients_.on_active(*socket);
    }
  }

  void on_part(const envelope<schemas::StreamPart>& message,
               const envelope<schemas::RecordRead>& record) {
    const envelope<schemas::StreamPart>::reader part(message);
    auto* socket = clients_.find(connection_of(part->getConnection()));
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
    const shard_id shard{reply->getShard()};
    auto* socket = clients_.find(connection_of(reply->getTransaction()));
    if (socket == nullptr) return;
    std::vector<transaction_answer> answers;
    for (const auto each : reply->getReplies()) {
      auto answer = actors::decode(each);
      answers.push_back({std::move(answer.bytes), answer.outcome.hold, answer.outcome.last_write,
                         marks_of(answer.streams, shard)});
    }
    socket->client().on_transaction_answer(shard, std::move(answers));
    clients_.on_active(*socket);
  }

  void answer(const asking_client& who, std::string bytes) {
    auto* socket = clients_.find(who.id);
    if (socket == nullptr) return;
    socket->client().on_answer(who.ticket, std::move(bytes));
    clients_.on_active(*socket);
  }

  envelope<schemas::GatewayAnswer> on_request(const envelope<schemas::GatewayRequest>& message) {
    const envelope<schemas::GatewayRequest>::reader request(message);
    std::string lines;
    std::uint32_t killed = 0;
    std::optional<std::string> refused;
    std::vector<std::pair<std::string, std::string>> settings;
    switch (request->which()) {
      case schemas::GatewayRequest::LIST_CLIENTS:
        lines = list_clients(request->getListClients());
        break;
      case schemas::GatewayRequest::KILL_CLIENTS: killed = kill(request->getKillClients()); break;
      case schemas::GatewayRequest::CONFIGURE: {
        const auto setting = request->getConfigure();
        refused = apply_setting(settings_, schemas::view(setting.getName()),
                                schemas::view(setting.getValue()));
        break;
      }
      case schemas::GatewayRequest::READ_SETTINGS:
        settings = read_settings(request->getReadSettings());
        break;
    }
    envelope<schemas::GatewayAnswer>::builder reply(lines.size() + 64 + settings.size() * 64);
    reply->setLines(schemas::data(lines));
    reply->setKilled(killed);
    if (refused) reply->setRefused(schemas::text(*refused));
    auto list = reply->initSettings(static_cast<unsigned>(settings.size()));
    for (unsigned i = 0; i < list.size(); ++i) {
      list[i].setName(schemas::text(settings[i].first));
      list[i].setValue(schemas::text(settings[i].second));
    }
    return reply.finish();
  }

  std::vector<std::pair<std::string, std::string>> read_settings(
      capnp::List<capnp::Text>::Reader wanted) {
    std::vector<std::string_view> patterns;
    for (const auto pattern : wanted) patterns.push_back(schemas::view(pattern));
    const auto port = std::to_string(parts_.facts->client_port);
    return matching_settings({config_, settings_, parts_.shard_count, port}, patterns);
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
      recent_input_.note(now, client.input_bytes());
      recent_output_.note(now, client.output_bytes());
      return client.on_tick(now);
    });
    commands_rate_.sample(now, commands_.calls());
    received_rate_.sample(now, counted_.received_bytes);
    sent_rate_.sample(now, counted_.sent_bytes);
    start_listening();
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

  envelope<schemas::GatewayStatistics> statistics(
      const envelope<schemas::StatisticsRequest>& request) {
    gateway_statistics all;
    all.clients = counted_;
    commands_.report(all.clients);
    all.clients.connected = clients_.size();
    clients_.for_each([&all](session& client) {
      all.clients.output_bytes += client.output_bytes();
      all.clients.held_replies += client.held_count();
      if (client.waits()) ++all.clients.blocked;
      return false;
    });
    all.clients.memory_bytes = clients_.memory_bytes();
    all.clients.memory_limit_bytes = settings_.client_memory_bytes;
    all.clients.recent_input_max = recent_input_.value();
    all.clients.recent_output_max = recent_output_.value();
    all.clients.commands_per_s = commands_rate_.per_second();
    all.clients.received_bytes_per_s = received_rate_.per_second();
    all.clients.sent_bytes_per_s = sent_rate_.per_second();
    const auto loop = home_.counters();
    all.reactor = {parts_.index, loop.rounds, loop.busy_us, loop.jobs, loop.wakeups};
    if (envelope<schemas::StatisticsRequest>::reader(request)->getReset()) {
      counted_ = {};
      commands_ = {};
    }
    envelope<schemas::GatewayStatistics>::builder answer(figures_bytes);
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
  command_statistics commands_;
  std::vector<lsn> durable_;
  std::vector<std::string> log_failures_;
  shard_requests shards_;
  session_environment environment_;
  gateway_questions questions_;
  client_table clients_;
  rate_window commands_rate_, received_rate_, sent_rate_;
  recent_max recent_input_, recent_output_;
  const std::uint64_t started_us_ = home_.time().monotonic_us();
  paced_warning refused_;
  std::uint64_t last_client_ = 0;
  bool listening_ = false;
  bool may_listen_ = false;  // it knows metrics, the last to come: whoever connects can be answered
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
