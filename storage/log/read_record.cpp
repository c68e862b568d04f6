#include "storage/log/read_record.hpp"

#include <fmt/format.h>

#include "storage/base/limits.hpp"

namespace troupe::log {

result<record_view> read_record(io::file& segment, position where, std::size_t size,
                                record_seed seed, std::string& buffer) {
  if (size < record_header_bytes || size > limits::record_bytes_max) {
    return failure{errc::refused, fmt::format("a record of {} bytes cannot be", size)};
  }
  buffer.resize(size);
  TRY(const std::size_t got, segment.read_at(where.offset, buffer));
  if (got != size) {
    return failure{errc::corrupt,
                   fmt::format("record at offset {}: the file ends within it", where.offset)};
  }
  auto view = decode_record(buffer, seed);
  if (!view) return view.error().in(fmt::format("offset {}", where.offset));
  if (view->size != size) {
    return failure{errc::corrupt, fmt::format("record at offset {}: {} bytes long, expected {}",
                                              where.offset, view->size, size)};
  }
  return view;
}

}  // namespace troupe::log
