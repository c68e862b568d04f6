#include "storage/log/inspect.hpp"

#include <fmt/format.h>

#include "storage/log/log_scan.hpp"
#include "storage/log/manifest_store.hpp"
#include "storage/log/node_identity.hpp"

namespace troupe::log {
namespace {

constexpr std::size_t text_bytes_max = 40;

// Bytes as one line of text: what is not printable as \xNN, what is long cut short.
std::string quoted(std::string_view bytes) {
  std::string text = "\"";
  for (const char byte : bytes.substr(0, text_bytes_max)) {
    const auto code = static_cast<unsigned char>(byte);
    if (code >= 0x20 && code < 0x7f && byte != '"' && byte != '\\') {
      text += byte;
    } else {
      text += fmt::format("\\x{:02x}", code);
    }
  }
  text += '"';
  if (bytes.size() > text_bytes_max) text += fmt::format("...({} bytes)", bytes.size());
  return text;
}

std::string describe(const record_view& record, position where) {
  std::string line =
      fmt::format("    record lsn={} offset={} size={} type={}{} collection={} key={}",
                  record.sequence.value, where.offset, record.size, to_string(record.type),
                  record.batched == batching::batched ? " batched" : "", record.collection.value,
                  quoted(record.key));
  if (!record.member.empty()) line += " member=" + quoted(record.member);
  if (record.deadline_ms != 0) line += fmt::format(" deadline_ms={}", record.deadline_ms);
  if (record.type == record_type::no_op) {
    if (const auto opening = decode_epoch_opening(record.value)) {
      return line + fmt::format(" epoch={} history={} leader={}", opening->epoch.value,
                                to_hex(opening->history.value), to_hex(opening->leader.value));
    }
  }
  return line + " value=" + quoted(record.value);
}

std::string describe(const checked_header& checked, std::uint32_t ordinal) {
  const frame_header& header = checked.header;
  return fmt::format(
      "  frame segment={} number={} offset={} payload={} records={} lsn={}..{} epoch={} "
      "history={} time_ms={} crc={:08x} previous={:08x}",
      ordinal, header.number, header.offset, header.payload_length, header.record_count,
      header.first.value, header.last.value, header.epoch.value, to_hex(header.history.value),
      header.time_ms, checked.crc, header.previous_header);
}

void show_manifest(const manifest& content, const line_sink& sink) {
  sink(fmt::format("manifest generation={} version={}", content.generation, manifest_version));
  sink(fmt::format("  cluster={} node={} shard={} of {}", to_hex(content.store.cluster.value),
                   to_hex(content.node.value), content.store.shard.value,
                   content.store.shard_count));
  sink(fmt::format("  segment_bytes={} alignment={} next_use={} purged={} promised_epoch={}",
                   content.store.segment_bytes, content.alignment, content.next_use_counter,
                   content.purged.value, content.promised.value));
  for (const epoch_entry& each : content.epochs) {
    sink(fmt::format("  epoch {} history={} first_lsn={} leader={}", each.epoch.value,
                     to_hex(each.history.value), each.first.value, to_hex(each.leader.value)));
  }
  for (std::size_t index = 0; index < content.segments.size(); ++index) {
    const segment_entry& each = content.segments[index];
    sink(fmt::format("  segment {} use={} lsn={}..{} sealed={} consistent_from={}", index,
                     to_hex(each.use.value), each.first.value, each.last.value, each.sealed_length,
                     each.consistent_from.value));
  }
}

void show_summary(const log_summary& log, const line_sink& sink) {
  for (std::size_t index = 0; index < log.segments.size(); ++index) {
    const scanned_segment& each = log.segments[index];
    sink(fmt::format("segment {} use={} {} frames={} lsn={}..{} end={} file_bytes={} alignment={}",
                     index, to_hex(each.use.value), index < log.used ? "used" : "spare",
                     each.frames, each.first.value, each.last.value, each.end, each.file_bytes,
                     each.alignment));
  }
  sink(fmt::format("log frames={} records={} aborted={} bytes={} last_lsn={} last_epoch={}",
                   log.frames, log.records, log.aborted_records, log.bytes, log.last.value,
                   log.last_epoch.value));
  if (!log.tail.empty()) sink("end of log: " + log.tail);
}

scan_visitors visitors_for(detail how_much, const line_sink& sink) {
  scan_visitors visitors;
  if (how_much != detail::summary) {
    visitors.frame = [&sink](const checked_header& checked, std::uint32_t ordinal) {
      sink(describe(checked, ordinal));
    };
  }
  if (how_much == detail::records) {
    visitors.record = [&sink](const record_view& record, position where) {
      sink(describe(record, where));
    };
  }
  return visitors;
}

}  // namespace

result<void> inspect_node(io::file_system& files, const std::string& directory,
                          const line_sink& sink) {
  TRY(const auto who, read_node_identity(files, directory));
  sink(fmt::format("{}/{}: cluster={} node={} shards={} segment_bytes={} state={}", directory,
                   node_identity_name, to_hex(who.cluster.value), to_hex(who.node.value),
                   who.shard_count, who.segment_bytes,
                   who.state == node_state::complete ? "complete" : "creating"));
  return {};
}

result<void> inspect_manifest(io::file_system& files, const std::string& path,
                              const line_sink& sink) {
  TRY(const manifest content, read_manifest_file(files, path));
  show_manifest(content, sink);
  return {};
}

result<void> inspect_segment(io::file_system& files, const std::string& path, detail how_much,
                             const line_sink& sink) {
  TRY(const auto file, files.open(path, io::access::read));
  std::string block(segment_header_bytes, '\0');
  TRY(const std::size_t got, file->read_at(0, block));
  auto header = decode_segment_header(std::string_view(block).substr(0, got));
  if (!header) return header.error().in(path);
  const store_identity& store = header->store;
  sink(
      fmt::format("segment use={} version={} cluster={} shard={} of {} segment_bytes={} "
                  "alignment={}",
                  to_hex(header->use.value), segment_version, to_hex(store.cluster.value),
                  store.shard.value, store.shard_count, store.segment_bytes, header->alignment));
  const std::size_t slash = path.find_last_of('/');
  const std::string directory = slash == std::string::npos ? "." : path.substr(0, slash);
  if (segment_path(directory, header->use) != directory + "/" + path.substr(slash + 1)) {
    return failure{errc::corrupt, path + ": the file is not named for the use in its header"};
  }
  // A log of this segment alone. A file cut to its frames ends where it is sealed.
  TRY(const std::uint64_t file_bytes, file->size());
  manifest alone;
  alone.store = store;
  alone.segments.push_back({.use = header->use});
  if (file_bytes < store.segment_bytes) alone.segments[0].sealed_length = file_bytes;
  TRY(const log_summary log, scan_log(files, directory, alone, visitors_for(how_much, sink)));
  show_summary(log, sink);
  return {};
}

result<void> inspect_shard(io::file_system& files, const std::string& directory, detail how_much,
                           const line_sink& sink) {
  TRY(const auto loaded, load_manifest(files, directory));
  if (!loaded) return failure{errc::not_found, directory + ": no manifest is here"};
  show_manifest(loaded->content, sink);
  if (!loaded->damage.empty()) sink("manifest damage: " + loaded->damage);
  TRY(const log_summary log,
      scan_log(files, directory, loaded->content, visitors_for(how_much, sink)));
  show_summary(log, sink);
  return {};
}

}  // namespace troupe::log
