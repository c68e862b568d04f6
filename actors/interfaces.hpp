// Who talks to whom: the typed handle of every actor and one comment for each message.
//
// Every message is an envelope of a type in schemas/ (the schema file says its fields and bounds),
// sometimes with a handle beside it. Requests go down under credit or a fixed count in flight
// (bounds: actors/README.md); answers and watermarks go up and are always accepted.
// A message between two actors arrives in the order sent.
#pragma once

#include <caf/atom.hpp>
#include <caf/replies_to.hpp>
#include <caf/result.hpp>
#include <caf/type_id.hpp>
#include <caf/typed_actor.hpp>

#include "schemas/admin.capnp.h"
#include "schemas/command.capnp.h"
#include "schemas/envelope.hpp"
#include "schemas/log.capnp.h"

namespace troupe::actors {

using schemas::envelope;

/// The part of a shard that the disk actors answer to.
using disk_client = caf::typed_actor<
    // wal_flusher: the frame in flight is durable, or the log failed.
    caf::reacts_to<envelope<schemas::FrameWritten>>,
    // wal_flusher: a segment asked for can be used, or why not.
    caf::reacts_to<envelope<schemas::SegmentOutcome>>,
    // data_reader: a record asked for, or why not.
    caf::reacts_to<envelope<schemas::RecordRead>>>;

/// Detached, one per shard: makes segment files ready ahead of need, so that the flusher never
/// does.
using data_writer_actor = caf::typed_actor<
    // wal_flusher: create or recycle one file. At most one in flight.
    caf::replies_to<envelope<schemas::MakeSegmentFile>>::with<envelope<schemas::SegmentFile>>>;

/// Detached, one per shard: the part of writing the log that may block or would hold up a reactor.
/// Each message gives it the turn on the log, each answer gives the turn back.
using log_worker_actor = caf::typed_actor<
    // wal_flusher: write this frame.
    caf::replies_to<envelope<schemas::LogFrame>>::with<envelope<schemas::FrameWritten>>,
    // wal_flusher: list a file that the data_writer made as the last spare.
    caf::replies_to<envelope<schemas::AdoptSegment>>::with<envelope<schemas::SegmentOutcome>>,
    // wal_flusher: drop fully dead segments.
    caf::replies_to<envelope<schemas::RetireSegments>>::with<envelope<schemas::SegmentsRetired>>,
    // wal_flusher, once, last: nothing more will be written; record where the log ends.
    caf::replies_to<envelope<schemas::SealLog>>::with<envelope<schemas::LogSealed>>>;

/// Pinned to its shard's reactor: all that is written to the shard's log and manifest, in order, by
/// itself or by its log_worker.
using wal_flusher_actor = caf::typed_actor<
    // shard, once, first: whom to answer.
    caf::reacts_to<envelope<schemas::Attach>, disk_client>,
    // shard: write this frame; answered by FrameWritten. At most one in flight.
    caf::reacts_to<envelope<schemas::LogFrame>>,
    // shard: one more segment is needed; answered by SegmentOutcome. At most one in flight.
    caf::reacts_to<envelope<schemas::PrepareSegment>>,
    // shard: drop fully dead segments. Not answered: a failure poisons and shows with the next
    // frame.
    caf::reacts_to<envelope<schemas::RetireSegments>>>;

/// Detached, one per shard: cold reads.
using data_reader_actor = caf::typed_actor<
    // shard, once, first: whom to answer.
    caf::reacts_to<envelope<schemas::Attach>, disk_client>,
    // shard: read one record; answered by RecordRead. Bounded in flight by the shard.
    caf::reacts_to<envelope<schemas::ReadRecord>>>;

/// Scheduled, one per node: does what operators ask, by asking whom it concerns.
using admin_actor = caf::typed_actor<
    // peer_link: a console's command. Bounded by the link.
    caf::replies_to<envelope<schemas::ConsoleRequest>>::with<envelope<schemas::ConsoleAnswer>>>;

/// Pinned, one for each proved peer: the connection with another node or an operator's console.
using peer_link_actor = caf::typed_actor<
    // link_listener: who does what a console asks from now on.
    caf::reacts_to<envelope<schemas::Attach>, admin_actor>,
    // link_listener: say why and close.
    caf::reacts_to<envelope<schemas::CloseLink>>,
    // INTERNAL, itself: the socket is closed, it is time to end.
    caf::reacts_to<caf::tick_atom>>;

/// Pinned, one per node: the address where nodes and consoles connect, and connections until they
/// are proved.
using link_listener_actor = caf::typed_actor<
    // node, once at the start and again when admin was made anew; passed on to every link.
    caf::reacts_to<envelope<schemas::Attach>, admin_actor>,
    // peer_link, once, last: why it ended.
    caf::reacts_to<envelope<schemas::LinkEnded>>,
    // metrics: what it counts.
    caf::replies_to<envelope<schemas::StatisticsRequest>>::with<envelope<schemas::LinkStatistics>>,
    // node: close every link and quit.
    caf::reacts_to<envelope<schemas::Stop>>,
    // INTERNAL, itself: everything is closed, it is time to end.
    caf::reacts_to<caf::tick_atom>>;

/// Scheduled, one per node: gathers what all others count.
using metrics_actor = caf::typed_actor<
    // node, once at the start and again when the link_listener was made anew.
    caf::reacts_to<envelope<schemas::Attach>, link_listener_actor>,
    // HTTP server, gateway (INFO, CONFIG RESETSTAT): everything at once; those who do not answer in
    // time are missing.
    caf::replies_to<envelope<schemas::StatisticsRequest>>::with<envelope<schemas::NodeStatistics>>>;

using end_watch_atom = caf::atom_constant<caf::atom("endwatch")>;

/// Scheduled, one per node: the root that spawned all others.
using node_actor = caf::typed_actor<
    // main thread, HTTP server: what everybody counts. The first answer means: all are up.
    caf::replies_to<envelope<schemas::StatisticsRequest>>::with<envelope<schemas::NodeStatistics>>,
    // admin: the actors it watches.
    caf::replies_to<envelope<schemas::ActorsRequest>>::with<envelope<schemas::ActorList>>,
    // admin: messages of one of them.
    caf::replies_to<envelope<schemas::TapRequest>>::with<envelope<schemas::TapAnswer>>,
    // main thread (SIGTERM) or gateway (SHUTDOWN): stop everything in the written order.
    caf::reacts_to<envelope<schemas::Stop>>,
    // INTERNAL, itself: some time after a TapRequest.
    caf::reacts_to<end_watch_atom>,
    // INTERNAL, itself: a tenth of a second passed (deadlines of the stop stages).
    caf::reacts_to<caf::tick_atom>>;

/// The part of a gateway that other gateways talk to.
using gateway_peer = caf::typed_actor<
    // gateway, admin: CLIENT LIST, CLIENT KILL, CONFIG SET or GET, for the connections it has.
    caf::replies_to<envelope<schemas::GatewayRequest>>::with<envelope<schemas::GatewayAnswer>>>;

/// Pinned, one per reactor: the client sockets of that reactor.
using gateway_actor = gateway_peer::extend<
    // node, once for each gateway, itself included, before any client.
    caf::reacts_to<envelope<schemas::Attach>, gateway_peer>,
    // node, once, before any client: whom INFO asks.
    caf::reacts_to<envelope<schemas::Attach>, metrics_actor>,
    // shard: answers to commands of a CommandBatch.
    caf::reacts_to<envelope<schemas::ReplyBatch>>,
    // shard: a part of a value that a reply announced, beside the record it stands in; sent under
    // the credit of StreamOrders.
    caf::reacts_to<envelope<schemas::StreamPart>, envelope<schemas::RecordRead>>,
    // shard: its log became durable up to an LSN, or failed; held replies follow.
    caf::reacts_to<envelope<schemas::Watermark>>,
    // shard: paused for a transaction, or its pieces were run.
    caf::reacts_to<envelope<schemas::TransactionReply>>,
    // metrics: what it counts.
    caf::replies_to<envelope<schemas::StatisticsRequest>>::with<
        envelope<schemas::GatewayStatistics>>,
    // node: finish and quit.
    caf::reacts_to<envelope<schemas::Stop>>,
    // INTERNAL, itself: a tenth of a second passed (deadlines of clients and held replies).
    caf::reacts_to<caf::tick_atom>>;

/// Pinned: index, values and log tail of one shard.
using shard_actor = disk_client::extend<
    // gateway, once, first: whom to answer.
    caf::reacts_to<envelope<schemas::Attach>, gateway_actor>,
    // gateway: run these; answered by ReplyBatch, possibly in several pieces.
    caf::reacts_to<envelope<schemas::CommandBatch>>,
    // gateway: credit for parts of values being streamed; answered by StreamPart.
    caf::reacts_to<envelope<schemas::StreamOrders>>,
    // gateway: one step of work over several shards; answered by TransactionReply.
    caf::reacts_to<envelope<schemas::TransactionStep>>,
    // gateway: commit soon, somebody waits.
    caf::reacts_to<envelope<schemas::CommitDemand>>,
    // metrics: what it counts.
    caf::replies_to<envelope<schemas::StatisticsRequest>>::with<envelope<schemas::ShardStatistics>>,
    // admin: commit now, pause, resume. Answered when it is done.
    caf::replies_to<envelope<schemas::SteerShard>>::with<envelope<schemas::ShardSteered>>,
    // node: commit everything and quit.
    caf::reacts_to<envelope<schemas::Stop>>,
    // INTERNAL, itself: a tenth of a second passed (expiry, retries of disk space).
    caf::reacts_to<caf::tick_atom>>;

}  // namespace troupe::actors

CAF_BEGIN_TYPE_ID_BLOCK(troupe_messages, caf::first_custom_type_id)
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::ActorList>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::ActorsRequest>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::Attach>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::GatewayAnswer>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::GatewayRequest>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::CloseLink>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::CommandBatch>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::ConsoleAnswer>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::ConsoleRequest>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::CommitDemand>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::FrameWritten>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::GatewayStatistics>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::LinkEnded>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::LinkStatistics>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::LogFrame>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::LogSealed>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::NodeStatistics>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::PrepareSegment>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::MakeSegmentFile>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::AdoptSegment>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::ReadRecord>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::RecordRead>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::ReplyBatch>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::RetireSegments>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::SealLog>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::SegmentFile>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::SegmentOutcome>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::SegmentsRetired>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::ShardSteered>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::ShardStatistics>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::StatisticsRequest>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::SteerShard>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::Stop>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::StreamOrders>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::StreamPart>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::TapAnswer>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::TapRequest>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::TransactionReply>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::TransactionStep>))
CAF_ADD_TYPE_ID(troupe_messages, (troupe::schemas::envelope<troupe::schemas::Watermark>))
CAF_END_TYPE_ID_BLOCK(troupe_messages)
