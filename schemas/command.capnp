@0xb5ad8e1328adb7c4;
# What gateways and shards say to each other.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schemas");

struct Command {
  # One client command, or one piece of a command over several shards.
  connection @0 :UInt64;    # unique on its gateway
  ticket @1 :UInt64;        # given back with the reply: its place in the connection's order, and in
                            # the upper 16 bits which command it is, for the statistics
  protocol @2 :UInt8;       # 2 or 3
  level @3 :UInt8;          # durability of its writes
  internal @4 :Bool;        # a piece command (actors/resp/piece_commands.hpp)
  arguments @5 :List(Data); # name first; a word above 256 MiB takes several elements
  continued @6 :List(UInt32);
  # Indexes of the elements that go on with the word before them, ascending.
  leavesNoMark @7 :Bool;    # CLIENT NO-TOUCH: its reads do not mark values as used
}

struct CommandBatch {
  # gateway -> shard: the commands of one loop round, in the order of each connection. The sender
  # holds byte credit for it until every reply came.
  gateway @0 :UInt32;
  commands @1 :List(Command);
}

struct Reply {
  connection @0 :UInt64;
  ticket @1 :UInt64;
  bytes @2 :List(Data);     # RESP, ready for the socket; in pieces of at most 256 MiB
  hold @3 :UInt64;          # do not send before the shard's watermark reached this LSN; 0 = now
  wrote @4 :Bool;           # the command changed something (decides the text of a time-out)
  lastWrite @5 :UInt64;     # LSN of the command's last record, 0 = none (for WAIT and WAITAOF)
  streams @6 :List(ReplyStream); # bulk strings that are not in `bytes`, ascending
}

struct ReplyStream {
  # A bulk string of a reply whose bytes come as StreamPart.
  at @0 :UInt64;            # it goes in front of this byte of the reply's others
  stream @1 :UInt64;        # unique in its shard
  size @2 :UInt64;          # bytes
  parts @3 :UInt32;         # in which they come
}

struct ReplyBatch {
  # shard -> gateway: answers, in no particular order between connections.
  shard @0 :UInt32;
  replies @1 :List(Reply);
}

struct StreamOrder {
  # What one connection wants of one stream; a stream that is over is ignored.
  stream @0 :UInt64;
  parts @1 :UInt32;         # it can take so many more; 0 = it wants no more at all
}

struct StreamOrders {
  # gateway -> shard: credit for streams of one loop round. At most limits::streamed_parts_ahead
  # parts are credited to a connection and not yet taken by its socket.
  orders @0 :List(StreamOrder);
}

struct StreamPart {
  # shard -> gateway: where in the RecordRead beside it the next part of a stream stands, which is
  # passed on as the data reader sent it.
  shard @0 :UInt32;
  connection @1 :UInt64;
  stream @2 :UInt64;
  index @3 :UInt32;         # of the part in its value
  union {
    part :group {
      offset @4 :UInt32;    # in the record
      size @5 :UInt32;
    }
    failed @6 :Text;        # the stream ends here; the record beside it is of no use
  }
}

struct Watermark {
  # shard -> gateway, after a commit or when the log failed.
  shard @0 :UInt32;
  durable @1 :UInt64;
  failure @2 :Text;         # not empty: the log is poisoned, nothing above `durable` will come
}

struct CommitDemand {
  # gateway -> shard: somebody waits for this LSN (WAITAOF); commit soon, whatever the level.
  gateway @0 :UInt32;
  upTo @1 :UInt64;
}

struct TransactionStep {
  # gateway -> shard: one step of a command or MULTI block over several shards. The gateway pauses
  # the shards in ascending order, runs pieces, and releases them; a paused shard runs nothing else,
  # and what one transaction writes in it is one atomic batch.
  gateway @0 :UInt32;
  transaction @1 :UInt64;   # unique on its gateway
  union {
    pause @2 :Void;
    run @3 :List(Command);  # pieces; more may be sent before these are answered
    release @4 :Void;
  }
}

struct TransactionReply {
  # shard -> gateway: answers pause, pieces and release. Pieces are answered in the order they were
  # sent; one message may answer several `run`, or a part of one.
  shard @0 :UInt32;
  transaction @1 :UInt64;
  replies @2 :List(Reply);  # one for each piece, in order; empty for pause
}
