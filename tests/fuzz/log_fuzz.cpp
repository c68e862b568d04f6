// Fuzzes the opening of a log whose directory was damaged: a small log of several lives, segments,
// a batch and a large value is written to the simulated disk, then the input says what to do to its
// files. Checked: a log is opened or refused by name, twice alike; what it gives back was written,
// in order, and nothing of a segment it still lists is skipped; a refused one is left as it was.
//
// Input: edits of 8 bytes: what to do, file (among those of the directory, by name), offset (u24),
// length or second file, value (u16).
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "storage/base/coding.hpp"
#include "storage/base/crc32c.hpp"
#include "storage/base/ensure.hpp"
#include "storage/log/inspect.hpp"
#include "storage/log/log_tail.hpp"
#include "storage/log/open_log.hpp"
#include "tests/fuzz/fuzz_target.hpp"
#include "tests/sim/disk.hpp"

namespace {

using namespace troupe;

const std::string directory = "/data/shard-0001";
constexpr std::size_t edit_bytes = 8;
constexpr std::size_t edits_max = 16;

enum class edit_kind : std::uint8_t { change, zero, copy, remove, rename, swap, header_crc, count };

struct edit {
  edit_kind what;
  std::size_t file, other;
  std::uint64_t offset;
  std::size_t length;
  std::uint16_t value;
};

log::open_options options(std::uint64_t seed) {
  unique_id id;
  id.bytes.fill(1);
  return {.cluster = {id},
          .node = {id},
          .shard = {1},
          .shard_count = 2,
          .segment_bytes = log::open_segment_bytes_min,
          .seed = seed};
}

/// LSN -> what the record says.
using contents = std::map<std::uint64_t, std::string>;

struct outcome {
  std::vector<std::uint64_t> found;
  contents records;
  std::string refusal;  ///< its code; empty = opened
  log::opened log;
};

outcome open(sim::disk& disk, std::uint64_t seed) {
  outcome seen;
  auto opened = log::open_log(
      disk, directory, options(seed), [&seen](const log::record_view& record, log::position) {
        seen.found.push_back(record.sequence.value);
        seen.records[record.sequence.value] = std::string(to_string(record.type)) +
                                              std::string(record.key) + "=" +
                                              std::string(record.value);
      });
  if (opened) {
    seen.log = std::move(*opened);
  } else {
    seen.refusal = to_string(opened.error().code);
    ENSURE(!opened.error().message.empty());
  }
  return seen;
}

void append(log::log_tail& tail, std::string_view key, const std::string& value) {
  ENSURE(tail.append({.type = log::record_type::put, .key = key, .value = value},
                     log::space::reserved));
}

// Three lives: small frames, one that rolls to another segment, a batch, a large record.
void write_log(sim::disk& disk) {
  for (std::uint64_t life = 1; life <= 3; ++life) {
    auto opened = open(disk, life);
    ENSURE(opened.refusal.empty());
    log::log_tail tail(opened.log.start, opened.log.spares);
    const auto flush = [&] {
      while (auto frame = tail.take_frame(static_cast<std::int64_t>(1000 * life))) {
        ENSURE(opened.log.writer->write(*frame));
      }
    };
    append(tail, "first", "value");
    flush();
    append(tail, "large", std::string(20'000, static_cast<char>('a' + life)));
    flush();
    tail.begin_batch();
    append(tail, "batched", "1");
    append(tail, "batched too", "2");
    tail.end_batch();
    flush();
    if (life == 2) {
      for (int i = 0; i < 3; ++i) {
        append(tail, "rolls", std::string(20'000, 'r'));
        flush();
      }
    }
  }
}

std::vector<edit> edits_of(std::string_view bytes) {
  std::vector<edit> edits;
  for (; bytes.size() >= edit_bytes && edits.size() < edits_max; bytes.remove_prefix(edit_bytes)) {
    const auto byte = [&](std::size_t at) { return static_cast<std::uint8_t>(bytes[at]); };
    constexpr auto kinds = static_cast<std::uint8_t>(edit_kind::count);
    edits.push_back({static_cast<edit_kind>(byte(0) % kinds), byte(1), byte(5),
                     byte(2) | std::uint64_t{byte(3)} << 8 | std::uint64_t{byte(4)} << 16,
                     std::size_t{1} + byte(5), load_le<std::uint16_t>(bytes.data() + 6)});
  }
  return edits;
}

/// Whether it can make bytes valid that were never written.
bool forges(const edit& what) { return what.what == edit_kind::header_crc; }

void change(sim::disk& disk, const std::string& path, const edit& how) {
  const auto file = disk.open(path, io::access::write);
  ENSURE(file);
  const auto size = *(*file)->size();
  if (size == 0) return;
  const auto offset = how.offset % size;
  std::string bytes(std::min<std::uint64_t>(how.length, size - offset), '\0');
  auto to = offset;
  switch (how.what) {
    case edit_kind::change:
      ENSURE((*file)->read_at(offset, bytes));
      for (auto& each : bytes) each = static_cast<char>(each ^ static_cast<char>(how.value | 1));
      break;
    case edit_kind::zero: break;
    case edit_kind::copy: {
      // Whole blocks, as a disk misdirects them.
      const auto from = offset / 512 * 512;
      bytes.resize(std::min<std::uint64_t>(512 * how.length, size - from));
      ENSURE((*file)->read_at(from, bytes));
      to = how.value * std::uint64_t{512} % size;
      break;
    }
    default: {
      // A frame header whose checksum is right whatever it says.
      to = offset / 512 * 512;
      bytes.resize(std::min<std::uint64_t>(log::frame_header_bytes, size - to));
      ENSURE((*file)->read_at(to, bytes));
      if (bytes.size() < log::frame_header_bytes) return;
      constexpr std::size_t at_crc = 4;
      bytes[how.length % bytes.size()] = static_cast<char>(how.value);
      store_le(bytes.data() + at_crc, std::uint32_t{0});
      store_le(bytes.data() + at_crc, crc32c(bytes));
    }
  }
  ENSURE((*file)->write_at(to, bytes));
  ENSURE((*file)->sync_data());
}

void apply(sim::disk& disk, const edit& how) {
  const auto names = *disk.list(directory);
  if (names.empty()) return;
  const auto path = directory + "/" + names[how.file % names.size()];
  const auto other = directory + "/" + names[how.other % names.size()];
  switch (how.what) {
    case edit_kind::remove: ENSURE(disk.remove(path)); return;
    case edit_kind::rename:
      if (path != other) ENSURE(disk.rename(path, other));
      return;
    case edit_kind::swap:
      if (path == other) return;
      ENSURE(disk.rename(path, directory + "/between"));
      ENSURE(disk.rename(other, path));
      ENSURE(disk.rename(directory + "/between", other));
      return;
    default: change(disk, path, how);
  }
}

std::map<std::string, std::string> files_of(sim::disk& disk) {
  std::map<std::string, std::string> all;
  const auto names = disk.list(directory);
  for (const auto& name : *names) {
    const auto file = disk.open(directory + "/" + name, io::access::read);
    std::string bytes(*(*file)->size(), '\0');
    ENSURE((*file)->read_at(0, bytes));
    all[name] = std::move(bytes);
  }
  return all;
}

void check_found(const outcome& seen, const contents& written) {
  ENSURE(std::is_sorted(seen.found.begin(), seen.found.end()));
  for (const auto& [sequence, text] : seen.records) {
    const auto place = written.find(sequence);
    ENSURE(place != written.end() && place->second == text);
  }
  // LSNs here have no gaps: a hole would be a record lost inside.
  if (!seen.found.empty()) {
    auto expected = written.find(seen.found.front());
    for (const auto sequence : seen.found) ENSURE((expected++)->first == sequence);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sim::disk disk({});
  write_log(disk);
  contents written;
  {
    // Opened once before the damage, so that the oldest and the newest life were recovered, too.
    written = open(disk, 10).records;
    ENSURE(written.size() > 15);
  }
  auto genuine = true;
  for (const auto& each : edits_of(tests::fuzz_bytes(data, size))) {
    apply(disk, each);
    genuine = genuine && !forges(each);
  }
  const auto before = files_of(disk);
  const auto inspected =
      log::inspect_shard(disk, directory, log::detail::records, [](std::string_view) {});
  ENSURE(files_of(disk) == before);
  const auto first = open(disk, 11);
  if (first.refusal.empty()) ENSURE(inspected || inspected.error().code == errc::not_found);
  if (!first.refusal.empty()) {
    ENSURE(files_of(disk) == before);
    ENSURE(open(disk, 12).refusal == first.refusal);
    return 0;
  }
  if (genuine) check_found(first, written);
  const auto second = open(disk, 13);
  ENSURE(second.refusal.empty() && second.records == first.records);
  return 0;
}
