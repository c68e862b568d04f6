// The version of this program, as the build file states it.
#pragma once

#include <string_view>

namespace troupe::actors {

/// For example "0.1.0".
[[nodiscard]] std::string_view version() noexcept;

}  // namespace troupe::actors
