// Turns the bytes of one connection into commands: RESP arrays of bulk strings and inline commands.
//
// Place: actors/resp, pure; owned by a session on its gateway's thread. The bytes stay in the
// caller's buffer (read_buffer.hpp); the parser keeps offsets into it, never pointers, between
// calls. Invariants:
//  1. The outcome depends on the bytes alone, not on how they were cut into pieces; only whether a
//     large argument is announced or comes whole depends on whether it was all there.
//  2. Work is linear in the bytes received: nothing is scanned twice because more came later.
//  3. Memory grows with bytes received, never with a length the client announced.
//  4. A limit is checked when its number is read, before anything is awaited or kept.
//  5. After protocol_error or http nothing more is parsed; the connection is to be closed.
//
//   idle --'*'--> count line --> bulk header --> bulk bytes --(last)--> command --> idle
//   idle --other--> inline line --> command | blank line --> idle
//   bulk header --large, not all here--> announced --stream_argument--> parts --> bulk header
//                                            --collect_argument--> bulk bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace troupe::resp {

/// Who is speaking: decides how Redis words a refused length.
enum class trust : std::uint8_t { unauthenticated, authenticated };

/// Bounds of one command.
struct parse_limits {
  trust client = trust::unauthenticated;
  std::uint32_t arguments_max = 0;
  std::size_t bulk_bytes_max = 0;
  /// An inline command without its line end; also a length line.
  std::size_t line_bytes_max = 0;
  /// A whole command as it stands on the wire; at most what authenticated() says.
  std::size_t command_bytes_max = 0;
  /// An argument above this, but for the name, is announced when it is not all here.
  std::size_t whole_bulk_bytes_max = SIZE_MAX;

  /// Before AUTH on a server with a password: a few small arguments.
  [[nodiscard]] static parse_limits unauthenticated() noexcept;
  /// Everybody else.
  [[nodiscard]] static parse_limits authenticated() noexcept;
};

enum class parse_status : std::uint8_t {
  command,         ///< one command was appended to the words
  large_argument,  ///< the arguments before it were appended; stream or collect it
  part,            ///< the next part of a streamed argument was appended as one word
  streamed,        ///< the command ended; the arguments behind the streamed one were appended
  need_more,       ///< the bytes end inside a command (or there are none)
  protocol_error,  ///< answer error() and close
  http,            ///< a browser or an HTTP client: close without an answer and count it
};

/// Incremental parser of one connection. Use:
///
///     while (parser.next(buffer.unread().subspan(done), words) == parse_status::command) {
///       ... words.back() ... ; done += parser.consumed();
///     }
///     buffer.consume(done + parser.consumed());
///
/// so that the views of a whole round of commands stay valid until the consume at its end.
class parser {
 public:
  explicit parser(const parse_limits& limits);

  /// Reads the next command. `input` = all bytes received and not consumed, beginning right behind
  /// what the previous calls consumed; its address may change from call to call. On `command` the
  /// arguments (at least one) are appended to `words` as views into `input`; otherwise `words` is
  /// unchanged. Quoted words of a complete inline command are unquoted in place, inside `input`.
  [[nodiscard]] parse_status next(std::span<char> input, std::vector<std::string_view>& words);

  /// After large_argument: its bytes come as parts of limits::part_bytes_max, the last one smaller.
  /// Returns the bytes of `input` behind consumed() that are done with: all before the argument, so
  /// that who needs the words before it copies them. At most one argument of a command is streamed.
  [[nodiscard]] std::size_t stream_argument();
  /// After large_argument: the command comes whole, as if nothing had been announced.
  void collect_argument();
  /// After large_argument: the size of the argument.
  [[nodiscard]] std::size_t announced_bytes() const noexcept { return bulk_size_; }

  /// Bytes at the front of the last `input` that are done with: the command (its words point into
  /// it), and blank lines and empty arrays before it. On need_more only what was skipped.
  [[nodiscard]] std::size_t consumed() const noexcept { return consumed_; }

  /// After need_more: bytes that are certainly missing to finish the pending bulk, at least 1.
  [[nodiscard]] std::size_t missing() const noexcept { return missing_; }

  /// After protocol_error: the reply's text for reply_writer::error, code included.
  [[nodiscard]] const std::string& error() const noexcept { return error_; }

  /// True when next() stopped inside a command.
  [[nodiscard]] bool in_command() const noexcept { return stage_ != stage::idle || scanned_ > 0; }

  /// New limits from the next length on, e.g. after AUTH.
  void set_limits(const parse_limits& limits);

  /// Heap bytes held by the parser itself.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

 private:
  enum class stage : std::uint8_t { idle, bulk_header, announced, parts, bulk_bytes, failed, http };
  // `again`: something without meaning was skipped, go on behind it. `done`: a command.
  enum class step : std::uint8_t { done, again, more, failed, http, announced, part };
  struct piece {
    std::uint32_t offset, size;
  };

  bool fast_array(std::span<char> input, std::vector<std::string_view>& words);
  step read_inline(std::span<char> input, std::vector<std::string_view>& words);
  step read_array_header(std::span<char> input);
  step read_bulks(std::span<char> input, std::vector<std::string_view>& words);
  step read_bulk_header(std::span<char> input);
  step read_length(std::span<char> input, std::string_view& digits, std::string_view too_big);
  [[nodiscard]] bool may_announce() const noexcept;
  step announce(std::span<char> input, std::vector<std::string_view>& words);
  step read_part(std::span<char> input, std::vector<std::string_view>& words);
  void finish_array(std::span<char> input, std::vector<std::string_view>& words);
  step fail(std::string_view text);
  step want(std::size_t bytes) noexcept;

  parse_limits limits_;
  stage stage_ = stage::idle;
  bool first_request_ = true;     // nothing but blank lines came yet on this connection
  std::uint32_t bulks_left_ = 0;  // of the array being read
  std::size_t cursor_ = 0;        // next byte to interpret, from the start of the command
  std::size_t scanned_ = 0;       // bytes from cursor_ on known to hold no line end
  std::size_t bulk_size_ = 0;     // announced size of the bulk being read, or what is left of it
  bool has_streamed_ = false;     // an argument of the command being read
  bool collects_ = false;         // the command being read, whatever its arguments
  std::size_t consumed_ = 0;
  std::size_t missing_ = 1;
  std::vector<piece> pieces_;  // finished arguments of an array that is still arriving
  std::string error_;
};

}  // namespace troupe::resp
