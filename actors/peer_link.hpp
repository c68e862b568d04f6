// peer_link: the actor of one open link, with another node (role member) or an operator's console.
// Pinned to the reactor of its link_listener, which spawns it when the peer is proved.
//
// Owner: the link_listener, which watches it. Policy when it dies: its connection is closed, and
// the peer dials again.
//
//   open --Stop, replaced, refusal, silence, peer gone--> closing (says why) --> LinkEnded, quit
//
// Invariants:
//  1. What a peer sends that nobody here takes ends its link by name and does nothing else.
//  2. Every command of a console is answered, one that nobody does in time too; at most
//     limits::console_requests_max are under way, further ones are refused at once.
//  3. Its last message is LinkEnded.
#pragma once

#include <memory>

#include "actors/interfaces.hpp"
#include "actors/link_socket.hpp"
#include "actors/runtime/reactor.hpp"

namespace troupe::actors {

/// Spawns the actor of an open link on `home`, the reactor that already watches the socket.
[[nodiscard]] peer_link_actor spawn_peer_link(runtime::reactor& home,
                                              std::unique_ptr<link_socket> socket,
                                              const link_listener_actor& listener);

}  // namespace troupe::actors
