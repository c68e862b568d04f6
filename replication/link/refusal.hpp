// Why a link ends, by name.
//
// Place: replication/link; values, any thread. Layout: replication/link/README.md, "Refused".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"

namespace troupe::link {

/// The numbers are those on the wire; the last two are never sent.
enum class refusal : std::uint8_t {
  bad_protocol = 1,     ///< another protocol version
  foreign_cluster = 2,  ///< a node of another cluster
  bad_proof = 3,        ///< another secret, or a proof made for another link
  no_secret = 4,        ///< not on loopback, and no secret is set
  own_node = 5,         ///< this node dialled itself, or another has its id
  bad_frame = 6,        ///< length, type, checksum, order or contents of a frame
  too_slow = 7,         ///< no proof in time
  silent = 8,           ///< nothing was heard for too long
  busy = 9,             ///< too many unproved connections; later helps
  replaced = 10,        ///< a newer link of the same node
  over_credit = 11,     ///< more records than were allowed
  stopping = 12,        ///< the node stops; dial again
  unnamed = 254,        ///< the peer gave a reason that this version does not know
  ended = 255,          ///< the peer closed the connection without a word
};
[[nodiscard]] std::string_view to_string(refusal why) noexcept;

/// Who ended a link.
enum class ended_by : std::uint8_t { us, peer };

/// The end of a link. `detail` is for the operator: a sentence without a final full stop, or empty.
struct closure {
  refusal why{};
  ended_by by = ended_by::us;
  std::string detail;
};

/// "refused by the peer: bad_proof", "bad_frame: frame: flags are not zero".
[[nodiscard]] std::string to_string(const closure& end);

inline constexpr std::size_t refused_bytes = 8;

/// Body of a frame of type refused. Precondition: a reason that is sent.
[[nodiscard]] std::string encode_refused(refusal why);
/// The reason, `unnamed` if unknown; `corrupt` if it is no such body.
[[nodiscard]] result<refusal> decode_refused(std::string_view body);

}  // namespace troupe::link
