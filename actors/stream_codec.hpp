// Streams of large values as messages of schemas/command.capnp, and back.
//
// Place: actors; used by gateways and shards. A part travels in the message of the data reader that
// read it, beside a StreamPart that says where in it: nobody copies its bytes.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "actors/resp/streamed_body.hpp"
#include "actors/value_streams.hpp"
#include "schemas/command.capnp.h"
#include "schemas/envelope.hpp"
#include "schemas/log.capnp.h"

namespace troupe::actors {

/// What a gateway's connections want of the streams of one shard, gathered over one loop round.
class stream_orders {
 public:
  void credit(std::uint64_t stream, std::uint32_t parts) { orders_.emplace_back(stream, parts); }
  void drop(std::uint64_t stream) { orders_.emplace_back(stream, 0); }
  [[nodiscard]] bool empty() const noexcept { return orders_.empty(); }
  /// All of them as a message; empty afterwards.
  [[nodiscard]] schemas::envelope<schemas::StreamOrders> take();

 private:
  std::vector<std::pair<std::uint64_t, std::uint32_t>> orders_;  // stream and parts, 0 = drop
};

/// The message for `part`, whose bytes are a view into `record`.
[[nodiscard]] schemas::envelope<schemas::StreamPart> encode(const streamed_part& part,
                                                            shard_id shard,
                                                            std::string_view record);

/// The part that `message` describes, sharing the memory of `record`.
[[nodiscard]] result<resp::shared_bytes> decode(
    schemas::StreamPart::Reader message, const schemas::envelope<schemas::RecordRead>& record);

}  // namespace troupe::actors
