#include "actors/statistics_codec.hpp"

#include <algorithm>

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

}  // namespace

void encode(const shard_statistics& from, schemas::ShardStatistics::Builder to) {
  to.setShard(from.shard.value);
  to.setKeys(from.keys);
  to.setKeysWithDeadline(from.keys_with_deadline);
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
  to.setPoisoned(from.poisoned);
}

shard_statistics decode(schemas::ShardStatistics::Reader from) {
  shard_statistics to;
  to.shard = {from.getShard()};
  to.keys = from.getKeys();
  to.keys_with_deadline = from.getKeysWithDeadline();
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
  to.poisoned = from.getPoisoned();
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
  to.reactor.reactor = from.getReactor();
  to.reactor.rounds = from.getRounds();
  to.reactor.busy_us = from.getBusyUs();
  to.reactor.messages = from.getMessages();
  to.reactor.remote_wakeups = from.getRemoteWakeups();
  return to;
}

node_statistics decode(schemas::NodeStatistics::Reader from) {
  node_statistics to;
  to.restarted_actors = from.getRestartedActors();
  for (const auto shard : from.getShards()) to.shards.push_back(decode(shard));
  for (const auto gateway : from.getGateways()) {
    const auto each = decode(gateway);
    to.reactors.push_back(each.reactor);
    auto& all = to.clients;
    all.connected += each.clients.connected;
    all.accepted += each.clients.accepted;
    all.rejected += each.clients.rejected;
    all.commands += each.clients.commands;
    all.error_replies += each.clients.error_replies;
    all.received_bytes += each.clients.received_bytes;
    all.sent_bytes += each.clients.sent_bytes;
    all.protocol_errors += each.clients.protocol_errors;
    all.authentication_failures += each.clients.authentication_failures;
    all.commit_timeouts += each.clients.commit_timeouts;
    all.output_bytes += each.clients.output_bytes;
    all.held_replies += each.clients.held_replies;
  }
  return to;
}

}  // namespace troupe::actors
