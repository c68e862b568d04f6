// Appends replies in RESP2 or RESP3 to a string of the caller.
//
// Place: actors/resp, pure; made on the stack around a session's output, a few words large.
// Invariants: (1) whatever text is given, one call appends exactly one well-formed RESP element or
// header: simple strings and errors lose CR, LF and NUL, so no reply can be split; (2) what RESP2
// lacks is written the way Redis 7.0 flattens it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace troupe::resp {

/// Version a connection chose with HELLO.
enum class protocol : std::uint8_t { resp2 = 2, resp3 = 3 };

/// Writes replies. The caller of array, map and set writes as many elements as it announced.
class reply_writer {
 public:
  /// Borrows `to` for its lifetime; appends only.
  reply_writer(std::string& to, protocol version) noexcept : to_(&to), version_(version) {}

  [[nodiscard]] protocol version() const noexcept { return version_; }
  /// Bytes in the target string, to mark a position before a reply.
  [[nodiscard]] std::size_t size() const noexcept { return to_->size(); }
  /// Takes back everything behind a size() seen before.
  void truncate(std::size_t size) { to_->resize(size); }

  /// "+OK".
  void ok() { to_->append("+OK\r\n", 5); }
  /// A status such as "PONG" or "QUEUED".
  void simple(std::string_view text);
  /// An error with its code: "ERR syntax error" (no leading '-').
  void error(std::string_view text);
  void integer(std::int64_t value);
  void bulk(std::string_view bytes);
  /// A bulk string whose bytes come piece by piece: begin, append exactly `size` bytes, end.
  void begin_bulk(std::uint64_t size);
  void append_bulk(std::string_view bytes) { to_->append(bytes); }
  void end_bulk() { to_->append("\r\n", 2); }

  /// Absent value: "$-1" or "_".
  void null();
  /// Absent array: "*-1" or "_".
  void null_array();
  /// Header of `count` elements.
  void array(std::size_t count);
  /// Header of `pairs` key and value pairs; RESP2: an array of twice as many elements.
  void map(std::size_t pairs);
  /// Header of `count` distinct elements; RESP2: an array.
  void set(std::size_t count);

  /// "%.17g", "inf", "-inf" or "nan"; RESP2: as a bulk string.
  void real(double value);
  /// RESP2: the integers 1 and 0.
  void boolean(bool value);
  /// Text for humans. `format` is exactly three characters ("txt", "mkd"); RESP2: a bulk string.
  void verbatim(std::string_view format, std::string_view text);

  /// Appends a reply that is encoded already, e.g. by another shard in the same version.
  void encoded(std::string_view reply) { to_->append(reply); }

 private:
  void header(char kind, std::uint64_t count);
  void line(char kind, std::string_view text);

  std::string* to_;
  protocol version_;
};

}  // namespace troupe::resp
