#include "tools/inspect.hpp"

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "storage/io/posix_file_system.hpp"
#include "storage/log/inspect.hpp"
#include "storage/log/node_identity.hpp"

namespace troupe::tools {

namespace {

void print_line(std::string_view line) {
  std::fwrite(line.data(), 1, line.size(), stdout);
  std::fputc('\n', stdout);
}

/// What a path stands for: itself, or the identity and the shard directories of a data directory.
result<std::vector<std::string>> expand(io::file_system& files, const std::string& path) {
  std::vector<std::string> targets;
  if (std::error_code unreadable; std::filesystem::is_directory(path, unreadable)) {
    TRY(const auto names, files.list(path));
    for (const auto& name : names) {
      if (name == log::node_identity_name || name.starts_with("shard-")) {
        targets.push_back(path + "/" + name);
      }
    }
  }
  if (targets.empty()) targets.push_back(path);
  return targets;
}

result<void> inspect_one(io::file_system& files, const std::string& path, log::detail how_much) {
  const std::filesystem::path whole(path);
  const auto name = whole.filename().string();
  if (name == log::node_identity_name) {
    const auto directory = whole.has_parent_path() ? whole.parent_path().string() : ".";
    return log::inspect_node(files, directory, print_line);
  }
  if (name.starts_with("MANIFEST-")) return log::inspect_manifest(files, path, print_line);
  if (name.ends_with(".segment")) return log::inspect_segment(files, path, how_much, print_line);
  if (std::error_code unreadable; std::filesystem::is_regular_file(whole, unreadable)) {
    return failure{errc::foreign, path + ": not named like a file of a data directory: " +
                                      std::string(log::node_identity_name) +
                                      ", MANIFEST-a or -b, *.segment"};
  }
  return log::inspect_shard(files, path, how_much, print_line);
}

/// Says what is wrong, after what was printed so far.
void complain(const failure& why) {
  std::fflush(stdout);
  std::fprintf(stderr, "troupe: %s\n", why.message.c_str());
}

}  // namespace

int inspect(const inspect_request& wanted) {
  const auto files = io::make_posix_file_system(io::direct_io::never);
  int code = exit_done;
  // One damaged shard must not hide the state of the others.
  for (const auto& path : wanted.paths) {
    const auto targets = expand(*files, path);
    if (!targets) {
      complain(targets.error());
      code = exit_failed;
      continue;
    }
    for (const auto& target : *targets) {
      if (const auto done = inspect_one(*files, target, wanted.how_much); !done) {
        complain(done.error());
        code = exit_failed;
      }
    }
  }
  return code;
}

}  // namespace troupe::tools
