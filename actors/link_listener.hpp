// link_listener: the address where other nodes and consoles connect. Pinned.
//
// Owner: the node. Policy when it dies: it is made anew; its links end with it and are dialled
// again.
//
//   connection: accepted --proof--> a peer_link actor of its own
//                   └──refused, too slow, hung up--> closed, counted by reason
//   listener:   open --Stop--> every connection told why and closed --> quit
//
// Invariants:
//  1. A peer that is not proved costs a socket, one frame's memory and no actor, for at most
//     limits::link_proof_deadline_ms; together they are at most limits::link_unproved_max.
//  2. Open links are at most limits::links_max, and at most one for each node: a newer one replaces
//     the older.
//  3. Every connection that ends is counted by its reason.
#pragma once

#include <string>

#include "actors/interfaces.hpp"
#include "actors/runtime/reactor.hpp"
#include "actors/runtime/socket.hpp"
#include "storage/base/ids.hpp"

namespace troupe::actors {

/// What a link_listener is made of. What it borrows must outlive the actor.
struct link_listener_parts {
  const runtime::descriptor* listener = nullptr;  ///< borrowed: it may be made anew
  cluster_id cluster{};
  node_id node{};
  const std::string* secret = nullptr;  ///< empty: links on loopback only
};

/// Spawns the actor on `home`, which must outlive it.
[[nodiscard]] link_listener_actor spawn_link_listener(runtime::reactor& home,
                                                      link_listener_parts parts);

}  // namespace troupe::actors
