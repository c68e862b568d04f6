// Precompiled for the translation units that define actors; everything else includes what it uses.
// A guard instead of #pragma once, which a compiler that precompiles the file warns about.
#ifndef TROUPE_ACTORS_PCH_CAF_PCH_HPP
#define TROUPE_ACTORS_PCH_CAF_PCH_HPP

#include "actors/interfaces.hpp"
#include "actors/runtime/pinned_actor.hpp"

#endif
