// What a node counts about itself: plain values, filled by the actors, read by INFO and /metrics.
//
// Place: CAF-free part of actors/. Each reactor, shard and gateway fills its own copy on its own
// thread and sends it when asked; nothing here is shared or atomic.
// Counters end in what they count and only grow; gauges are states at the time of asking.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "storage/base/ids.hpp"

namespace troupe::actors {

/// Counts values in buckets with upper bounds 1, 2, 4, ... 2^31; larger ones only in count and sum.
class power_histogram {
 public:
  static constexpr std::size_t bucket_count = 32;

  power_histogram() = default;
  /// One that was counted elsewhere.
  power_histogram(const std::array<std::uint64_t, bucket_count>& buckets, std::uint64_t count,
                  std::uint64_t sum) noexcept
      : buckets_(buckets), count_(count), sum_(sum) {}

  void record(std::uint64_t value) noexcept {
    const auto bucket = static_cast<std::size_t>(value <= 1 ? 0 : std::bit_width(value - 1));
    if (bucket < bucket_count) ++buckets_[bucket];
    ++count_;
    sum_ += value;
  }
  void merge(const power_histogram& other) noexcept {
    for (std::size_t i = 0; i < bucket_count; ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    sum_ += other.sum_;
  }
  /// Values v with upper_bound(bucket - 1) < v <= upper_bound(bucket). Precondition: in range.
  [[nodiscard]] std::uint64_t in_bucket(std::size_t bucket) const { return buckets_.at(bucket); }
  [[nodiscard]] static constexpr std::uint64_t upper_bound(std::size_t bucket) noexcept {
    return 1ull << bucket;
  }
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  [[nodiscard]] std::uint64_t sum() const noexcept { return sum_; }

 private:
  std::array<std::uint64_t, bucket_count> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t sum_ = 0;
};

/// Who waits for small frames to be on disk: nobody (the kernel tells), or a thread.
enum class log_commits : std::uint8_t { thread, io_uring };

/// One shard.
struct shard_statistics {
  shard_id shard;
  // keys and memory
  std::uint64_t keys = 0;
  std::uint64_t keys_with_deadline = 0;
  std::uint64_t mean_ttl_ms = 0;           ///< of those, estimated; 0 = none or not known yet
  std::uint64_t index_bytes = 0;           ///< index tables and entry headers with keys
  std::uint64_t resident_value_bytes = 0;  ///< values held in memory
  std::uint64_t expired_keys = 0;          ///< counter
  std::uint64_t evicted_values = 0;        ///< counter: values that left memory, not keys
  std::uint64_t hits = 0;                  ///< counter: lookups of existing keys
  std::uint64_t misses = 0;                ///< counter
  std::uint64_t cold_reads = 0;            ///< counter: values read from disk
  // log
  lsn appended;
  lsn durable;
  std::uint64_t appended_bytes = 0;  ///< counter: records, headers included
  std::uint64_t written_bytes = 0;   ///< counter: frames as written, padding included
  std::uint64_t segments = 0;
  std::uint64_t segment_bytes = 0;  ///< disk space taken by all segments
  std::uint64_t commits = 0;        ///< counter
  power_histogram commit_records;
  power_histogram commit_bytes;
  power_histogram commit_latency_us;  ///< from handing a frame to the flusher to its answer
  log_commits commits_by = log_commits::thread;
  epoch_number epoch;  ///< of what it writes
  history_id history;
  // back-pressure and trouble
  std::uint64_t queued_bytes = 0;          ///< records appended, not yet handed to the flusher
  std::uint64_t disk_full_rejections = 0;  ///< counter
  std::uint64_t unreadable_records = 0;    ///< counter: given up on, an error was replied
  bool disk_full = false;                  ///< the last segment asked for could not be made
  bool poisoned = false;                   ///< a write failed; the shard is read-only
};

/// One reactor thread.
struct reactor_statistics {
  std::uint32_t reactor = 0;
  std::uint64_t rounds = 0;          ///< counter
  std::uint64_t busy_us = 0;         ///< counter: time outside of waiting
  std::uint64_t messages = 0;        ///< counter
  std::uint64_t remote_wakeups = 0;  ///< counter: times another thread had to wake it
};

/// How often one command was sent, by what became of it.
struct command_figures {
  std::string name;            ///< "get", "config|set"
  std::uint64_t calls = 0;     ///< counter: executed, whatever the reply
  std::uint64_t rejected = 0;  ///< counter: refused before it was executed
  std::uint64_t failed = 0;    ///< counter: executed and answered with an error
  std::uint64_t us = 0;        ///< counter: from begin to reply, estimated (command_statistics.hpp)
};

/// Error replies of one code.
struct error_figures {
  std::string code;  ///< "ERR", "WRONGTYPE"
  std::uint64_t count = 0;
};

/// All gateways of the node together.
struct client_statistics {
  std::uint64_t connected = 0;
  std::uint64_t accepted = 0;                 ///< counter
  std::uint64_t rejected = 0;                 ///< counter: above the limit of clients
  std::uint64_t commands = 0;                 ///< counter: executed
  std::uint64_t error_replies = 0;            ///< counter
  std::uint64_t received_bytes = 0;           ///< counter
  std::uint64_t sent_bytes = 0;               ///< counter
  std::uint64_t protocol_errors = 0;          ///< counter
  std::uint64_t authentication_failures = 0;  ///< counter
  std::uint64_t commit_timeouts = 0;          ///< counter: held replies that ran out of time
  std::uint64_t reads = 0;                    ///< counter: of sockets, by system call
  std::uint64_t writes = 0;                   ///< counter: to sockets, by system call
  std::uint64_t evicted = 0;                  ///< counter: closed because all held too much
  std::uint64_t output_bytes = 0;             ///< unread replies of all clients
  std::uint64_t held_replies = 0;             ///< of these, waiting for a watermark
  std::uint64_t blocked = 0;                  ///< clients in WAIT or WAITAOF
  std::uint64_t memory_bytes = 0;             ///< buffers of all clients and commands under way
  std::uint64_t memory_limit_bytes = 0;       ///< the bound of that over the node; 0 = none
  std::uint64_t recent_input_max = 0;         ///< largest read buffer of the last seconds, bytes
  std::uint64_t recent_output_max = 0;        ///< likewise unread replies of one client
  std::uint64_t commands_per_s = 0;           ///< over the last 1.6 s; likewise the next two
  std::uint64_t received_bytes_per_s = 0;
  std::uint64_t sent_bytes_per_s = 0;
  std::vector<command_figures> per_command;  ///< those that were sent, by name
  std::vector<error_figures> errors;         ///< by code
};

/// Connections refused or closed by this node, by one reason.
struct refusal_figures {
  std::string reason;       ///< replication/PROTOCOL.md, "The link"
  std::uint64_t count = 0;  ///< counter
};

/// One actor, as its operator sees it.
struct actor_figures {
  std::string name;            ///< "shard/0"
  std::string place;           ///< "reactor 0", "thread", "scheduler"
  std::string state;           ///< "running", "dead"; of a link, who is at its other end
  std::uint64_t mailbox = 0;   ///< messages waiting
  std::uint64_t messages = 0;  ///< counter: handled
  std::uint64_t busy_us = 0;   ///< counter: in messages; not in sockets and ends of rounds
  std::uint64_t restarts = 0;  ///< counter: times it was made anew
};

/// Links with other nodes and with consoles.
struct link_statistics {
  std::uint32_t members = 0;    ///< open links with other nodes
  std::uint32_t operators = 0;  ///< open links with consoles
  std::uint32_t unproved = 0;   ///< connections that have not shown yet that they know the secret
  std::uint64_t accepted = 0;   ///< counter: connections
  std::uint64_t proved = 0;     ///< counter: of these, links that opened
  std::uint64_t hung_up = 0;    ///< counter: closed by the other side, at whatever state
  std::vector<refusal_figures> refused;  ///< by every reason there is
  std::vector<actor_figures> links;      ///< the actors of open links
};

/// What does not change while a process runs.
struct node_facts {
  std::string run_id;          ///< 40 hexadecimal digits, new with every start
  std::string replication_id;  ///< likewise: the node and the histories its shards write
  std::uint16_t client_port = 0;
  std::string peer_address;    ///< where it listens for nodes and consoles
  std::string announced_peer;  ///< what others are told to dial for that
  std::uint64_t process_id = 0;
  std::uint64_t machine_memory_bytes = 0;
  std::uint64_t own_memory_bytes = 0;  ///< allocated when it was opened, without index and values
  std::string executable;              ///< path
  std::string config_file;             ///< path, empty if there is none
  std::string system;                  ///< name, release, machine
};

/// The whole node.
struct node_statistics {
  std::string version;
  std::uint64_t uptime_ms = 0;
  std::uint64_t resident_bytes = 0;      ///< of the process
  std::uint64_t resident_bytes_max = 0;  ///< since it started
  std::uint64_t cpu_user_us = 0;         ///< counter
  std::uint64_t cpu_system_us = 0;       ///< counter
  std::uint64_t memory_limit_bytes = 0;  ///< configured bound of cached values
  node_facts facts;
  client_statistics clients;
  std::vector<shard_statistics> shards;
  std::vector<reactor_statistics> reactors;
  link_statistics links;
  std::vector<actor_figures> actors;  ///< without those of links; for /metrics only
};

}  // namespace troupe::actors
