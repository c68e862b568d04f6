#include "storage/log/open_log.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "storage/base/prng.hpp"
#include "storage/log/manifest_store.hpp"
#include "storage/log/trim_segment.hpp"

namespace troupe::log {
namespace {

// The segment that is written at once, one ahead of it, and the reserve.
constexpr std::size_t spares_at_start = 2 + limits::reserved_segments;

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

result<void> check_options(const open_options& options) {
  if (options.segment_bytes % segment_header_bytes != 0 ||
      options.segment_bytes < open_segment_bytes_min ||
      options.segment_bytes > limits::segment_bytes_max) {
    return failure{errc::refused,
                   fmt::format("segments of {} bytes: must be a multiple of {}, {} to {}",
                               options.segment_bytes, segment_header_bytes, open_segment_bytes_min,
                               limits::segment_bytes_max)};
  }
  if (options.shard.value >= options.shard_count || options.shard_count > limits::shards_max) {
    return failure{errc::refused, fmt::format("shard {} of {} cannot be", options.shard.value,
                                              options.shard_count)};
  }
  return {};
}

store_identity identity_of(const open_options& options) {
  return {.cluster = options.cluster,
          .shard = options.shard,
          .shard_count = options.shard_count,
          .segment_bytes = options.segment_bytes};
}

// One opening of one log; the steps of open_log in order.
class opener {
 public:
  opener(io::file_system& files, const std::string& directory, const open_options& options)
      : files_(files), directory_(directory), options_(options), random_(options.seed) {}

  result<opened> run(const record_visitor& visitor);

 private:
  result<void> load_or_create();
  result<void> create();
  result<void> check_identity() const;
  result<void> check_alignment();
  result<void> make_end_durable();
  result<void> begin_epoch();
  void keep_segments();
  result<void> clean_up();
  result<void> trim_sealed();

  io::file_system& files_;
  const std::string& directory_;
  const open_options& options_;
  prng random_;
  manifest content_;
  std::size_t newest_copy_ = 0;
  std::optional<manifest_store> store_;
  recovery_report report_;
  std::vector<held_segment> held_;
  std::size_t used_ = 0;
  std::vector<use_id> recyclable_;
  epoch_entry epoch_;
};

result<opened> opener::run(const record_visitor& visitor) {
  TRY_VOID(check_options(options_));
  TRY_VOID(load_or_create());
  TRY_VOID(check_alignment());
  TRY(report_.log, scan_log(files_, directory_, content_, {.record = visitor}));
  TRY_VOID(make_end_durable());
  TRY_VOID(begin_epoch());
  TRY_VOID(clean_up());
  TRY_VOID(trim_sealed());

  writer_start start{.content = content_,
                     .newest_copy = newest_copy_,
                     .segments = std::move(held_),
                     .used = used_,
                     .next_ordinal = static_cast<std::uint32_t>(report_.log.segments.size()),
                     .previous_header = report_.log.last_header_crc,
                     .recyclable = std::move(recyclable_),
                     .seed = random_.next()};
  opened result;
  for (const held_segment& each : start.segments) {
    result.segments.push_back({each.entry.use, each.ordinal});
  }
  result.writer = std::make_unique<log_writer>(files_, directory_, std::move(start));
  while (result.writer->spare_count() < spares_at_start) {
    auto prepared = result.writer->prepare_segment();
    if (!prepared) {
      // With one spare the node can run: it can serve reads and deletes, and so win space back.
      if (prepared.error().code == errc::no_space && result.writer->spare_count() > 0) break;
      return prepared.error();
    }
    result.segments.push_back(*prepared);
  }
  result.spares.assign(result.segments.begin() + static_cast<std::ptrdiff_t>(used_),
                       result.segments.end());
  result.start = {.geometry = {options_.shard, options_.segment_bytes, content_.alignment},
                  .next = epoch_.first,
                  .epoch = epoch_.epoch,
                  .history = epoch_.history,
                  .node = epoch_.leader,
                  .last_time_ms = report_.log.last_time_ms};
  result.purged = content_.purged;
  result.report = std::move(report_);
  return result;
}

result<void> opener::load_or_create() {
  if (options_.presence == log_presence::required) {
    TRY_VOID(check_log_present(files_, directory_));
  }
  TRY_VOID(files_.make_directories(directory_));
  TRY_VOID(files_.sync_directory(parent_of(directory_)));
  TRY(auto loaded, load_manifest(files_, directory_));
  if (!loaded) return create();
  content_ = std::move(loaded->content);
  newest_copy_ = loaded->newest_copy;
  report_.manifest_damage = std::move(loaded->damage);
  store_.emplace(files_, directory_, newest_copy_);
  return check_identity();
}

result<void> opener::create() {
  TRY(const auto names, files_.list(directory_));
  for (const std::string& name : names) {
    if (parse_segment_name(name)) {
      return failure{errc::corrupt, fmt::format("{}: both copies of the manifest are missing but "
                                                "{} is there",
                                                directory_, name)};
    }
  }
  report_.created = true;
  content_.store = identity_of(options_);
  content_.node = options_.node;
  store_.emplace(files_, directory_, newest_copy_);
  return store_->commit(content_);
}

result<void> opener::check_identity() const {
  std::string difference = describe_difference(content_.store, identity_of(options_));
  if (difference.empty() && content_.node != options_.node) {
    difference = fmt::format("field node is {} in the store but {} in the configuration",
                             to_hex(content_.node.value), to_hex(options_.node.value));
  }
  if (difference.empty()) return {};
  return failure{errc::foreign, directory_ + ": " + difference};
}

result<void> opener::check_alignment() {
  TRY(const std::uint32_t disk, store_->alignment());
  if (content_.alignment == 0) content_.alignment = disk;  // a store that was never opened before
  if (disk <= content_.alignment) return {};
  return failure{errc::foreign,
                 fmt::format("{}: field alignment is {} in the store but the disk writes blocks "
                             "of {}",
                             directory_, content_.alignment, disk)};
}

// Makes the listing and held_ agree: used segments sealed; gone are the first spare and any that
// was made for frames of another alignment.
void opener::keep_segments() {
  const log_summary& log = report_.log;
  std::vector<segment_entry> kept;
  used_ = log.used;
  for (std::size_t index = 0; index < log.segments.size(); ++index) {
    const scanned_segment& found = log.segments[index];
    segment_entry entry = content_.segments[index];
    if (index < log.used) {
      entry.first = found.first;
      entry.last = found.last;
      entry.sealed_length = found.end;
    } else if (index == log.used || found.alignment != content_.alignment) {
      if (index == log.used) recyclable_.push_back(entry.use);
      continue;
    }
    kept.push_back(entry);
    held_.push_back(
        {.entry = entry, .ordinal = static_cast<std::uint32_t>(index), .length = found.end});
  }
  content_.segments = std::move(kept);
}

result<void> opener::make_end_durable() {
  if (report_.log.used == 0) return {};
  const use_id last = report_.log.segments[report_.log.used - 1].use;
  TRY(const auto file, files_.open(segment_path(directory_, last), io::access::write));
  return file->sync_data();
}

result<void> opener::begin_epoch() {
  const log_summary& log = report_.log;
  keep_segments();
  std::erase_if(content_.epochs, [&](const epoch_entry& each) { return each.first > log.last; });
  if (content_.epochs.size() >= limits::epochs_max) content_.epochs.erase(content_.epochs.begin());
  epoch_ = {.epoch = next(std::max(content_.promised, log.last_epoch)),
            .history = {random_.next()},
            .first = next(log.last),
            .leader = options_.node};
  content_.promised = epoch_.epoch;
  content_.epochs.push_back(epoch_);
  return store_->commit(content_);
}

result<void> opener::clean_up() {
  std::set<use_id> keep(recyclable_.begin(), recyclable_.end());
  for (const segment_entry& entry : content_.segments) keep.insert(entry.use);
  TRY(const auto names, files_.list(directory_));
  for (const std::string& name : names) {
    const std::optional<use_id> use = parse_segment_name(name);
    const bool unlisted = use && !keep.contains(*use);
    if (!unlisted && !name.ends_with(unfinished_suffix)) continue;
    TRY_VOID(files_.remove(directory_ + "/" + name));
    report_.removed.push_back(name);
  }
  return {};
}

// A log that is opened often would otherwise hold a whole file for each short life.
result<void> opener::trim_sealed() {
  for (std::size_t index = 0; index < used_; ++index) {
    const segment_entry& entry = held_[index].entry;
    const std::uint64_t file_bytes = report_.log.segments[index].file_bytes;
    if (file_bytes < options_.segment_bytes || entry.sealed_length > file_bytes / 2) continue;
    auto trimmed = trim_segment(files_, directory_, entry.use, entry.sealed_length);
    if (!trimmed && trimmed.error().code != errc::no_space) return trimmed;
  }
  return {};
}

}  // namespace

result<void> check_log_present(io::file_system& files, const std::string& shard_directory) {
  TRY(const bool is_there, files.exists(shard_directory));
  if (!is_there) return failure{errc::corrupt, shard_directory + ": the directory is missing"};
  for (const char* name : manifest_names) {
    TRY(const bool found, files.exists(shard_directory + "/" + name));
    if (found) return {};
  }
  return failure{errc::corrupt, shard_directory + ": both copies of the manifest are missing"};
}

result<opened> open_log(io::file_system& files, const std::string& shard_directory,
                        const open_options& options, const record_visitor& visitor) {
  return opener(files, shard_directory, options).run(visitor);
}

}  // namespace troupe::log
