// What went wrong, as a value. The only error carrier below the actors.
//
// Place: storage/base, used by everything. A `failure` names an action (`errc`) and a sentence for
// the operator: what failed, where (file, offset, key), and what to do about it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace troupe {

/// What the receiver of a failure should do; few on purpose.
enum class errc : std::uint8_t {
  refused,    ///< the request or configuration is wrong; changing it helps, retrying does not
  not_found,  ///< the named thing does not exist
  busy,       ///< somebody else holds it or it is not ready; retrying later helps
  no_space,   ///< out of disk space or out of a configured bound; freeing some helps
  corrupt,    ///< stored or received bytes are damaged; repair from a copy, never guess
  foreign,    ///< intact, but of another cluster, shard, format or version
  io_failed,  ///< the operating system refused; stop using that file
};

/// Name of a code, e.g. "corrupt".
[[nodiscard]] std::string_view to_string(errc code) noexcept;

/// One failure. `message` is a full sentence without a final full stop.
struct failure {
  errc code;
  std::string message;

  /// The same failure seen from further out: "<where>: <message>".
  [[nodiscard]] failure in(std::string_view where) const;
};

/// A failure that carries errno's text: "<what>: <strerror>". ENOSPC and EDQUOT become no_space,
/// ENOENT not_found, EAGAIN busy, EEXIST refused, all others io_failed.
[[nodiscard]] failure os_error(std::string_view what, int error_number);

}  // namespace troupe
