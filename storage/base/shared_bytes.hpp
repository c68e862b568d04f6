// Immutable bytes with shared ownership: how bulk data passes from its maker to a socket uncopied.
#pragma once

#include <memory>
#include <string_view>

namespace troupe {

/// Bytes that `owner` keeps alive.
struct shared_bytes {
  std::shared_ptr<const void> owner;
  std::string_view bytes;
};

}  // namespace troupe
