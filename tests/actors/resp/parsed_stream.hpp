// What the RESP parser makes of a byte stream, however the stream is cut: for unit tests and
// fuzzing.
//
// Every piece goes through a read_buffer, as in a session. The buffer's bytes are copied to a block
// of exactly their size before each parse, so that reading past them is found by AddressSanitizer
// and no view survives that should not.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "actors/resp/parser.hpp"
#include "actors/resp/read_buffer.hpp"

namespace troupe::tests {

/// Commands and the end of one stream.
struct parsed_stream {
  std::vector<std::vector<std::string>> commands;
  resp::parse_status end = resp::parse_status::need_more;
  std::string error;
  std::size_t memory_max = 0;  ///< most the parser and the read buffer held

  friend bool operator==(const parsed_stream& a, const parsed_stream& b) {
    return a.commands == b.commands && a.end == b.end && a.error == b.error;
  }
};

/// Parses what `buffer` holds into `to`; returns the bytes done with.
inline std::size_t parse_round(resp::parser& parser, std::span<const char> unread,
                               parsed_stream& to) {
  std::vector<char> exact(unread.begin(), unread.end());
  std::vector<std::string_view> views;
  std::vector<std::size_t> ends;
  std::size_t done = 0;
  do {
    to.end = parser.next(std::span(exact).subspan(done), views);
    done += parser.consumed();
    if (to.end == resp::parse_status::command) ends.push_back(views.size());
  } while (to.end == resp::parse_status::command);
  // Only now, since all views of a round must outlive its last command.
  std::size_t from = 0;
  for (const std::size_t end : ends) {
    to.commands.emplace_back(views.begin() + static_cast<std::ptrdiff_t>(from),
                             views.begin() + static_cast<std::ptrdiff_t>(end));
    from = end;
  }
  return done;
}

/// Parses `bytes`, received in pieces of `piece` bytes after a first one of `first` bytes.
inline parsed_stream parse_stream(std::string_view bytes, const resp::parse_limits& limits,
                                  std::size_t first, std::size_t piece) {
  resp::parser parser(limits);
  resp::read_buffer buffer(limits.command_bytes_max + resp::read_buffer::base_bytes);
  parsed_stream outcome;
  std::size_t received_end = std::min(first, bytes.size());
  std::size_t at = 0;
  for (;;) {
    while (at < received_end) {
      const auto room = buffer.room(parser.missing());
      const std::size_t size = std::min(room.size(), received_end - at);
      std::memcpy(room.data(), bytes.data() + at, size);
      buffer.received(size);
      at += size;
      outcome.memory_max = std::max(outcome.memory_max, buffer.capacity() + parser.memory_bytes());
      buffer.consume(parse_round(parser, buffer.unread(), outcome));
      if (outcome.end != resp::parse_status::need_more) {
        outcome.error = parser.error();
        return outcome;
      }
    }
    if (at == bytes.size()) return outcome;
    received_end = std::min(bytes.size(), received_end + std::max<std::size_t>(piece, 1));
  }
}

/// Parses `bytes` received at once.
inline parsed_stream parse_stream(std::string_view bytes, const resp::parse_limits& limits) {
  return parse_stream(bytes, limits, bytes.size(), bytes.size());
}

}  // namespace troupe::tests
