// Commands and replies as messages of schemas/command.capnp, and back.
//
// Place: actors; used by gateways and shards. Invariant: bytes of any size up to the limits come
// through, although one Data field ends at 2^29 - 1 bytes: larger ones travel in pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "actors/shard_core.hpp"
#include "schemas/command.capnp.h"

namespace troupe::actors {

/// Bytes of a message that holds these words, for envelope::builder.
[[nodiscard]] std::size_t message_bytes(std::span<const std::string_view> words) noexcept;

/// A command to a shard. Words are copied into the message.
void encode(const resp::command_spec& spec, std::span<const std::string_view> words,
            const client_settings& client, schemas::Command::Builder to);

/// Precondition: it was encoded by this node. `owner` keeps the message alive; the words point into
/// it where they can.
[[nodiscard]] queued_command decode(schemas::Command::Reader from,
                                    std::shared_ptr<const void> owner);

/// Bytes of a message that holds this reply, for envelope::builder.
[[nodiscard]] std::size_t message_bytes(const shard_reply& reply) noexcept;

void encode(const shard_reply& from, schemas::Reply::Builder to);
/// `lane.gateway` is left 0: the receiver is the gateway.
[[nodiscard]] shard_reply decode(schemas::Reply::Reader from);

}  // namespace troupe::actors
