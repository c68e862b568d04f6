#include "actors/http_connections.hpp"

#include <poll.h>
#include <spdlog/spdlog.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "actors/paced_warning.hpp"

namespace troupe::actors {

namespace {

using steady = std::chrono::steady_clock;

constexpr auto write_time = std::chrono::seconds(2);
constexpr auto linger_time = std::chrono::seconds(1);
/// How long nothing is accepted after that failed.
constexpr auto accept_pause = std::chrono::milliseconds(100);
constexpr std::string_view header_end = "\r\n\r\n";
constexpr std::string_view too_long =
    "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Length: 0\r\nConnection: "
    "close\r\n\r\n";

enum class phase : std::uint8_t { reading, answering, writing, lingering };

struct connection {
  explicit connection(runtime::descriptor from) : socket(std::move(from)) {}

  runtime::descriptor socket;
  phase now = phase::reading;
  steady::time_point deadline{};
  std::string bytes{};  // of the request, then of the answer
  std::size_t sent = 0;
};

/// A request on its way to a worker, or an answer on its way back.
struct parcel {
  std::uint64_t id;
  std::string bytes;
};

std::uint64_t microseconds(steady::time_point time) {
  const auto since = std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch());
  return static_cast<std::uint64_t>(since.count());
}

bool is_temporary(int error) { return error == EAGAIN || error == EINTR; }

}  // namespace

class http_connections::loop {
 public:
  loop(runtime::descriptor listener, responder respond, std::uint32_t header_ms,
       runtime::descriptor wake)
      : respond_(std::move(respond)),
        header_time_(header_ms),
        wake_(std::move(wake)),
        listener_(std::move(listener)) {
    for (std::size_t i = 0; i < http_threads; ++i) workers_.emplace_back([this] { work(); });
    poller_ = std::thread([this] { run(); });
  }
  ~loop() { stop(); }

  void stop() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake();
    if (poller_.joinable()) poller_.join();
    // The poller left nothing to be answered.
    changed_.notify_all();
    for (auto& worker : workers_) worker.join();
    workers_.clear();
  }

 private:
  // Workers.

  void work() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return (stopping_ && polled_out_) || !requests_.empty(); });
      if (requests_.empty()) return;
      const parcel request = std::move(requests_.front());
      requests_.pop_front();
      lock.unlock();
      auto answer = respond_(request.bytes);
      lock.lock();
      answers_.push_back({request.id, std::move(answer)});
      wake();
    }
  }

  // Everything below runs on the poller.

  void run() {
    for (;;) {
      const bool stopping = take_parcels();
      const auto now = steady::now();
      close_late(now);
      if (stopping) {
        listener_ = runtime::descriptor();
        close_idle();
      }
      if (stopping && open_.empty()) break;
      wait(now);
    }
    const std::lock_guard lock(mutex_);
    polled_out_ = true;
  }

  /// What other threads left here; true once all is to end.
  bool take_parcels() {
    std::vector<parcel> answers;
    bool stopping = false;
    {
      const std::lock_guard lock(mutex_);
      answers.swap(answers_);
      stopping = stopping_;
    }
    for (auto& answer : answers) {
      const auto place = open_.find(answer.id);
      if (place != open_.end()) begin_writing(place->second, std::move(answer.bytes));
    }
    return stopping;
  }

  void accept_some(steady::time_point now) {
    for (std::size_t i = 0; i < http_connections_max; ++i) {
      auto accepted = runtime::accept_from(listener_);
      if (!accepted) {
        accept_from_ = now + accept_pause;
        if (const auto times = refused_.failed(microseconds(now))) {
          spdlog::warn("http: {} ({} times since this was said last): whoever connects has to wait",
                       accepted.error().message, *times);
        }
        return;
      }
      if (!*accepted) return;
      admit(std::move(**accepted));
    }
  }

  void admit(runtime::descriptor socket) {
    if (open_.size() >= http_connections_max && !make_room()) return;
    auto& made = open_.try_emplace(next_id_++, std::move(socket)).first->second;
    made.deadline = steady::now() + header_time_;
  }

  /// Closes the oldest connection that may be given up, if there is one.
  bool make_room() {
    auto victim = std::ranges::find_if(
        open_, [](const auto& each) { return each.second.now == phase::reading; });
    if (victim == open_.end()) {
      victim = std::ranges::find_if(
          open_, [](const auto& each) { return each.second.now != phase::answering; });
    }
    if (victim == open_.end()) return false;
    open_.erase(victim);
    return true;
  }

  void close_late(steady::time_point now) {
    std::erase_if(open_, [now](const auto& each) {
      return each.second.now != phase::answering && each.second.deadline <= now;
    });
  }

  void close_idle() {
    std::erase_if(open_, [](const auto& each) {
      return each.second.now == phase::reading || each.second.now == phase::lingering;
    });
  }

  /// Until a socket is ready, a deadline passes or somebody calls wake(); then serves the sockets.
  void wait(steady::time_point now) {
    const bool accepts = accept_from_ <= now;
    // A negative descriptor is not looked at.
    std::vector<pollfd> polled{{wake_.get(), POLLIN, 0},
                               {accepts ? listener_.get() : -1, POLLIN, 0}};
    std::vector<std::uint64_t> ids{0, 0};
    auto until = accepts ? steady::time_point::max() : accept_from_;
    for (const auto& [id, each] : open_) {
      if (each.now == phase::answering) continue;
      until = std::min(until, each.deadline);
      const short events = each.now == phase::writing ? POLLOUT : POLLIN;
      polled.push_back({each.socket.get(), events, 0});
      ids.push_back(id);
    }
    int timeout_ms = -1;
    if (until != steady::time_point::max()) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
      timeout_ms = static_cast<int>(std::max<std::int64_t>(0, left.count()));
    }
    if (::poll(polled.data(), polled.size(), timeout_ms) <= 0) return;
    if (polled[0].revents != 0) drain_wake();
    for (std::size_t i = 2; i < polled.size(); ++i) {
      if (polled[i].revents == 0) continue;
      const auto place = open_.find(ids[i]);
      if (!serve(place->first, place->second)) open_.erase(place);
    }
    if (polled[1].revents != 0) accept_some(now);
  }

  /// False when the connection is to be closed.
  bool serve(std::uint64_t id, connection& with) {
    switch (with.now) {
      case phase::reading: return read_header(id, with);
      case phase::writing: return write_answer(with);
      case phase::lingering: return drop_input(with);
      case phase::answering: return true;
    }
    return true;
  }

  bool read_header(std::uint64_t id, connection& with) {
    std::array<char, http_header_bytes_max> piece;
    const auto got = ::recv(with.socket.get(), piece.data(), piece.size(), 0);
    if (got < 0) return is_temporary(errno);
    if (got == 0) return false;
    // The end of the header may lie across two pieces.
    const auto from = with.bytes.size() - std::min(with.bytes.size(), header_end.size() - 1);
    with.bytes.append(piece.data(), static_cast<std::size_t>(got));
    const auto end = with.bytes.find(header_end, from);
    if (std::min(end, with.bytes.size()) > http_header_bytes_max) {
      begin_writing(with, std::string(too_long));
      return true;
    }
    if (end == std::string::npos) return true;
    with.now = phase::answering;
    const std::lock_guard lock(mutex_);
    requests_.push_back({id, std::move(with.bytes)});
    changed_.notify_one();
    return true;
  }

  static void begin_writing(connection& with, std::string answer) {
    with.bytes = std::move(answer);
    with.now = phase::writing;
    with.deadline = steady::now() + write_time;
  }

  static bool write_answer(connection& with) {
    const auto left = std::string_view(with.bytes).substr(with.sent);
    const auto sent = ::send(with.socket.get(), left.data(), left.size(), MSG_NOSIGNAL);
    if (sent < 0) return is_temporary(errno);
    with.sent += static_cast<std::size_t>(sent);
    if (with.sent < with.bytes.size()) return true;
    if (::shutdown(with.socket.get(), SHUT_WR) != 0) return false;
    with.now = phase::lingering;
    with.deadline = steady::now() + linger_time;
    return true;
  }

  static bool drop_input(connection& with) {
    std::array<char, 4096> dropped;
    const auto got = ::recv(with.socket.get(), dropped.data(), dropped.size(), 0);
    return got < 0 ? is_temporary(errno) : got > 0;
  }

  void wake() const {
    const std::uint64_t one = 1;
    // It can fail only when the counter is full, and then the poller is awake.
    if (::write(wake_.get(), &one, sizeof one) < 0) return;
  }
  void drain_wake() const {
    std::uint64_t count = 0;
    if (::read(wake_.get(), &count, sizeof count) < 0) return;  // somebody else's wake-up follows
  }

  const responder respond_;
  const std::chrono::milliseconds header_time_;
  const runtime::descriptor wake_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<parcel> requests_;  // guarded, like all down to the empty line
  std::vector<parcel> answers_;
  bool stopping_ = false;
  bool polled_out_ = false;

  runtime::descriptor listener_;  // the poller's, like all down to the next empty line
  steady::time_point accept_from_{};
  paced_warning refused_;
  std::map<std::uint64_t, connection> open_;  // by age
  std::uint64_t next_id_ = 1;

  std::vector<std::thread> workers_;
  std::thread poller_;
};

http_connections::http_connections(std::unique_ptr<loop> inner) : inner_(std::move(inner)) {}

http_connections::~http_connections() = default;

result<std::unique_ptr<http_connections>> http_connections::start(runtime::descriptor listener,
                                                                  responder respond,
                                                                  std::uint32_t header_ms) {
  runtime::descriptor wake(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC));
  if (wake.get() < 0) return os_error("http: eventfd", errno);
  return std::unique_ptr<http_connections>(new http_connections(
      std::make_unique<loop>(std::move(listener), std::move(respond), header_ms, std::move(wake))));
}

void http_connections::stop() { inner_->stop(); }

}  // namespace troupe::actors
