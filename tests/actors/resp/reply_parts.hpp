// Takes the reply of SCAN or KEYS apart, for tests that do not know the order of keys.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <string_view>
#include <vector>

namespace troupe::tests {

/// Reads "$n\r\n...\r\n" off the front of `rest`.
inline std::string take_bulk(std::string_view& rest) {
  REQUIRE(rest.starts_with("$"));
  const std::size_t end = rest.find("\r\n");
  const auto size = static_cast<std::size_t>(std::stoul(std::string(rest.substr(1, end - 1))));
  std::string bytes(rest.substr(end + 2, size));
  rest.remove_prefix(end + 2 + size + 2);
  return bytes;
}

/// Reads "*n\r\n" and n bulk strings.
inline std::vector<std::string> take_array(std::string_view& rest) {
  REQUIRE(rest.starts_with("*"));
  const std::size_t end = rest.find("\r\n");
  std::vector<std::string> items(std::stoul(std::string(rest.substr(1, end - 1))));
  rest.remove_prefix(end + 2);
  for (std::string& item : items) item = take_bulk(rest);
  return items;
}

struct scan_reply {
  std::string cursor;
  std::vector<std::string> keys;
};

inline scan_reply parse_scan_reply(std::string_view reply) {
  REQUIRE(reply.starts_with("*2\r\n"));
  reply.remove_prefix(4);
  scan_reply parsed;
  parsed.cursor = take_bulk(reply);
  parsed.keys = take_array(reply);
  CHECK(reply.empty());
  return parsed;
}

}  // namespace troupe::tests
