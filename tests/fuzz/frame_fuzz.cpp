// Fuzzes the frame header decoder, with the input's own checksum and with a right one. Checked:
// what is accepted stands where it says, ends inside its segment, and encodes to the same bytes.
#include <array>
#include <string>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/base/ensure.hpp"
#include "storage/log/frame_format.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace troupe;

constexpr std::size_t at_crc = 4;
constexpr std::size_t at_use = 8;
constexpr std::size_t at_offset = 24;
constexpr std::uint64_t segment_bytes = 8 << 20;

void check(std::string_view bytes, const log::frame_place& place) {
  static_cast<void>(log::looks_like_frame(bytes));
  const auto frame = log::decode_frame_header(bytes, place);
  if (!frame) return;
  const log::frame_header& header = frame->header;
  ENSURE(header.use == place.use && header.offset == place.offset);
  ENSURE(header.offset <= segment_bytes);
  ENSURE(header.payload_length <= segment_bytes - header.offset - log::frame_header_bytes);
  std::array<char, log::frame_header_bytes> again;
  ENSURE(log::encode_frame_header(header, again.data()) == frame->crc);
  ENSURE(bytes.starts_with(std::string_view(again.data(), again.size())));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string bytes(tests::fuzz_bytes(data, size));
  check(bytes, {.use = {1}, .offset = 4096, .segment_bytes = segment_bytes});
  if (bytes.size() < log::frame_header_bytes) return 0;
  const log::frame_place own{.use = {load_le<std::uint64_t>(bytes.data() + at_use)},
                             .offset = load_le<std::uint64_t>(bytes.data() + at_offset),
                             .segment_bytes = segment_bytes};
  // The scanner looks inside the segment only.
  if (own.offset >= segment_bytes) return 0;
  check(bytes, own);
  store_le(bytes.data() + at_crc, std::uint32_t{0});
  store_le(bytes.data() + at_crc,
           crc32c(std::string_view(bytes).substr(0, log::frame_header_bytes)));
  check(bytes, own);
  return 0;
}
