// Numbers as people write them on a command line: 8, 512MiB, 1.5GB is not one. Pure.
#pragma once

#include <cstdint>
#include <string_view>

#include "storage/base/result.hpp"

namespace troupe::tools {

/// A whole number of bytes: digits, then nothing, B, KiB, MiB, GiB, TiB (powers of 1024) or KB, MB,
/// GB, TB (powers of 1000), in any case. Refuses what does not fit 64 bits.
[[nodiscard]] result<std::uint64_t> parse_bytes(std::string_view text);

/// A whole number from 0 to 2^32 - 1.
[[nodiscard]] result<std::uint32_t> parse_count(std::string_view text);

}  // namespace troupe::tools
