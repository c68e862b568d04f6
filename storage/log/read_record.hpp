// Reads one record from a segment, for values that are not in memory.
//
// Place: storage/log; any thread. Bytes are checked before they are believed; that the record is
// the wanted one (key, LSN) is checked by the caller, because a segment may have been recycled.
#pragma once

#include <cstddef>
#include <string>

#include "storage/io/file_system.hpp"
#include "storage/log/log_types.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::log {

/// The record of `size` bytes at `where.offset` of `segment`; the view borrows from `buffer`, which
/// is overwritten. errc::corrupt if the bytes are no intact record of this size and shard.
[[nodiscard]] result<record_view> read_record(io::file& segment, position where, std::size_t size,
                                              record_seed seed, std::string& buffer);

}  // namespace troupe::log
