// Frames made and taken apart, for tests of the link.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replication/link/frame_queue.hpp"
#include "storage/base/ensure.hpp"

namespace troupe::tests {

/// A frame as it came out of a link.
struct frame_copy {
  link::frame_type type{};
  shard_id shard = link::no_shard;
  std::string body;
  friend bool operator==(const frame_copy&, const frame_copy&) = default;
};

inline link::outgoing_frame frame_of(link::frame_type type, shard_id shard, std::string body) {
  auto kept = std::make_shared<const std::string>(std::move(body));
  return {type, shard, {kept, *kept}};
}
inline std::string encoded(link::frame_type type, std::string_view body,
                           shard_id shard = link::no_shard) {
  std::string bytes;
  link::append_frame(bytes, type, shard, body);
  return bytes;
}

/// A whole stream taken apart. Precondition: it consists of whole frames.
inline std::vector<frame_copy> frames_of(std::string_view bytes) {
  std::vector<frame_copy> frames;
  while (!bytes.empty()) {
    const auto header = link::decode_frame_header(bytes, link::trust::proved);
    ENSURE(header.has_value());
    const auto body = bytes.substr(link::frame_header_bytes, header->body_bytes);
    ENSURE(link::check_body(*header, body).has_value());
    frames.push_back({header->type, header->shard, std::string(body)});
    bytes.remove_prefix(link::frame_header_bytes + body.size());
  }
  return frames;
}

}  // namespace troupe::tests
