@0x9e61a164baa622f9;
# What the node, its metrics and its operators ask of every actor.

using Cxx = import "/capnp/c++.capnp";
$Cxx.namespace("troupe::schemas");

struct Attach {
  # The handle beside this message is who the receiver answers to from now on.
  index @0 :UInt32;         # of the sender among its kind: gateway, shard
}

struct StatisticsRequest {
  # metrics -> gateway or shard: say what you count. Answered at once.
  reset @0 :Bool;           # CONFIG RESETSTAT: and then begin anew, with what Redis resets
}

struct Histogram {
  buckets @0 :List(UInt64); # upper bounds 1, 2, 4, ...
  count @1 :UInt64;
  sum @2 :UInt64;
}

struct ShardStatistics {
  # Fields as in actors/statistics.hpp, which says their meaning and units.
  shard @0 :UInt32;
  keys @1 :UInt64;
  keysWithDeadline @2 :UInt64;
  indexBytes @3 :UInt64;
  residentValueBytes @4 :UInt64;
  expiredKeys @5 :UInt64;
  evictedValues @6 :UInt64;
  hits @7 :UInt64;
  misses @8 :UInt64;
  coldReads @9 :UInt64;
  appended @10 :UInt64;
  durable @11 :UInt64;
  appendedBytes @12 :UInt64;
  writtenBytes @13 :UInt64;
  segments @14 :UInt64;
  segmentBytes @15 :UInt64;
  commits @16 :UInt64;
  commitRecords @17 :Histogram;
  commitBytes @18 :Histogram;
  commitLatencyUs @19 :Histogram;
  queuedBytes @20 :UInt64;
  diskFullRejections @21 :UInt64;
  poisoned @22 :Bool;
  diskFull @23 :Bool;
  commitsByIoUring @24 :Bool;
  unreadableRecords @25 :UInt64;
  meanTtlMs @26 :UInt64;
  epoch @27 :UInt64;
  history @28 :UInt64;
}

struct GatewayStatistics {
  # One gateway's share of client_statistics, and its reactor's counters.
  connected @0 :UInt64;
  accepted @1 :UInt64;
  rejected @2 :UInt64;
  commands @3 :UInt64;
  errorReplies @4 :UInt64;
  receivedBytes @5 :UInt64;
  sentBytes @6 :UInt64;
  protocolErrors @7 :UInt64;
  authenticationFailures @8 :UInt64;
  commitTimeouts @9 :UInt64;
  outputBytes @10 :UInt64;
  heldReplies @11 :UInt64;
  reactor @12 :UInt32;
  rounds @13 :UInt64;
  busyUs @14 :UInt64;
  messages @15 :UInt64;
  remoteWakeups @16 :UInt64;
  reads @17 :UInt64;
  writes @18 :UInt64;
  evicted @19 :UInt64;
  blocked @20 :UInt64;
  memoryBytes @21 :UInt64;
  recentInputMax @22 :UInt64;
  recentOutputMax @23 :UInt64;
  commandsPerSecond @24 :UInt64;
  receivedBytesPerSecond @25 :UInt64;
  sentBytesPerSecond @26 :UInt64;
  perCommand @27 :List(CommandFigures);
  errors @28 :List(ErrorFigures);
  memoryLimitBytes @29 :UInt64;  # of the node, not of this gateway
}

struct CommandFigures {
  name @0 :Text;            # "get", "config|set"
  calls @1 :UInt64;
  rejected @2 :UInt64;
  failed @3 :UInt64;
  us @4 :UInt64;
}

struct ErrorFigures {
  code @0 :Text;            # first word of the error
  count @1 :UInt64;
}

struct LinkStatistics {
  # link_listener -> metrics: links with other nodes and consoles, as link_statistics.
  members @0 :UInt32;       # open links
  operators @1 :UInt32;
  unproved @2 :UInt32;      # connections that have not shown who they are yet
  accepted @3 :UInt64;
  proved @4 :UInt64;
  hungUp @5 :UInt64;
  refused @6 :List(RefusalFigures);
  links @7 :List(ActorFigures);  # the actors of open links
}

struct RefusalFigures {
  reason @0 :Text;          # replication/PROTOCOL.md, "The link"
  count @1 :UInt64;
}

struct NodeStatistics {
  # metrics -> whoever asks: everything at once.
  shards @0 :List(ShardStatistics);
  gateways @1 :List(GatewayStatistics);
  links @2 :LinkStatistics;
  actors @3 :List(ActorFigures);  # added by the node, for /metrics
}

struct CloseLink {
  # link_listener -> peer_link: say why and close.
  reason @0 :UInt8;         # as on the wire: replication/link/README.md, "Refused"
}

struct LinkEnded {
  # peer_link -> link_listener: its connection is closed.
  reason @0 :UInt8;         # as CloseLink; 254, 255: replication/link/refusal.hpp
  byPeer @1 :Bool;
  detail @2 :Text;          # for the log, may be empty
}

struct GatewayRequest {
  # gateway -> every gateway, itself included: what concerns the connections of all reactors.
  union {
    listClients @0 :List(UInt64);  # CLIENT LIST; ids, none = all
    killClients :group {    # CLIENT KILL; what is empty or 0 matches every connection
      id @1 :UInt64;
      address @2 :Text;
      localAddress @3 :Text;
      exceptId @4 :UInt64;  # the caller with SKIPME yes
    }
    configure :group {      # CONFIG SET of a setting that gateways keep
      name @5 :Text;
      value @6 :Text;
    }
    readSettings @7 :List(Text);  # CONFIG GET by a console; patterns
  }
}

struct GatewayAnswer {
  lines @0 :Data;           # listClients: one line for each connection, each ended by LF
  killed @1 :UInt32;
  settings @2 :List(Setting);    # readSettings
  refused @3 :Text;              # configure: why not, in Redis' words; empty = done
}

struct Setting {
  name @0 :Text;
  value @1 :Text;
}

# ---- the console ---------------------------------------------------------------------------------
# An operator's command goes console -> peer_link -> admin -> whom it concerns, and its answer the
# same way back. On the link each is one `console` frame.

struct ConsoleRequest {
  number @0 :UInt64;        # the console's; comes back with the answer
  union {
    help @1 :Void;          # -> commands
    actors @2 :Void;        # -> actors
    shards @3 :Void;        # -> node
    log @4 :Void;           # -> node
    peers @5 :Void;         # -> node
    readSettings @6 :List(Text);   # config get PATTERN...; -> settings
    changeSetting @7 :Setting;     # config set NAME VALUE; -> done
    ask :group {            # ask ACTOR WHAT; -> settings
      actor @8 :Text;
      what @9 :Text;
    }
    tell :group {           # tell ACTOR WHAT [SECONDS]; -> done
      actor @10 :Text;
      what @11 :Text;
      seconds @12 :UInt32;
    }
    tap @13 :Text;          # ACTOR: what it handled since the last such request; -> tapped
  }
}

struct ConsoleAnswer {
  number @0 :UInt64;
  union {
    failed @1 :Text;        # why not
    done @2 :Text;          # what was done
    commands @3 :List(CommandHelp);
    actors :group {
      list @4 :List(ActorFigures);
      node @5 :NodeStatistics;  # reactors and links
    }
    node @6 :NodeStatistics;
    settings @7 :List(Setting);
    tapped @8 :TapAnswer;
  }
}

struct CommandHelp {
  usage @0 :Text;
  summary @1 :Text;
}

struct ActorsRequest {
  # admin -> node: every actor it watches.
}

struct ActorFigures {
  name @0 :Text;            # "shard/0"
  place @1 :Text;           # where it runs: "reactor 0", "thread", "scheduler"
  state @2 :Text;           # "running", "dead"; of a link, who is at its other end
  mailbox @3 :UInt64;       # messages waiting
  messages @4 :UInt64;      # messages handled
  busyUs @5 :UInt64;        # in its messages; not in sockets and round ends
  restarts @6 :UInt64;
}

struct ActorList {
  # node -> admin.
  actors @0 :List(ActorFigures);
}

struct TapRequest {
  # admin -> node: messages of one of its actors since the last such request. The first begins to
  # watch; who asks no more for some seconds watches no more.
  actor @0 :Text;
}

struct TapAnswer {
  messages @0 :List(TappedMessage);
  missed @1 :UInt64;        # that came while nobody asked, ever
  failed @2 :Text;          # no such actor; empty = it is watched
}

struct TappedMessage {
  atNs @0 :UInt64;          # of the node's monotonic clock
  tookNs @1 :UInt64;
  from @2 :Text;            # empty = not one of the node's actors
  type @3 :Text;
}

struct SteerShard {
  # admin -> shard: flush: answered when all that was appended is on disk. pause: no command is run
  # until resume, or for that long.
  union {
    flush @0 :Void;
    pauseSeconds @1 :UInt32;
    resume @2 :Void;
  }
}

struct ShardSteered {
  failed @0 :Text;          # why not; empty = done
  durable @1 :UInt64;       # LSN
}

struct Stop {
  # node -> its children, in the written stop order. A gateway takes no more connections and closes
  # each as its held replies went out; a shard commits what it has, then both quit.
  graceMs @0 :UInt32;       # after this long it stops whatever is still open
}
