// ENSURE: states that a condition cannot be false. Checked in release builds too, because a node
// that goes on in an impossible state destroys data. Never for input from disk or network.
#pragma once

namespace troupe {

/// Prints where and what to stderr and aborts.
[[noreturn]] void ensure_failed(const char* condition, const char* file, int line) noexcept;

}  // namespace troupe

/// Usable as an expression: `return ENSURE(ok), value;`
#define ENSURE(condition)                            \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::troupe::ensure_failed(#condition, __FILE__, __LINE__))
