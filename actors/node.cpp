#include "actors/node.hpp"

#include <fmt/format.h>
#include <pthread.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "actors/descriptor_limit.hpp"
#include "actors/http_server.hpp"
#include "actors/metrics_text.hpp"
#include "actors/process_statistics.hpp"
#include "actors/statistics_codec.hpp"
#include "actors/supervisor.hpp"
#include "storage/io/posix_file_system.hpp"

namespace troupe::actors {

namespace {

constexpr auto answer_deadline = std::chrono::seconds(3);
/// Longer polling gains nothing, shorter costs wake-ups (actors/README.md, "Busy polling").
constexpr std::uint32_t spin_us = 50;

/// Says what went wrong on standard error; the exit code of a failed start.
int refuse(const failure& why) {
  fmt::print(stderr, "troupe: {}\n", why.message);
  return 1;
}

caf::actor_system_config& configure(caf::actor_system_config& config) {
  config.add_message_types<caf::id_block::troupe_messages>();
  const auto cores = std::max(1u, std::thread::hardware_concurrency());
  config.set("scheduler.max-threads", std::max<std::size_t>(1, cores / 2));
  // Workers that steal poll; sharing ones sleep until there is work.
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-throughput", std::size_t{300});
  return config;
}

/// SIGTERM and SIGINT as one message to the node, taken by a thread of its own. SIGHUP is ignored:
/// it comes when a terminal closes or somebody asks a daemon to read its configuration again, and
/// neither is a wish to lose the node.
class signal_listener {
 public:
  /// Call before any thread is started: all inherit the mask.
  signal_listener() {
    sigemptyset(&stop_signals_);
    sigaddset(&stop_signals_, SIGTERM);
    sigaddset(&stop_signals_, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stop_signals_, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGHUP, SIG_IGN);
  }
  ~signal_listener() { finish(); }

  void start(node_actor node) {
    thread_ = std::thread([this, node = std::move(node)]() mutable {
      const timespec interval{0, 100'000'000};
      while (!finished_) {
        if (sigtimedwait(&stop_signals_, nullptr, &interval) < 0) continue;
        caf::anon_send(node, envelope<schemas::Stop>::builder().finish());
      }
    });
  }
  void finish() {
    finished_ = true;
    if (thread_.joinable()) thread_.join();
  }

 private:
  sigset_t stop_signals_{};
  std::atomic<bool> finished_{false};
  std::thread thread_;
};

/// Reactors and their threads.
class reactor_group {
 public:
  result<void> start(caf::actor_system& system, std::vector<runtime::round_clock>& clocks) {
    // Polling pays only while a core is free for it.
    const auto cores = std::max(1u, std::thread::hardware_concurrency());
    for (auto& clock : clocks) {
      reactors.push_back(
          std::make_unique<runtime::reactor>(system, clock, clocks.size() < cores ? spin_us : 0));
      TRY_VOID(reactors.back()->open());
    }
    for (const auto& each : reactors) {
      threads_.emplace_back([&reactor = *each] { reactor.run(); });
    }
    return {};
  }
  ~reactor_group() {
    for (const auto& each : reactors) each->stop();
    for (auto& thread : threads_) thread.join();
  }

  std::vector<std::unique_ptr<runtime::reactor>> reactors;

 private:
  std::vector<std::thread> threads_;
};

result<std::vector<runtime::descriptor>> make_listeners(const node_config& config) {
  std::vector<runtime::descriptor> listeners;
  auto port = config.client_address.port;
  for (std::uint32_t i = 0; i < config.reactors; ++i) {
    const auto sharing = i == 0 ? runtime::port_sharing::first : runtime::port_sharing::further;
    TRY(auto listener, runtime::listen_on(config.client_address.host, port, sharing));
    port = runtime::local_port(listener);
    listeners.push_back(std::move(listener));
  }
  return listeners;
}

/// Asks the node what it counts; nothing if it does not answer in time. Any thread.
std::optional<node_statistics> ask_statistics(caf::actor_system& system, const node_actor& node) {
  std::optional<node_statistics> answer;
  caf::scoped_actor self(system);
  self->request(node, answer_deadline, envelope<schemas::StatisticsRequest>::builder().finish())
      .receive(
          [&](const envelope<schemas::NodeStatistics>& message) {
            answer = decode(*envelope<schemas::NodeStatistics>::reader(message));
          },
          [](const caf::error&) {});
  return answer;
}

http_reply unhealthy(std::string why) {
  return {503, "text/plain; charset=utf-8", std::move(why) + "\n"};
}

http_reply health_page(const std::optional<node_statistics>& all, std::uint32_t shard_count) {
  if (!all) return unhealthy("the node does not answer");
  for (const auto& shard : all->shards) {
    if (shard.poisoned) {
      return unhealthy(fmt::format("shard {} is read-only: its log failed", shard.shard.value));
    }
    if (shard.disk_full) {
      return unhealthy(fmt::format("shard {} has no disk space for new data", shard.shard.value));
    }
  }
  if (all->shards.size() < shard_count) {
    return unhealthy(fmt::format("{} of {} shards do not answer", shard_count - all->shards.size(),
                                 shard_count));
  }
  // The node serves all else: taken out of service it would help nobody.
  std::string text = "ok\n";
  for (const auto& shard : all->shards) {
    if (shard.unreadable_records == 0) continue;
    text += fmt::format("damaged data in shard {}: {} records could not be read\n",
                        shard.shard.value, shard.unreadable_records);
  }
  return {200, "text/plain; charset=utf-8", std::move(text)};
}

result<std::unique_ptr<http_server>> start_http(const node_config& config,
                                                caf::actor_system& system, const node_actor& node,
                                                const clock& time, const node_facts& facts,
                                                std::uint32_t shard_count) {
  const auto started_us = time.monotonic_us();
  const auto health = [&system, node, shard_count] {
    return health_page(ask_statistics(system, node), shard_count);
  };
  const auto metrics = [&system, &config, &time, &facts, node, started_us] {
    auto all = ask_statistics(system, node);
    if (!all) return unhealthy("the node does not answer");
    add_process_figures(*all, config, facts, (time.monotonic_us() - started_us) / 1000);
    return http_reply{200, metrics_content_type, metrics_text(*all)};
  };
  return http_server::start(
      {config.http_address, config.http_token},
      {{"/health", http_access::everybody, health}, {"/metrics", http_access::token, metrics}});
}

/// Places for clients: as many as the limit of descriptors leaves, said when those are few.
result<std::uint32_t> count_clients(std::uint64_t descriptors, const descriptor_needs& needs) {
  TRY(const auto clients, clients_within(descriptors, needs));
  if (clients < limits::clients_max) {
    spdlog::warn(
        "maxclients is {} instead of {}: this process may open {} files and sockets, {} of them "
        "are its own (ulimit -n, LimitNOFILE)",
        clients, limits::clients_max, descriptors, descriptors_beside_clients(needs));
  }
  return clients;
}

/// Runs until the node actor ended; true if it stopped as it was told.
bool wait_for_end(caf::actor_system& system, const node_actor& node) {
  caf::scoped_actor self(system);
  self->monitor(node);
  auto orderly = false;
  self->receive([&](const caf::down_msg& message) {
    orderly = message.reason == caf::error{} || message.reason == caf::exit_reason::normal;
  });
  return orderly;
}

}  // namespace

int run_node(const node_config& config) {
  spdlog::set_default_logger(spdlog::stderr_color_mt("troupe"));
  signal_listener signals;
  const auto descriptors = raise_descriptor_limit();
  const system_clock time;
  const auto files = io::make_posix_file_system();

  auto listeners = make_listeners(config);
  if (!listeners) return refuse(listeners.error());
  const auto peer_listener = runtime::listen_on(config.peer_address.host, config.peer_address.port,
                                                runtime::port_sharing::alone);
  if (!peer_listener) return refuse(peer_listener.error().in("peer-address"));
  // Before the reactors, because shards are recovered before there are any.
  std::vector<runtime::round_clock> clocks(config.reactors, runtime::round_clock(time));
  std::vector<const clock*> shard_clocks;
  for (const auto& each : clocks) shard_clocks.push_back(&each);
  auto storage = open_node_storage(*files, config, shard_clocks,
                                   std::max(1u, std::thread::hardware_concurrency()));
  if (!storage) return refuse(storage.error());
  const auto lock = std::move(storage->lock);  // held until everything is closed
  const auto shard_count = storage->identity.shard_count;
  const auto clients = count_clients(descriptors, {shard_count, config.reactors});
  if (!clients) return refuse(clients.error());
  const auto client_name = runtime::local_name(listeners->front());
  const auto peer_name = runtime::local_name(*peer_listener);
  const auto facts = gather_facts(
      *storage, config, {runtime::local_port(listeners->front()), peer_name}, random_seed());
  client_places places(*clients);

  caf::actor_system_config settings;
  caf::actor_system system(configure(settings));
  std::vector<shard_directory> directories(config.reactors);
  for (auto& each : directories) each.local.resize(shard_count);
  reactor_group group;
  if (const auto started = group.start(system, clocks); !started) {
    return refuse(started.error());
  }
  auto node = spawn_supervisor(
      system,
      storage_children(system, {&config, files.get(), std::move(*storage), std::move(*listeners),
                                &*peer_listener, &group.reactors, &directories, &places, &facts}));
  auto exit_code = 1;
  {
    auto http = start_http(config, system, node, time, facts, shard_count);
    if (!http || !ask_statistics(system, node)) {
      refuse(http ? failure{errc::busy, "the node did not start in time"} : http.error());
      caf::anon_send(node, envelope<schemas::Stop>::builder().finish());
      wait_for_end(system, node);
      return 1;
    }
    fmt::print("listening client={}\nlistening peer={}\nlistening http={}\nready\n", client_name,
               peer_name, to_string((*http)->local_address()));
    std::fflush(stdout);
    signals.start(node);
    exit_code = wait_for_end(system, node) ? 0 : 1;
  }
  signals.finish();
  node = nullptr;  // a handle left over would keep the system from ending
  if (exit_code == 0) {
    spdlog::info("stopped");
  } else {
    spdlog::error("stopped after a failure, which is named above");
  }
  return exit_code;
}

}  // namespace troupe::actors
