// CRC-32C (Castagnoli, RFC 3720 appendix B.4), by ISA-L, which picks the fastest code for the CPU.
#pragma once

#include <cstdint>
#include <string_view>

namespace troupe {

/// Checksum of `bytes`. To go on over several pieces, pass the previous result as `previous`:
/// crc32c(b, crc32c(a)) == crc32c(a + b). crc32c("123456789") == 0xE3069283.
[[nodiscard]] std::uint32_t crc32c(std::string_view bytes, std::uint32_t previous = 0) noexcept;

}  // namespace troupe
