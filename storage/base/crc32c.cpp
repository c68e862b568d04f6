#include "storage/base/crc32c.hpp"

#include <isa-l/crc.h>

namespace troupe {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous) noexcept {
  // ISA-L takes an int length and a non-const pointer; it only reads.
  auto remainder = ~previous;
  while (!bytes.empty()) {
    const auto piece = bytes.substr(0, std::size_t{1} << 30);
    auto* start = reinterpret_cast<unsigned char*>(const_cast<char*>(piece.data()));
    remainder = crc32_iscsi(start, static_cast<int>(piece.size()), remainder);
    bytes.remove_prefix(piece.size());
  }
  return ~remainder;
}

}  // namespace troupe
