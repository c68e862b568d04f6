// Fuzzes what a listener makes of a peer's bytes. The first byte chooses whether the link is open
// already, for whom, whether the rest is the bytes of a connection or frames that get right
// checksums, and how it is cut into pieces. Checked: nobody opens a link but with the one right
// dialogue, an unproved peer gets no frame through and holds little memory, every end is said, and
// the cut makes no difference.
#include <algorithm>
#include <array>
#include <string>

#include "tests/fuzz/fuzz_target.hpp"
#include "tests/replication/link/link_pair.hpp"

namespace {

using namespace troupe;
using namespace troupe::link;

constexpr std::array<std::size_t, 8> piece_sizes = {1, 2, 3, 7, 16, 100, 1000, 5000};
/// Of records, allowed per shard.
constexpr std::uint64_t credit = 300;

handshake_setup joining_setup() {
  auto setup = tests::dialler_setup();
  setup.cluster = {};
  return setup;
}

/// All that a right dialler says before it is welcome.
std::string dialogue_of(const handshake_setup& dials) {
  tests::link_pair pair(dials);
  pair.settle();
  ENSURE(pair.is_open());
  return pair.dialler.written;
}

/// Three bytes (type, shard, size) and a body of that size make a frame; 255 is no shard.
std::string built(std::string_view plan) {
  std::string bytes;
  while (plan.size() >= 3) {
    const auto shard = static_cast<std::uint8_t>(plan[1]);
    const auto body = plan.substr(3, static_cast<std::uint8_t>(plan[2]));
    char header[frame_header_bytes];
    encode_frame_header(header_of(static_cast<frame_type>(plan[0]),
                                  shard == 255 ? no_shard : shard_id{shard}, body),
                        header);
    bytes.append(header, sizeof header).append(body);
    plan.remove_prefix(3 + body.size());
  }
  return bytes;
}

/// What became of a listener.
struct outcome {
  std::vector<tests::frame_copy> frames;
  std::string said;
  std::string end;
  bool is_open = false;
  friend bool operator==(const outcome&, const outcome&) = default;
};

outcome listen(std::string_view before, std::string_view bytes, std::size_t piece) {
  peer_link core(tests::listener_setup(), tests::start_us);
  core.allow_peer({0}, credit);
  outcome seen;
  tests::feed(core, before, seen.frames);
  seen.said = tests::drain(core);
  while (!bytes.empty() && !core.closed()) {
    const auto size = std::min(piece, bytes.size());
    tests::feed(core, bytes.substr(0, size), seen.frames);
    bytes.remove_prefix(size);
    const bool is_unproved = !core.is_open() && !core.closed();
    ENSURE(core.input_bytes() <=
           (is_unproved ? limits::link_hello_bytes_max : limits::link_frame_bytes_max));
    ENSURE(core.output_bytes() <= 1000);
    seen.said += tests::drain(core);
  }
  seen.is_open = core.is_open();
  if (core.closed()) {
    seen.end = to_string(*core.closed());
    // Answers that were not written yet are not written to one who is gone.
    if (core.closed()->by == ended_by::peer) seen.said.clear();
    ENSURE(core.is_finished() && core.room().empty() && !core.next());
  }
  return seen;
}

void check(const outcome& seen) {
  std::size_t records = 0;
  for (const auto& each : seen.frames) {
    ENSURE(each.type >= frame_type::message);
    if (each.type == frame_type::records) records += each.body.size();
  }
  ENSURE(records <= credit);
  const auto said = tests::frames_of(seen.said);
  for (const auto& each : said) ENSURE(each.type <= frame_type::refused);
  const bool by_us = !seen.end.empty() && !seen.end.starts_with("refused by the peer");
  ENSURE(by_us == (!said.empty() && said.back().type == frame_type::refused));
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::array dialogues = {dialogue_of(tests::dialler_setup()),
                                       dialogue_of(tests::console_setup()),
                                       dialogue_of(joining_setup())};
  if (size == 0) return 0;
  const auto options = static_cast<std::size_t>(data[0]);
  const bool is_open = options % 2 == 1;
  const auto& before = is_open ? dialogues[options / 16 % 2] : std::string();
  const auto input = tests::fuzz_bytes(data, size).substr(1);
  const auto bytes = options / 64 % 2 == 0 ? std::string(input) : built(input);

  const auto whole = listen(before, bytes, SIZE_MAX);
  const auto cut = listen(before, bytes, piece_sizes[options / 2 % piece_sizes.size()]);
  ENSURE(whole == cut);
  check(whole);
  if (!is_open) {
    const bool is_right = std::ranges::any_of(
        dialogues, [&](const std::string& each) { return bytes.starts_with(each); });
    ENSURE(is_right || (!whole.is_open && whole.frames.empty()));
  }
  return 0;
}
