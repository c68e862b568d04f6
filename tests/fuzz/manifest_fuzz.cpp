// Fuzzes the decoders of the manifest, of a segment's header block and of a node's identity, with
// the input's own checksum and with a right one. Checked: what is accepted encodes to the same
// bytes.
#include <string>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/base/ensure.hpp"
#include "storage/log/manifest_format.hpp"
#include "storage/log/node_identity.hpp"
#include "storage/log/segment_format.hpp"
#include "tests/fuzz/fuzz_target.hpp"

namespace {

using namespace troupe;

// Both formats keep their checksum at the same place, taken as zero when it is computed.
constexpr std::size_t at_crc = 8;
constexpr std::size_t at_length = 12;

void check(std::string_view bytes) {
  if (const auto manifest = log::decode_manifest(bytes)) {
    ENSURE(log::encode_manifest(*manifest) == bytes.substr(0, log::encoded_size(*manifest)));
  }
  if (const auto header = log::decode_segment_header(bytes)) {
    ENSURE(log::encode_segment_header(*header) == bytes.substr(0, log::segment_header_bytes));
  }
  if (const auto who = log::decode_node_identity(bytes)) {
    ENSURE(log::encode_node_identity(*who) == bytes);
  }
  if (const auto use = log::parse_segment_name(bytes)) ENSURE(log::segment_name(*use) == bytes);
}

void check_with_right_checksum(std::string bytes, std::size_t covered) {
  if (bytes.size() < at_length + sizeof(std::uint32_t) || covered > bytes.size()) return;
  store_le(bytes.data() + at_crc, std::uint32_t{0});
  store_le(bytes.data() + at_crc, crc32c(std::string_view(bytes).substr(0, covered)));
  check(bytes);
}

// An identity ends in its checksum.
void check_identity_with_right_checksum(std::string bytes) {
  constexpr auto at_end = log::node_identity_bytes - sizeof(std::uint32_t);
  if (bytes.size() != log::node_identity_bytes) return;
  store_le(bytes.data() + at_end, crc32c(std::string_view(bytes).substr(0, at_end)));
  check(bytes);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(tests::fuzz_bytes(data, size));
  check(bytes);
  check_identity_with_right_checksum(bytes);
  check_with_right_checksum(bytes, log::segment_header_bytes);
  if (bytes.size() >= at_length + sizeof(std::uint32_t)) {
    check_with_right_checksum(bytes, load_le<std::uint32_t>(bytes.data() + at_length));
  }
  return 0;
}
