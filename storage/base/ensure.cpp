#include "storage/base/ensure.hpp"

#include <cstdio>
#include <cstdlib>

namespace troupe {

void ensure_failed(const char* condition, const char* file, int line) noexcept {
  std::fprintf(stderr, "troupe: impossible state: %s (%s:%d)\n", condition, file, line);
  std::abort();
}

}  // namespace troupe
