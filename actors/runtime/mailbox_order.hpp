// Tells ThreadSanitizer what CAF's mailbox guarantees: what a sender wrote is seen by the receiver.
//
// Place: actors/runtime; used by the classes behind our actors. Debian's CAF is compiled without
// ThreadSanitizer, which therefore cannot see the mailbox's atomics. In other builds this is
// nothing.
#pragma once

#if defined(__SANITIZE_THREAD__)
#define TROUPE_THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define TROUPE_THREAD_SANITIZER 1
#endif
#endif

#ifdef TROUPE_THREAD_SANITIZER
#include <sanitizer/tsan_interface.h>
#endif

namespace troupe::runtime {

/// The sender hands `what` over.
inline void hand_over([[maybe_unused]] void* what) noexcept {
#ifdef TROUPE_THREAD_SANITIZER
  __tsan_release(what);
#endif
}

/// The receiver takes `what`, which was handed over.
inline void take_over([[maybe_unused]] void* what) noexcept {
#ifdef TROUPE_THREAD_SANITIZER
  __tsan_acquire(what);
#endif
}

}  // namespace troupe::runtime
