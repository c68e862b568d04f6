// One frame on a link: a header with its own checksum, then the body.
//
// Place: replication/link; pure functions, any thread. Layout: replication/link/README.md, "Frame".
// Invariants:
//  1. The header's checksum is compared before any of its fields is believed, so a damaged length
//     is refused at once instead of being waited for.
//  2. A header that passes names a type that may stand at this place of a link, a length within
//     its bound and a shard that fits the type.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/ids.hpp"
#include "storage/base/limits.hpp"
#include "storage/base/result.hpp"

namespace troupe::link {

inline constexpr std::size_t frame_header_bytes = limits::link_header_bytes;

/// What the body is. The numbers are those on the wire.
enum class frame_type : std::uint8_t {
  hello = 1,      ///< handshake, dialler's first
  challenge = 2,  ///< handshake, listener's answer
  proof = 3,      ///< handshake, dialler's second
  welcome = 4,    ///< handshake, listener's second: the link is open
  refused = 5,    ///< why the sender closes the link
  heartbeat = 6,  ///< nothing but a sign of life
  message = 16,   ///< one message between members
  records = 17,   ///< records of a shard, under credit
  console = 18,   ///< one message between a console and the node it steers
};
[[nodiscard]] std::string_view to_string(frame_type type) noexcept;

/// Stands for a shard in frames that are about none.
inline constexpr shard_id no_shard{UINT16_MAX};

/// Whether a frame of this type may name this shard, or no_shard.
[[nodiscard]] bool may_name(frame_type type, shard_id shard) noexcept;

/// Whether the peer has proved to know the secret: decides what it may send.
enum class trust : std::uint8_t { unproved, proved };

/// The longest body of a frame.
[[nodiscard]] constexpr std::size_t body_bytes_max(trust peer) noexcept {
  return (peer == trust::proved ? limits::link_frame_bytes_max : limits::link_hello_bytes_max) -
         frame_header_bytes;
}

/// Everything a header says, but for its own checksum.
struct frame_header {
  frame_type type{};
  shard_id shard = no_shard;
  std::uint32_t body_bytes = 0;
  std::uint32_t body_crc = 0;
};

/// Writes frame_header_bytes bytes to `to`.
void encode_frame_header(const frame_header& header, char* to) noexcept;

/// The header at the start of `bytes`, which are at least frame_header_bytes; `corrupt` with the
/// reason if it is damaged or names what must not come from such a peer.
[[nodiscard]] result<frame_header> decode_frame_header(std::string_view bytes, trust from);

/// `corrupt` unless `body` is what the header promised.
[[nodiscard]] result<void> check_body(const frame_header& header, std::string_view body);

/// The header of a frame with this body.
[[nodiscard]] frame_header header_of(frame_type type, shard_id shard,
                                     std::string_view body) noexcept;

/// Appends a whole frame.
void append_frame(std::string& to, frame_type type, shard_id shard, std::string_view body);

}  // namespace troupe::link
