// troupe::failure as a message, and back.
#pragma once

#include "schemas/envelope.hpp"
#include "schemas/log.capnp.h"
#include "storage/base/error.hpp"

namespace troupe::actors {

inline void encode(const failure& from, schemas::Failure::Builder to) {
  to.setCode(static_cast<std::uint8_t>(from.code));
  to.setMessage(schemas::text(from.message));
}

[[nodiscard]] inline failure decode(schemas::Failure::Reader from) {
  return {static_cast<errc>(from.getCode()), std::string(schemas::view(from.getMessage()))};
}

}  // namespace troupe::actors
