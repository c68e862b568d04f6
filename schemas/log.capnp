@0xfb8499bfdde10694;
# What a shard, its WAL flusher, its log worker, its data reader and its data writer say to each
# other.
# Records travel as `Data` in their disk encoding (storage/FORMAT.md), written as they are.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schemas");

struct LogFrame {
  # shard -> wal_flusher: one closed commit frame, to be written by one write. At most one is in
  # flight per shard. wal_flusher -> log_worker: the same one, if it is large or opens a segment.
  use @0 :UInt64;           # segment's use id
  segment @1 :UInt32;       # its ordinal in this opening
  offset @2 :UInt64;        # bytes from the start of the file
  number @3 :UInt64;        # frame number in this use
  first @4 :UInt64;         # LSN of the first record
  last @5 :UInt64;          # LSN of the last record
  epoch @6 :UInt64;
  history @7 :UInt64;
  timeMs @8 :Int64;         # the shard's clock, Unix milliseconds
  recordCount @9 :UInt32;
  settled @10 :UInt64;      # LSN that counts for good when this frame is durable
  records @11 :Data;        # at most 4 MiB less the frame header
}

struct Failure {
  # Why something did not happen; `code` is errc.
  code @0 :UInt8;
  message @1 :Text;
}

struct FrameWritten {
  # log_worker -> wal_flusher -> shard: the fate of the frame in flight.
  settled @0 :UInt64;       # the frame's settled
  writeUs @1 :UInt32;       # time the write took
  bytes @2 :UInt32;         # written, header and padding included
  union {
    durable @3 :Void;
    failed @4 :Failure;     # the log is poisoned: nothing after the last durable LSN is kept
  }
}

struct PrepareSegment {
  # shard -> wal_flusher: one more segment is needed. Answered by SegmentOutcome; one at a time.
}

struct MakeSegmentFile {
  # wal_flusher -> data_writer: the slow part of it, away from the thread that commits.
  use @0 :UInt64;
  recycled @1 :UInt64;      # earlier use of the file to take; 0 = make a new file
}

struct SegmentFile {
  # data_writer -> wal_flusher: the file is complete and durable, or why not.
  union {
    made @0 :Void;
    failed @1 :Failure;
  }
}

struct AdoptSegment {
  # wal_flusher -> log_worker: the file of this use is complete; list it in the manifest. One at a
  # time.
  use @0 :UInt64;
}

struct SegmentOutcome {
  # log_worker -> wal_flusher -> shard: the segment asked for is listed in the manifest, or why it
  # is not.
  union {
    adopted :group {
      use @0 :UInt64;
      ordinal @1 :UInt32;
    }
    failed @2 :Failure;
  }
}

struct RetireSegments {
  # shard -> wal_flusher -> log_worker: every segment before `firstLive` holds nothing that is still
  # needed.
  firstLive @0 :UInt32;
  consistentFrom @1 :UInt64;
  purged @2 :UInt64;
}

struct SegmentsRetired {
  # log_worker -> wal_flusher: dropped, or not: a failure poisons and shows with the next frame.
}

struct SealLog {
  # wal_flusher -> log_worker: the node stops and no frame will follow; have the manifest say where
  # the log ends.
}

struct LogSealed {
  # log_worker -> wal_flusher: done, or not, which the worker reports to the operator: then the next
  # opening finds the end as after a crash.
}

struct ReadRecord {
  # shard -> data_reader: read one durable record from its segment. At most 64 are in
  # flight for values put together and 16 for values streamed.
  ticket @0 :UInt64;        # chosen by the shard, comes back in the answer
  use @1 :UInt64;
  segment @2 :UInt32;
  offset @3 :UInt32;
  size @4 :UInt32;          # of the whole record
}

struct RecordRead {
  # data_reader -> shard: the record, its CRC verified, or why it could not be read.
  ticket @0 :UInt64;
  union {
    record @1 :Data;
    failed @2 :Failure;
  }
}
