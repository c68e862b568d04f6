// The content of the golden files of the log's formats: built by the generator, expected by the
// test. Fixed for ever: a change of these bytes is a change of the format.
//
// Place: tests/golden. The files in tests/golden/log were written by
//   log_golden_test --write-golden <directory>
// and are checked in; the test never writes them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "storage/log/manifest_format.hpp"
#include "storage/log/record_format.hpp"

namespace troupe::tests {

inline constexpr shard_id golden_shard{3};
inline constexpr use_id golden_use{0x0000000500c0ffee};

/// One of each record type, with every field in use somewhere.
[[nodiscard]] std::vector<log::record_view> golden_records();
/// Two epochs; a sealed segment, one that grows and a spare.
[[nodiscard]] log::manifest golden_manifest();

/// File name -> bytes: "records", "frame", a segment named for its use, "manifest". A segment file
/// on disk goes on with zeros up to its length; those are left out.
[[nodiscard]] std::map<std::string, std::string> golden_files();

}  // namespace troupe::tests
