#include "storage/io/posix_direct.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <utility>

#include "storage/io/aligned_buffer.hpp"

namespace troupe::io {

namespace {

constexpr std::uint32_t alignment_min = 512;
constexpr std::uint32_t alignment_max = 4096;
static_assert(alignment_max <= aligned_buffer::alignment);

bool reads_in_steps_of(std::uint32_t step, const posix_descriptor& opened) {
  // An address that is a multiple of `step` and of nothing larger tests the memory's step too.
  aligned_buffer buffer;
  buffer.resize(std::size_t{2} * alignment_max);
  return ::pread(opened.number(), buffer.data() + step, step, 0) >= 0;
}

std::optional<std::uint32_t> direct_alignment(const posix_descriptor& opened) {
#ifdef STATX_DIOALIGN
  struct ::statx status {};
  if (::statx(opened.number(), "", AT_EMPTY_PATH, STATX_DIOALIGN, &status) == 0 &&
      (status.stx_mask & STATX_DIOALIGN) != 0) {
    // Zero says that this very file cannot be read or written directly.
    if (status.stx_dio_mem_align == 0 || status.stx_dio_offset_align == 0) return std::nullopt;
    const auto step =
        std::max({status.stx_dio_mem_align, status.stx_dio_offset_align, alignment_min});
    if (step > alignment_max || !std::has_single_bit(step)) return std::nullopt;
    return step;
  }
#endif
  return try_direct_alignment(opened);
}

}  // namespace

std::optional<std::uint32_t> try_direct_alignment(const posix_descriptor& opened) {
  for (const auto step : {alignment_min, alignment_max}) {
    if (reads_in_steps_of(step, opened)) return step;
  }
  return std::nullopt;
}

result<std::optional<direct_descriptor>> open_direct(const std::string& path, int flags) {
  for (;;) {
    posix_descriptor opened(::open(path.c_str(), flags | O_DIRECT | O_CLOEXEC));
    if (opened.number() >= 0) {
      const auto alignment = direct_alignment(opened);
      if (!alignment) return std::optional<direct_descriptor>{};
      return std::optional(direct_descriptor{std::move(opened), *alignment});
    }
    if (errno == EINVAL || errno == EOPNOTSUPP) return std::optional<direct_descriptor>{};
    if (errno != EINTR) return posix_failure("open for direct access", path, errno);
  }
}

}  // namespace troupe::io
