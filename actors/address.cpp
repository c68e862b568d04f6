#include "actors/address.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <iterator>

namespace troupe::actors {

namespace {

failure not_an_address(std::string_view text) {
  return {errc::refused,
          fmt::format("'{}' is not HOST:PORT, for example 127.0.0.1:7379 or [::1]:7379", text)};
}

}  // namespace

result<address> parse_address(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return not_an_address(text);
  auto host = text.substr(0, colon);
  const auto port = text.substr(colon + 1);

  const bool brackets = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  const bool has_colon = host.find(':') != std::string_view::npos;
  // Without brackets the last group of an IPv6 address would be taken for a port.
  if (host.empty() || has_colon != brackets) return not_an_address(text);
  if (host.find_first_of("[] \t\r\n/@") != std::string_view::npos) return not_an_address(text);
  if (in6_addr parsed{}; brackets && inet_pton(AF_INET6, std::string(host).c_str(), &parsed) != 1)
    return not_an_address(text);

  std::uint16_t number = 0;
  const auto* const end = port.data() + port.size();
  const auto [stopped, error] = std::from_chars(port.data(), end, number);
  if (error == std::errc::result_out_of_range)
    return failure{errc::refused, fmt::format("'{}': a port is at most 65535", text)};
  if (error != std::errc{} || stopped != end) return not_an_address(text);
  return address{std::string(host), number};
}

std::string to_string(const address& where) {
  if (where.host.find(':') != std::string::npos)
    return fmt::format("[{}]:{}", where.host, where.port);
  return fmt::format("{}:{}", where.host, where.port);
}

bool is_loopback(const address& where) {
  if (where.host == "localhost") return true;
  if (in_addr four{}; inet_pton(AF_INET, where.host.c_str(), &four) == 1)
    return (ntohl(four.s_addr) >> 24) == 127;
  if (in6_addr six{}; inet_pton(AF_INET6, where.host.c_str(), &six) == 1) {
    const in6_addr loopback = IN6ADDR_LOOPBACK_INIT;
    return std::equal(std::begin(six.s6_addr), std::end(six.s6_addr), std::begin(loopback.s6_addr));
  }
  return false;
}

}  // namespace troupe::actors
