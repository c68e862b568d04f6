// Splits a typed line into words, with the quoting rules of Redis' inline commands.
//
// Place: actors/resp, pure, used by the parser. Unquoting never makes a line longer, so it happens
// inside the line's own bytes: invariant: a word is written at or before the place it is read from.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace troupe::resp {

/// Appends the words of `line` (no line end) to `words` as views into `line`, whose bytes are
/// rewritten where quotes or escapes are removed. "double quotes" know \n \r \t \b \a \xHH and \c;
/// 'single quotes' only \'. False for quotes that do not close, or close inside a word; then
/// `words` is as before.
[[nodiscard]] bool split_inline(std::span<char> line, std::vector<std::string_view>& words);

/// Whether a line is the first thing a connection sent.
enum class line_place : std::uint8_t { first, later };

/// True for a line of an HTTP request, whatever blanks are in front of it: POST and Host: anywhere
/// on a connection, other methods when the line ends in an HTTP version, and "GET /" as the first
/// thing a connection sent.
[[nodiscard]] bool looks_like_http(std::string_view line, line_place place) noexcept;

/// True for the names of no command that Redis takes for an attack by way of a browser, however
/// they came (quoted, in an array): POST and Host:.
[[nodiscard]] bool is_http_word(std::string_view word) noexcept;

}  // namespace troupe::resp
