// Describes manifests, segments and whole logs as lines of text, for `troupe inspect`.
//
// Place: storage/log; any thread, on files of a node that is stopped (a live one may be read too,
// but then its end moves). Never changes anything.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "storage/base/result.hpp"
#include "storage/io/file_system.hpp"

namespace troupe::log {

/// Gets one line, without its end.
using line_sink = std::function<void(std::string_view)>;

/// How much inspect says.
enum class detail : std::uint8_t { summary, frames, records };

/// One manifest file, field by field.
result<void> inspect_manifest(io::file_system& files, const std::string& path,
                              const line_sink& sink);

/// The identity file of a data directory.
result<void> inspect_node(io::file_system& files, const std::string& directory,
                          const line_sink& sink);

/// One segment file by itself: its header block and its frames. Says where valid frames end and
/// whether valid ones stand behind that; errc::corrupt, after the lines, if they do.
result<void> inspect_segment(io::file_system& files, const std::string& path, detail how_much,
                             const line_sink& sink);

/// A shard's directory: its manifest, then the whole log as recovery would read it. The error is
/// the one that opening it would give.
result<void> inspect_shard(io::file_system& files, const std::string& directory, detail how_much,
                           const line_sink& sink);

}  // namespace troupe::log
