// Runs a fuzz target over the files of its corpus without libFuzzer: each file as it is, cut short
// at every length, and with every byte changed in turn. A target reports by aborting.
//
// Usage: <target>_replay DIRECTORY...; exits 1 if there is nothing to run.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/fuzz_target.hpp"

namespace {

/// What is added to a byte: neighbours, its sign, and a jump between letters, digits and controls.
constexpr std::array<unsigned, 4> changes = {1, 0xff, 0x80, 0x2a};

void run(const std::string& bytes) {
  // A block of its own, so that a sanitizer sees a read past the end.
  const std::vector<std::uint8_t> exact(bytes.begin(), bytes.end());
  static_cast<void>(LLVMFuzzerTestOneInput(exact.data(), exact.size()));
}

std::size_t replay(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  run(bytes);
  for (std::size_t size = 0; size < bytes.size(); ++size) run(bytes.substr(0, size));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    for (const unsigned change : changes) {
      std::string changed = bytes;
      changed[at] = static_cast<char>(static_cast<unsigned char>(changed[at]) + change);
      run(changed);
    }
  }
  return 1 + bytes.size() * (1 + changes.size());
}

}  // namespace

int main(int count, char** arguments) {
  std::vector<std::filesystem::path> files;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(arguments[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  std::size_t inputs = 0;
  for (const auto& file : files) inputs += replay(file);
  fmt::print("{} files, {} inputs\n", files.size(), inputs);
  return files.empty() ? 1 : 0;
}
