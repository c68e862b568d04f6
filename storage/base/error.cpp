#include "storage/base/error.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace troupe {

std::string_view to_string(errc code) noexcept {
  switch (code) {
    case errc::refused: return "refused";
    case errc::not_found: return "not_found";
    case errc::busy: return "busy";
    case errc::no_space: return "no_space";
    case errc::corrupt: return "corrupt";
    case errc::foreign: return "foreign";
    case errc::io_failed: return "io_failed";
  }
  return "unknown";
}

failure failure::in(std::string_view where) const {
  return {code, fmt::format("{}: {}", where, message)};
}

failure os_error(std::string_view what, int error_number) {
  auto code = errc::io_failed;
  if (error_number == ENOSPC || error_number == EDQUOT) code = errc::no_space;
  if (error_number == ENOENT) code = errc::not_found;
  if (error_number == EAGAIN) code = errc::busy;
  if (error_number == EEXIST) code = errc::refused;
  return {code, fmt::format("{}: {}", what, std::generic_category().message(error_number))};
}

}  // namespace troupe
