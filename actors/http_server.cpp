#include "actors/http_server.hpp"

#include <fmt/format.h>
#include <httplib.h>
#include <sys/socket.h>

#include <cerrno>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <string_view>
#include <thread>
#include <utility>

namespace troupe::actors {

namespace {

constexpr int idle_seconds = 2;
constexpr int read_seconds = 5;
constexpr int write_seconds = 5;

/// Fixed threads with a bounded queue. The library's own queue has no bound, and a job cannot be
/// dropped because it owns a socket: so enqueue() waits, and with it the accepting thread.
class bounded_pool final : public httplib::TaskQueue {
 public:
  bounded_pool() {
    for (std::size_t i = 0; i < http_threads; ++i) threads_.emplace_back([this] { work(); });
  }
  void enqueue(std::function<void()> job) override {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return jobs_.size() < http_queue; });
    jobs_.push_back(std::move(job));
    changed_.notify_all();
  }
  void shutdown() override {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (auto& thread : threads_) thread.join();
  }

 private:
  void work() {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
        if (jobs_.empty()) return;
        job = std::move(jobs_.front());
        jobs_.pop_front();
      }
      changed_.notify_all();
      job();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  std::vector<std::thread> threads_;
  bool stopping_ = false;
};

/// Compares in a time that does not depend on where the strings differ.
bool same_secret(std::string_view given, std::string_view expected) noexcept {
  unsigned difference = given.size() == expected.size() ? 0 : 1;
  for (std::size_t i = 0; i < given.size(); ++i) {
    const char other = expected.empty() ? '\0' : expected[i % expected.size()];
    difference |= given[i] == other ? 0u : 1u;
  }
  return difference == 0;
}

bool allowed(const httplib::Request& request, const http_page& page, const std::string& token) {
  if (page.access == http_access::everybody || token.empty()) return true;
  constexpr std::string_view scheme = "Bearer ";
  const auto header = request.get_header_value("Authorization");
  return header.starts_with(scheme) &&
         same_secret(std::string_view(header).substr(scheme.size()), token);
}

/// Paths are compiled to regular expressions by the library; ours are literal.
std::string literal_pattern(const std::string& path) {
  std::string pattern;
  for (const char c : path) {
    if (std::string_view(R"(\^$.|?*+()[]{})").find(c) != std::string_view::npos) pattern += '\\';
    pattern += c;
  }
  return pattern;
}

void only_reuse_address(int socket) {
  // The library's default is SO_REUSEPORT, with which two nodes would share one port in silence.
  const int on = 1;
  // Failing to set it only delays a restart on the same port; bind reports that by itself.
  (void)setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
}

}  // namespace

/// The library's server and the thread that accepts.
class http_server::implementation {
 public:
  implementation(std::string token, std::vector<http_page> pages) : token_(std::move(token)) {
    server_.set_socket_options(only_reuse_address);
    server_.set_keep_alive_max_count(1);
    server_.set_keep_alive_timeout(idle_seconds);
    server_.set_read_timeout(read_seconds);
    server_.set_write_timeout(write_seconds);
    server_.set_payload_max_length(http_payload_bytes);
    for (auto& page : pages) add(std::move(page));
  }
  ~implementation() { stop(); }
  implementation(const implementation&) = delete;
  implementation& operator=(const implementation&) = delete;

  result<address> bind(const address& wanted) {
    errno = 0;
    int port = wanted.port;
    if (port == 0)
      port = server_.bind_to_any_port(wanted.host);
    else if (!server_.bind_to_port(wanted.host, port))
      port = -1;
    const int error = errno;
    if (port > 0) return address{wanted.host, static_cast<std::uint16_t>(port)};

    const auto what = fmt::format("http-address = {}", to_string(wanted));
    if (error == EADDRINUSE)
      return failure{errc::busy, what + ": another process listens on this port"};
    if (error == 0 || error == ENOENT || error == EADDRNOTAVAIL)
      return failure{errc::refused, what + ": this machine has no such address"};
    return os_error(what, error);
  }

  void run() {
    std::promise<void> accepting;
    auto started = accepting.get_future();
    // Called by the library once stop() works; before that, stop() would do nothing.
    server_.new_task_queue = [&accepting]() -> httplib::TaskQueue* {
      accepting.set_value();
      return std::make_unique<bounded_pool>().release();
    };
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    started.wait();
  }

  void stop() {
    if (!thread_.joinable()) return;
    server_.stop();
    thread_.join();
  }

 private:
  void add(http_page page) {
    auto handler = [this, page](const httplib::Request& request, httplib::Response& response) {
      if (!allowed(request, page, token_)) {
        response.status = 401;
        response.set_header("WWW-Authenticate", "Bearer");
        response.set_content("this page needs the node's bearer token\n", "text/plain");
        return;
      }
      const auto reply = page.answer();
      response.status = reply.status;
      response.set_content(reply.body, reply.content_type);
    };
    server_.Get(literal_pattern(page.path), std::move(handler));
  }

  const std::string token_;
  httplib::Server server_;
  std::thread thread_;
};

http_server::http_server(std::unique_ptr<implementation> inner, address local)
    : inner_(std::move(inner)), local_(std::move(local)) {}

http_server::~http_server() = default;

result<std::unique_ptr<http_server>> http_server::start(const http_options& options,
                                                        std::vector<http_page> pages) {
  auto inner = std::make_unique<implementation>(options.bearer_token, std::move(pages));
  TRY(auto local, inner->bind(options.listen));
  inner->run();
  return std::unique_ptr<http_server>(new http_server(std::move(inner), std::move(local)));
}

void http_server::stop() { inner_->stop(); }

}  // namespace troupe::actors
