#include "actors/statistics_codec.hpp"

#include <algorithm>

#include "schemas/envelope.hpp"

namespace troupe::actors {

namespace {

void encode(const power_histogram& from, schemas::Histogram::Builder to) {
  auto buckets = to.initBuckets(power_histogram::bucket_count);
  for (unsigned i = 0; i < buckets.size(); ++i) buckets.set(i, from.in_bucket(i));
  to.setCount(from.count());
  to.setSum(from.sum());
}

power_histogram decode(schemas::Histogram::Reader from) {
  std::array<std::uint64_t, power_histogram::bucket_count> buckets{};
  const auto count = std::min<std::size_t>(from.getBuckets().size(), buckets.size());
  for (std::size_t i = 0; i < count; ++i) buckets[i] = from.getBuckets()[static_cast<unsigned>(i)];
  return {buckets, from.getCount(), from.getSum()};
}

template <class Figures>
unsigned size_of(const std::vector<Figures>& list) {
  return static_cast<unsigned>(list.size());
}

void encode(const std::vector<command_figures>& from,
            capnp::List<schemas::CommandFigures>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setName(schemas::text(from[i].name));
    to[i].setCalls(from[i].calls);
    to[i].setRejected(from[i].rejected);
    to[i].setFailed(from[i].failed);
    to[i].setUs(from[i].us);
  }
}

void encode(const std::vector<error_figures>& from,
            capnp::List<schemas::ErrorFigures>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setCode(schemas::text(from[i].code));
    to[i].setCount(from[i].count);
  }
}

/// The element of `list` whose `key` is `wanted`, made if there is none.
template <class Figures>
Figures& find_or_add(std::vector<Figures>& list, std::string Figures::*key,
                     const std::string& wanted) {
  const auto known = std::ranges::find(list, wanted, key);
  if (known != list.end()) return *known;
  auto& added = list.emplace_back();
  added.*key = wanted;
  return added;
}

/// Adds one gateway's figures to those of all.
void merge(const client_statistics& one, client_statistics& all) {
  all.connected += one.connected;
  all.accepted += one.accepted;
  all.rejected += one.rejected;
  all.commands += one.commands;
  all.error_replies += one.error_replies;
  all.received_bytes += one.received_bytes;
  all.sent_bytes += one.sent_bytes;
  all.protocol_errors += one.protocol_errors;
  all.authentication_failures += one.authentication_failures;
  all.commit_timeouts += one.commit_timeouts;
  all.reads += one.reads;
  all.writes += one.writes;
  all.evicted += one.evicted;
  all.output_bytes += one.output_bytes;
  all.held_replies += one.held_replies;
  all.blocked += one.blocked;
  all.memory_bytes += one.memory_bytes;
  all.memory_limit_bytes = std::max(all.memory_limit_bytes, one.memory_limit_bytes);
  all.recent_input_max = std::max(all.recent_input_max, one.recent_input_max);
  all.recent_output_max = std::max(all.recent_output_max, one.recent_output_max);
  all.commands_per_s += one.commands_per_s;
  all.received_bytes_per_s += one.received_bytes_per_s;
  all.sent_bytes_per_s += one.sent_bytes_per_s;
  for (const auto& each : one.per_command) {
    auto& sum = find_or_add(all.per_command, &command_figures::name, each.name);
    sum.calls += each.calls;
    sum.rejected += each.rejected;
    sum.failed += each.failed;
    sum.us += each.us;
  }
  for (const auto& each : one.errors) {
    find_or_add(all.errors, &error_figures::code, each.code).count += each.count;
  }
}

}  // namespace

void encode(const shard_statistics& from, schemas::ShardStatistics::Builder to) {
  to.setShard(from.shard.value);
  to.setKeys(from.keys);
  to.setKeysWithDeadline(from.keys_with_deadline);
  to.setMeanTtlMs(from.mean_ttl_ms);
  to.setIndexBytes(from.index_bytes);
  to.setResidentValueBytes(from.resident_value_bytes);
  to.setExpiredKeys(from.expired_keys);
  to.setEvictedValues(from.evicted_values);
  to.setHits(from.hits);
  to.setMisses(from.misses);
  to.setColdReads(from.cold_reads);
  to.setAppended(from.appended.value);
  to.setDurable(from.durable.value);
  to.setAppendedBytes(from.appended_bytes);
  to.setWrittenBytes(from.written_bytes);
  to.setSegments(from.segments);
  to.setSegmentBytes(from.segment_bytes);
  to.setCommits(from.commits);
  encode(from.commit_records, to.initCommitRecords());
  encode(from.commit_bytes, to.initCommitBytes());
  encode(from.commit_latency_us, to.initCommitLatencyUs());
  to.setQueuedBytes(from.queued_bytes);
  to.setDiskFullRejections(from.disk_full_rejections);
  to.setUnreadableRecords(from.unreadable_records);
  to.setDiskFull(from.disk_full);
  to.setPoisoned(from.poisoned);
  to.setEpoch(from.epoch.value);
  to.setHistory(from.history.value);
  to.setCommitsByIoUring(from.commits_by == log_commits::io_uring);
}

shard_statistics decode(schemas::ShardStatistics::Reader from) {
  shard_statistics to;
  to.shard = {from.getShard()};
  to.keys = from.getKeys();
  to.keys_with_deadline = from.getKeysWithDeadline();
  to.mean_ttl_ms = from.getMeanTtlMs();
  to.index_bytes = from.getIndexBytes();
  to.resident_value_bytes = from.getResidentValueBytes();
  to.expired_keys = from.getExpiredKeys();
  to.evicted_values = from.getEvictedValues();
  to.hits = from.getHits();
  to.misses = from.getMisses();
  to.cold_reads = from.getColdReads();
  to.appended = {from.getAppended()};
  to.durable = {from.getDurable()};
  to.appended_bytes = from.getAppendedBytes();
  to.written_bytes = from.getWrittenBytes();
  to.segments = from.getSegments();
  to.segment_bytes = from.getSegmentBytes();
  to.commits = from.getCommits();
  to.commit_records = decode(from.getCommitRecords());
  to.commit_bytes = decode(from.getCommitBytes());
  to.commit_latency_us = decode(from.getCommitLatencyUs());
  to.queued_bytes = from.getQueuedBytes();
  to.disk_full_rejections = from.getDiskFullRejections();
  to.unreadable_records = from.getUnreadableRecords();
  to.disk_full = from.getDiskFull();
  to.poisoned = from.getPoisoned();
  to.epoch = {from.getEpoch()};
  to.history = {from.getHistory()};
  to.commits_by = from.getCommitsByIoUring() ? log_commits::io_uring : log_commits::thread;
  return to;
}

void encode(const gateway_statistics& from, schemas::GatewayStatistics::Builder to) {
  to.setConnected(from.clients.connected);
  to.setAccepted(from.clients.accepted);
  to.setRejected(from.clients.rejected);
  to.setCommands(from.clients.commands);
  to.setErrorReplies(from.clients.error_replies);
  to.setReceivedBytes(from.clients.received_bytes);
  to.setSentBytes(from.clients.sent_bytes);
  to.setProtocolErrors(from.clients.protocol_errors);
  to.setAuthenticationFailures(from.clients.authentication_failures);
  to.setCommitTimeouts(from.clients.commit_timeouts);
  to.setOutputBytes(from.clients.output_bytes);
  to.setHeldReplies(from.clients.held_replies);
  to.setReads(from.clients.reads);
  to.setWrites(from.clients.writes);
  to.setEvicted(from.clients.evicted);
  to.setBlocked(from.clients.blocked);
  to.setMemoryBytes(from.clients.memory_bytes);
  to.setMemoryLimitBytes(from.clients.memory_limit_bytes);
  to.setRecentInputMax(from.clients.recent_input_max);
  to.setRecentOutputMax(from.clients.recent_output_max);
  to.setCommandsPerSecond(from.clients.commands_per_s);
  to.setReceivedBytesPerSecond(from.clients.received_bytes_per_s);
  to.setSentBytesPerSecond(from.clients.sent_bytes_per_s);
  encode(from.clients.per_command, to.initPerCommand(size_of(from.clients.per_command)));
  encode(from.clients.errors, to.initErrors(size_of(from.clients.errors)));
  to.setReactor(from.reactor.reactor);
  to.setRounds(from.reactor.rounds);
  to.setBusyUs(from.reactor.busy_us);
  to.setMessages(from.reactor.messages);
  to.setRemoteWakeups(from.reactor.remote_wakeups);
}

gateway_statistics decode(schemas::GatewayStatistics::Reader from) {
  gateway_statistics to;
  to.clients.connected = from.getConnected();
  to.clients.accepted = from.getAccepted();
  to.clients.rejected = from.getRejected();
  to.clients.commands = from.getCommands();
  to.clients.error_replies = from.getErrorReplies();
  to.clients.received_bytes = from.getReceivedBytes();
  to.clients.sent_bytes = from.getSentBytes();
  to.clients.protocol_errors = from.getProtocolErrors();
  to.clients.authentication_failures = from.getAuthenticationFailures();
  to.clients.commit_timeouts = from.getCommitTimeouts();
  to.clients.output_bytes = from.getOutputBytes();
  to.clients.held_replies = from.getHeldReplies();
  to.clients.reads = from.getReads();
  to.clients.writes = from.getWrites();
  to.clients.evicted = from.getEvicted();
  to.clients.blocked = from.getBlocked();
  to.clients.memory_bytes = from.getMemoryBytes();
  to.clients.memory_limit_bytes = from.getMemoryLimitBytes();
  to.clients.recent_input_max = from.getRecentInputMax();
  to.clients.recent_output_max = from.getRecentOutputMax();
  to.clients.commands_per_s = from.getCommandsPerSecond();
  to.clients.received_bytes_per_s = from.getReceivedBytesPerSecond();
  to.clients.sent_bytes_per_s = from.getSentBytesPerSecond();
  for (const auto each : from.getPerCommand()) {
    to.clients.per_command.push_back({std::string(schemas::view(each.getName())), each.getCalls(),
                                      each.getRejected(), each.getFailed(), each.getUs()});
  }
  for (const auto each : from.getErrors()) {
    to.clients.errors.push_back({std::string(schemas::view(each.getCode())), each.getCount()});
  }
  to.reactor.reactor = from.getReactor();
  to.reactor.rounds = from.getRounds();
  to.reactor.busy_us = from.getBusyUs();
  to.reactor.messages = from.getMessages();
  to.reactor.remote_wakeups = from.getRemoteWakeups();
  return to;
}

void encode(const std::vector<actor_figures>& from,
            capnp::List<schemas::ActorFigures>::Builder to) {
  for (unsigned i = 0; i < to.size(); ++i) {
    to[i].setName(schemas::text(from[i].name));
    to[i].setPlace(schemas::text(from[i].place));
    to[i].setState(schemas::text(from[i].state));
    to[i].setMailbox(from[i].mailbox);
    to[i].setMessages(from[i].messages);
    to[i].setBusyUs(from[i].busy_us);
    to[i].setRestarts(from[i].restarts);
  }
}

std::vector<actor_figures> decode(capnp::List<schemas::ActorFigures>::Reader from) {
  std::vector<actor_figures> to;
  for (const auto each : from) {
    to.push_back({std::string(schemas::view(each.getName())),
                  std::string(schemas::view(each.getPlace())),
                  std::string(schemas::view(each.getState())), each.getMailbox(),
                  each.getMessages(), each.getBusyUs(), each.getRestarts()});
  }
  return to;
}

void encode(const link_statistics& from, schemas::LinkStatistics::Builder to) {
  to.setMembers(from.members);
  to.setOperators(from.operators);
  to.setUnproved(from.unproved);
  to.setAccepted(from.accepted);
  to.setProved(from.proved);
  to.setHungUp(from.hung_up);
  auto refused = to.initRefused(size_of(from.refused));
  for (unsigned i = 0; i < refused.size(); ++i) {
    refused[i].setReason(schemas::text(from.refused[i].reason));
    refused[i].setCount(from.refused[i].count);
  }
  encode(from.links, to.initLinks(size_of(from.links)));
}

link_statistics decode(schemas::LinkStatistics::Reader from) {
  link_statistics to;
  to.members = from.getMembers();
  to.operators = from.getOperators();
  to.unproved = from.getUnproved();
  to.accepted = from.getAccepted();
  to.proved = from.getProved();
  to.hung_up = from.getHungUp();
  for (const auto each : from.getRefused()) {
    to.refused.push_back({std::string(schemas::view(each.getReason())), each.getCount()});
  }
  to.links = decode(from.getLinks());
  return to;
}

node_statistics decode(schemas::NodeStatistics::Reader from) {
  node_statistics to;
  to.links = decode(from.getLinks());
  to.actors = decode(from.getActors());
  for (const auto shard : from.getShards()) to.shards.push_back(decode(shard));
  for (const auto gateway : from.getGateways()) {
    const auto each = decode(gateway);
    to.reactors.push_back(each.reactor);
    merge(each.clients, to.clients);
  }
  // They answered in any order.
  std::ranges::sort(to.shards, {}, [](const shard_statistics& each) { return each.shard.value; });
  std::ranges::sort(to.reactors, {}, &reactor_statistics::reactor);
  return to;
}

}  // namespace troupe::actors
