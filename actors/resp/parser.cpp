#include "actors/resp/parser.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>

#include "actors/resp/error_texts.hpp"
#include "actors/resp/inline_words.hpp"
#include "storage/base/ensure.hpp"
#include "storage/base/limits.hpp"

namespace troupe::resp {
namespace {

constexpr std::size_t command_bytes_authenticated =
    limits::query_buffer_bytes + limits::value_bytes_max;
static_assert(command_bytes_authenticated < std::numeric_limits<std::uint32_t>::max(),
              "pieces of a command are kept as 32-bit offsets");

/// Pieces kept from one command to the next; more are given back.
constexpr std::size_t pieces_kept = 1024;

/// An integer exactly as Redis reads lengths: no '+', no spaces, no leading zeros, no "-0".
std::optional<std::int64_t> strict_integer(std::string_view text) noexcept {
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || (digits[0] == '0' && text.size() > 1)) return std::nullopt;
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// Reads "<digits>\r\n" at `at`, at most nine digits. Returns the byte behind it, or nullptr when
/// the line is incomplete or in any way unusual: then the careful path finds out what it is.
inline const char* quick_length(const char* at, const char* end, std::uint32_t& value) noexcept {
  constexpr std::ptrdiff_t digits_max = 9;
  if (end - at < 3) return nullptr;
  // Where the CR must be at the latest; it and the LF behind it can be read.
  const char* const last = end - at > digits_max + 2 ? at + digits_max : end - 2;
  const auto digit_at = [](const char* from) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(*from)) - '0';
  };
  std::uint32_t digit = digit_at(at);
  if (digit > 9 || (digit == 0 && at[1] != '\r')) return nullptr;
  value = digit;
  while ((digit = digit_at(++at)) <= 9) {
    if (at >= last) return nullptr;
    value = value * 10 + digit;
  }
  return at[0] == '\r' && at[1] == '\n' ? at + 2 : nullptr;
}

}  // namespace

parse_limits parse_limits::unauthenticated() noexcept {
  return {.client = trust::unauthenticated,
          .arguments_max = limits::unauthenticated_arguments,
          .bulk_bytes_max = limits::unauthenticated_bulk_bytes,
          .line_bytes_max = limits::unauthenticated_bulk_bytes,
          .command_bytes_max = limits::unauthenticated_command_bytes};
}

parse_limits parse_limits::authenticated() noexcept {
  return {.client = trust::authenticated,
          .arguments_max = limits::arguments_max,
          .bulk_bytes_max = limits::value_bytes_max,
          .line_bytes_max = limits::inline_bytes,
          .command_bytes_max = command_bytes_authenticated};
}

parser::parser(const parse_limits& limits) { set_limits(limits); }

void parser::set_limits(const parse_limits& limits) {
  ENSURE(limits.command_bytes_max <= command_bytes_authenticated);
  limits_ = limits;
}

parse_status parser::next(std::span<char> input, std::vector<std::string_view>& words) {
  consumed_ = 0;
  for (;;) {
    const std::span<char> rest = input.subspan(consumed_);
    const bool begins_array = stage_ == stage::idle && !rest.empty() && rest[0] == '*';
    if (begins_array && fast_array(rest, words)) [[likely]]
      return parse_status::command;
    step outcome = step::more;
    switch (stage_) {
      case stage::failed: return parse_status::protocol_error;
      case stage::http: return parse_status::http;
      case stage::bulk_header:
      case stage::bulk_bytes: outcome = read_bulks(rest, words); break;
      case stage::announced: outcome = announce(rest, words); break;
      case stage::parts: outcome = read_part(rest, words); break;
      case stage::idle:
        if (rest.empty()) {
          outcome = want(1);
        } else {
          outcome = begins_array ? read_array_header(rest) : read_inline(rest, words);
        }
        break;
    }
    switch (outcome) {
      case step::done:
        return std::exchange(has_streamed_, false) ? parse_status::streamed : parse_status::command;
      case step::announced: return parse_status::large_argument;
      case step::part: return parse_status::part;
      case step::more: return parse_status::need_more;
      case step::failed: return parse_status::protocol_error;
      case step::http: return parse_status::http;
      case step::again: break;
    }
  }
}

/// A whole array within limits, the case that must be fast. Whatever else it meets, it leaves
/// everything as it was and returns false.
bool parser::fast_array(std::span<char> input, std::vector<std::string_view>& words) {
  const char* const begin = input.data();
  const char* const end = begin + input.size();
  std::uint32_t count = 0;
  const char* at = quick_length(begin + 1, end, count);
  if (at == nullptr || count == 0 || count > limits_.arguments_max) return false;
  // Checked before room is made for so many: each takes at least "$0\r\n\r\n".
  if (static_cast<std::size_t>(end - at) / 6 < count) return false;
  const std::size_t before = words.size();
  words.resize(before + count);
  for (std::string_view* word = words.data() + before; count > 0; --count, ++word) {
    std::uint32_t size = 0;
    if (at == end || *at != '$' || (at = quick_length(at + 1, end, size)) == nullptr ||
        size > limits_.bulk_bytes_max || static_cast<std::size_t>(end - at) < size + 2ull ||
        at[size] != '\r' || at[size + 1ull] != '\n') {
      words.resize(before);
      return false;
    }
    *word = {at, size};
    at += size + 2ull;
  }
  const auto total = static_cast<std::size_t>(at - begin);
  if (total > limits_.command_bytes_max) {
    words.resize(before);
    return false;
  }
  first_request_ = false;
  scanned_ = 0;
  consumed_ += total;
  return true;
}

parser::step parser::read_inline(std::span<char> input, std::vector<std::string_view>& words) {
  const void* found = std::memchr(input.data() + scanned_, '\n', input.size() - scanned_);
  if (found == nullptr) {
    // A trailing CR may be half of the line end, which does not count.
    const std::size_t size = input.size() - (input.back() == '\r' ? 1 : 0);
    if (size > limits_.line_bytes_max) return fail(error_texts::too_big_inline);
    scanned_ = input.size();
    return want(1);
  }
  const auto line_end = static_cast<std::size_t>(static_cast<const char*>(found) - input.data());
  const bool has_return = line_end > 0 && input[line_end - 1] == '\r';
  const std::span<char> line = input.first(line_end - (has_return ? 1 : 0));
  if (line.size() > limits_.line_bytes_max) return fail(error_texts::too_big_inline);

  const auto place = first_request_ ? line_place::first : line_place::later;
  if (looks_like_http({line.data(), line.size()}, place)) {
    stage_ = stage::http;
    return step::http;
  }
  const std::size_t before = words.size();
  if (!split_inline(line, words)) return fail(error_texts::unbalanced_quotes);
  const std::size_t count = words.size() - before;
  if (count > limits_.arguments_max) {
    words.resize(before);
    return fail(limits_.client == trust::unauthenticated
                    ? error_texts::unauthenticated_multibulk_length
                    : error_texts::invalid_multibulk_length);
  }
  consumed_ += line_end + 1;
  scanned_ = 0;
  if (count == 0) return step::again;
  first_request_ = false;
  return step::done;
}

/// Finds the line at cursor_ and gives what follows its first byte; moves cursor_ behind it.
parser::step parser::read_length(std::span<char> input, std::string_view& digits,
                                 std::string_view too_big) {
  const std::span<char> rest = input.subspan(cursor_);
  const void* found = nullptr;
  if (scanned_ < rest.size()) {
    found = std::memchr(rest.data() + scanned_, '\r', rest.size() - scanned_);
  }
  const std::size_t size =
      found == nullptr ? rest.size()
                       : static_cast<std::size_t>(static_cast<const char*>(found) - rest.data());
  if (size > limits_.line_bytes_max) return fail(too_big);
  if (size + 1 >= rest.size()) {
    scanned_ = size;
    return want(1);
  }
  // A CR without its LF makes the number no number: keep it in the digits.
  const std::size_t shown = rest[size + 1] == '\n' ? size : size + 1;
  digits = shown == 0 ? std::string_view() : std::string_view(rest.data() + 1, shown - 1);
  cursor_ += size + 2;
  scanned_ = 0;
  return step::done;
}

parser::step parser::read_array_header(std::span<char> input) {
  std::string_view digits;
  cursor_ = 0;
  const step line = read_length(input, digits, error_texts::too_big_mbulk_count);
  if (line != step::done) return line;
  const auto count = strict_integer(digits);
  if (!count || *count > std::numeric_limits<std::int32_t>::max()) {
    return fail(error_texts::invalid_multibulk_length);
  }
  if (*count > static_cast<std::int64_t>(limits_.arguments_max)) {
    return fail(limits_.client == trust::unauthenticated
                    ? error_texts::unauthenticated_multibulk_length
                    : error_texts::invalid_multibulk_length);
  }
  if (*count <= 0) {
    consumed_ += cursor_;
    cursor_ = 0;
    return step::again;
  }
  first_request_ = false;
  bulks_left_ = static_cast<std::uint32_t>(*count);
  stage_ = stage::bulk_header;
  return step::again;
}

parser::step parser::read_bulk_header(std::span<char> input) {
  const std::size_t start = cursor_;
  std::string_view digits;
  const step line = read_length(input, digits, error_texts::too_big_bulk_count);
  if (line != step::done) return line;
  if (input[start] != '$') return fail(error_texts::expected_bulk(input[start]));
  const auto size = strict_integer(digits);
  if (!size || *size < 0 || *size > static_cast<std::int64_t>(limits::value_bytes_max)) {
    return fail(error_texts::invalid_bulk_length);
  }
  bulk_size_ = static_cast<std::size_t>(*size);
  if (bulk_size_ > limits_.bulk_bytes_max || cursor_ + bulk_size_ + 2 > limits_.command_bytes_max) {
    return fail(limits_.client == trust::unauthenticated ? error_texts::unauthenticated_bulk_length
                                                         : error_texts::invalid_bulk_length);
  }
  stage_ = stage::bulk_bytes;
  return step::done;
}

parser::step parser::read_bulks(std::span<char> input, std::vector<std::string_view>& words) {
  while (bulks_left_ > 0) {
    if (stage_ == stage::bulk_header) {
      const step header = read_bulk_header(input);
      if (header != step::done) return header;
    }
    const std::size_t available = input.size() - cursor_;
    if (available < bulk_size_ + 2) {
      if (!may_announce()) return want(bulk_size_ + 2 - available);
      stage_ = stage::announced;
      return step::again;
    }
    const std::size_t end = cursor_ + bulk_size_;
    // Redis skips these two bytes unseen; a length that is wrong by a few is better found here
    // than taken for the next command.
    if (input[end] != '\r' || input[end + 1] != '\n') return fail(error_texts::invalid_bulk_length);
    pieces_.push_back(
        {static_cast<std::uint32_t>(cursor_), static_cast<std::uint32_t>(bulk_size_)});
    cursor_ = end + 2;
    stage_ = stage::bulk_header;
    --bulks_left_;
  }
  finish_array(input, words);
  return step::done;
}

/// Large enough, not the name of a command, and not asked about before.
bool parser::may_announce() const noexcept {
  return stage_ == stage::bulk_bytes && bulk_size_ > limits_.whole_bulk_bytes_max &&
         !pieces_.empty() && !has_streamed_ && !collects_;
}

parser::step parser::announce(std::span<char> input, std::vector<std::string_view>& words) {
  for (const piece& each : pieces_) words.emplace_back(input.data() + each.offset, each.size);
  return step::announced;
}

std::size_t parser::stream_argument() {
  ENSURE(stage_ == stage::announced);
  stage_ = stage::parts;
  has_streamed_ = true;
  pieces_.clear();
  return std::exchange(cursor_, 0);
}

void parser::collect_argument() {
  ENSURE(stage_ == stage::announced);
  stage_ = stage::bulk_bytes;
  collects_ = true;
}

parser::step parser::read_part(std::span<char> input, std::vector<std::string_view>& words) {
  const std::size_t size = std::min(bulk_size_, limits::part_bytes_max);
  if (size > 0) {
    if (input.size() < size) return want(size - input.size());
    words.emplace_back(input.data(), size);
    consumed_ += size;
    bulk_size_ -= size;
    return step::part;
  }
  if (input.size() < 2) return want(2 - input.size());
  if (input[0] != '\r' || input[1] != '\n') return fail(error_texts::invalid_bulk_length);
  consumed_ += 2;
  --bulks_left_;
  stage_ = stage::bulk_header;
  return step::again;
}

void parser::finish_array(std::span<char> input, std::vector<std::string_view>& words) {
  for (const piece& each : pieces_) words.emplace_back(input.data() + each.offset, each.size);
  if (pieces_.capacity() > pieces_kept) {
    std::vector<piece>().swap(pieces_);
  } else {
    pieces_.clear();
  }
  consumed_ += cursor_;
  cursor_ = 0;
  scanned_ = 0;
  collects_ = false;
  stage_ = stage::idle;
}

parser::step parser::fail(std::string_view text) {
  error_ = text;
  stage_ = stage::failed;
  std::vector<piece>().swap(pieces_);
  return step::failed;
}

parser::step parser::want(std::size_t bytes) noexcept {
  missing_ = bytes;
  return step::more;
}

std::size_t parser::memory_bytes() const noexcept {
  return pieces_.capacity() * sizeof(piece) + error_.capacity();
}

}  // namespace troupe::resp
