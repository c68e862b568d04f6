// A reactor on a thread of its own, with senders on others. Run under ThreadSanitizer, too.
#include "actors/runtime/reactor.hpp"

#include <doctest/doctest.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/send.hpp>
#include <thread>
#include <vector>

#include "actors/runtime/pinned_actor.hpp"
#include "tests/actors/runtime/recorder.hpp"

namespace troupe::tests {
namespace {

caf::actor_system_config& small(caf::actor_system_config& config) {
  config.set("scheduler.max-threads", std::size_t{1});
  config.set("scheduler.policy", caf::atom("sharing"));
  return config;
}

// A reactor that runs from start() to stop().
struct running_reactor {
  caf::actor_system_config config;
  caf::actor_system system{small(config)};
  system_clock real;
  runtime::round_clock time{real};
  runtime::reactor reactor;
  std::thread thread;

  explicit running_reactor(std::uint32_t spin_us) : reactor(system, time, spin_us) {
    REQUIRE(reactor.open());
  }
  ~running_reactor() { stop(); }
  void start() {
    thread = std::thread([this] { reactor.run(); });
  }
  void stop() {
    if (!thread.joinable()) return;
    reactor.stop();
    thread.join();
  }
};

void wait_for(const std::atomic<int>& count, int wanted) {
  while (count.load() < wanted) std::this_thread::yield();
}

}  // namespace

TEST_CASE("messages of several threads all arrive, those of each in order, on one thread") {
  constexpr int senders = 3;
  constexpr int messages = 3000;
  recorder_notes notes;
  running_reactor world(50);
  {
    const auto recorder =
        runtime::spawn_pinned<recorder_state, recorder_actor>(world.reactor, &notes);
    world.start();
    std::vector<std::thread> threads;
    for (int sender = 0; sender < senders; ++sender) {
      threads.emplace_back([recorder, sender] {
        for (int i = 0; i < messages; ++i) caf::anon_send(recorder, sender * messages + i);
      });
    }
    for (auto& thread : threads) thread.join();
    wait_for(notes.count, senders * messages);
    world.stop();
  }
  std::vector<int> last(senders, -1);
  for (const int number : notes.numbers) {
    const auto sender = static_cast<std::size_t>(number / messages);
    CHECK(number > last[sender]);
    last[sender] = number;
  }
  CHECK(notes.numbers.size() == senders * messages);
  CHECK(std::ranges::all_of(notes.threads, [&](auto id) { return id == notes.threads[0]; }));
}

TEST_CASE("a sleeping reactor is woken by every message") {
  recorder_notes notes;
  running_reactor world(0);
  const auto recorder =
      runtime::spawn_pinned<recorder_state, recorder_actor>(world.reactor, &notes);
  world.start();
  for (int i = 0; i < 300; ++i) {
    caf::anon_send(recorder, i);
    wait_for(notes.count, i + 1);
  }
  world.stop();
  CHECK(notes.numbers.size() == 300);
}

TEST_CASE("a round runs the jobs there were at its start, then the hooks in the order added") {
  struct noting_hook final : runtime::round_hook {
    std::vector<int>* order = nullptr;
    recorder_notes* notes = nullptr;
    int id = 0;
    void on_round_end() override {
      order->push_back(id);
      order->push_back(static_cast<int>(notes->numbers.size()));
    }
    [[nodiscard]] std::optional<std::uint64_t> next_deadline_us() const override { return {}; }
  };
  std::vector<int> order;
  recorder_notes notes;
  noting_hook first;
  noting_hook second;
  for (auto* hook : {&first, &second}) {
    hook->order = &order;
    hook->notes = &notes;
  }
  first.id = 100;
  second.id = 200;
  running_reactor world(0);
  {
    const auto recorder =
        runtime::spawn_pinned<recorder_state, recorder_actor>(world.reactor, &notes);
    world.reactor.add_hook(first);
    world.reactor.add_hook(second);
    caf::anon_send(recorder, 1);
    caf::anon_send(recorder, 2);
    world.reactor.step();
    CHECK(order == std::vector<int>{100, 2, 200, 2});
    caf::anon_send(recorder, 3);
    world.reactor.remove_hook(first);
    world.reactor.step();
    CHECK(order == std::vector<int>{100, 2, 200, 2, 200, 3});
    caf::anon_send_exit(recorder, caf::exit_reason::user_shutdown);
  }
  world.reactor.step();
  CHECK(notes.alive == 0);
}

TEST_CASE("a reactor with an overdue hook does not sleep") {
  struct overdue_hook final : runtime::round_hook {
    std::atomic<int>* rounds = nullptr;
    void on_round_end() override { ++*rounds; }
    [[nodiscard]] std::optional<std::uint64_t> next_deadline_us() const override {
      return std::uint64_t{0};
    }
  };
  std::atomic<int> rounds{0};
  overdue_hook hook;
  hook.rounds = &rounds;
  running_reactor world(0);
  world.reactor.add_hook(hook);
  world.start();
  wait_for(rounds, 20);
  world.stop();
  CHECK(rounds >= 20);
}

TEST_CASE("a watched descriptor calls its handler on the reactor's thread until it is unwatched") {
  struct counting_handler final : runtime::io_handler {
    runtime::reactor* home = nullptr;
    int fd = -1;
    std::atomic<int> calls{0};
    void on_ready(std::uint32_t events) override {
      CHECK((events & EPOLLIN) != 0);
      eventfd_t value = 0;
      ::eventfd_read(fd, &value);
      if (++calls == 3) home->unwatch(fd);
    }
  };
  running_reactor world(0);
  counting_handler handler;
  handler.home = &world.reactor;
  handler.fd = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  REQUIRE(world.reactor.watch(handler.fd, EPOLLIN, handler));
  world.start();
  for (int i = 1; i <= 3; ++i) {
    ::eventfd_write(handler.fd, 1);
    wait_for(handler.calls, i);
  }
  ::eventfd_write(handler.fd, 1);
  world.stop();
  CHECK(handler.calls == 3);
  ::close(handler.fd);
}

TEST_CASE("what is queued when a reactor stops is given back") {
  recorder_notes notes;
  running_reactor world(0);
  {
    const auto recorder =
        runtime::spawn_pinned<recorder_state, recorder_actor>(world.reactor, &notes);
    for (int i = 0; i < 10; ++i) caf::anon_send(recorder, i);
    world.reactor.stop();
    world.start();
    world.stop();
    CHECK(notes.count == 0);
  }
  CHECK(notes.alive == 0);
}

}  // namespace troupe::tests
