// Gives back the unused end of a sealed segment's file.
//
// Place: storage/log; used when a log is opened, since every opening seals a segment that may be
// nearly empty. The frames are copied to a new file that takes the old one's name: the content up
// to the sealed length never changes under that name, and a snapshot's link keeps the old file.
#pragma once

#include <cstdint>
#include <string>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"
#include "storage/io/file_system.hpp"

namespace troupe::log {

/// Replaces the file by its first `sealed_length` bytes. Precondition: a manifest that seals the
/// segment there is durable. On no_space the file is as it was.
result<void> trim_segment(io::file_system& files, const std::string& directory, use_id use,
                          std::uint64_t sealed_length);

}  // namespace troupe::log
