// The entry point each fuzz target defines: called by libFuzzer, and by corpus_replay.cpp in the
// ordinary tests of every compiler.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace troupe::tests {

/// The input as bytes.
inline std::string_view fuzz_bytes(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return {};
  return {static_cast<const char*>(static_cast<const void*>(data)), size};
}

}  // namespace troupe::tests
