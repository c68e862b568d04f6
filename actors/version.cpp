#include "actors/version.hpp"

namespace troupe::actors {

std::string_view version() noexcept { return TROUPE_VERSION; }

}  // namespace troupe::actors
