// Opening a file for direct I/O, and finding out whether and in what steps it works.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "storage/base/result.hpp"
#include "storage/io/posix_descriptor.hpp"

namespace troupe::io {

/// A descriptor opened with O_DIRECT, and the step that it demands of offsets, sizes and addresses.
struct direct_descriptor {
  posix_descriptor descriptor;
  std::uint32_t alignment;  ///< 512 to 4096, a power of two
};

/// Opens an existing file with `flags` and O_DIRECT. Nothing if its file system cannot do direct
/// I/O or wants steps above 4096; a failure if the file cannot be opened at all.
[[nodiscard]] result<std::optional<direct_descriptor>> open_direct(const std::string& path,
                                                                   int flags);

/// The step by trial reads of 512 and of 4096 bytes, for kernels that cannot be asked.
[[nodiscard]] std::optional<std::uint32_t> try_direct_alignment(const posix_descriptor& opened);

}  // namespace troupe::io
