// Fuzzes the RESP parser and the read buffer. The first byte chooses limits and how the rest is cut
// into pieces. Checked: the cut makes no difference, memory follows the bytes received, commands
// survive being written and read again, and an error is one line.
#include <algorithm>
#include <array>
#include <string>

#include "actors/resp/reply_writer.hpp"
#include "storage/base/ensure.hpp"
#include "tests/actors/resp/parsed_stream.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace troupe;
using tests::parsed_stream;

constexpr std::array<std::size_t, 8> piece_sizes = {1, 2, 3, 7, 16, 100, 1000, 5000};
/// Memory of a connection that sent next to nothing.
constexpr std::size_t memory_base = 64 * 1024;
/// A 6-byte argument costs 8 bytes in a vector that may just have doubled.
constexpr std::size_t memory_per_byte = 6;

void check_round_trip(const parsed_stream& stream) {
  std::string bytes;
  resp::reply_writer writer(bytes, resp::protocol::resp2);
  for (const auto& command : stream.commands) {
    writer.array(command.size());
    for (const std::string& word : command) writer.bulk(word);
  }
  const parsed_stream again = tests::parse_stream(bytes, resp::parse_limits::authenticated());
  ENSURE(again.commands == stream.commands);
  ENSURE(again.end == resp::parse_status::need_more);
}

void check_error(const parsed_stream& stream) {
  ENSURE(stream.error.empty() == (stream.end != resp::parse_status::protocol_error));
  std::string bytes;
  resp::reply_writer(bytes, resp::protocol::resp2).error(stream.error);
  const std::size_t breaks = static_cast<std::size_t>(std::count_if(
      bytes.begin(), bytes.end(), [](char c) { return c == '\r' || c == '\n' || c == '\0'; }));
  ENSURE(breaks == 2 && bytes.ends_with("\r\n"));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto options = static_cast<std::size_t>(data[0]);
  const std::string_view bytes = tests::fuzz_bytes(data, size).substr(1);
  const auto limits = options % 2 == 0 ? resp::parse_limits::authenticated()
                                       : resp::parse_limits::unauthenticated();
  const std::size_t piece = piece_sizes[options / 2 % piece_sizes.size()];
  const std::size_t first = options / 16 * 5;

  const parsed_stream whole = tests::parse_stream(bytes, limits);
  const parsed_stream cut = tests::parse_stream(bytes, limits, first, piece);
  ENSURE(whole == cut);
  ENSURE(cut.memory_max <= memory_base + memory_per_byte * bytes.size());
  check_round_trip(whole);
  check_error(whole);
  return 0;
}
