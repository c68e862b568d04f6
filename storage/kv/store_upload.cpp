// Large values: their parts in the log, and those that arrive part by part.
#include <algorithm>
#include <utility>

#include "storage/base/crc32c.hpp"
#include "storage/kv/store.hpp"

namespace troupe::kv {

result<void> store::append_part(upload& to, std::string_view key, std::string_view piece) {
  const log::record_fields fields{.type = log::record_type::part, .key = key, .value = piece};
  TRY(const stamp at, tail_->append(fields, log::space::normal));
  // Live from now on, so that no segment goes while parts in it wait for their head.
  ledger_.born(at.where.segment, at.sequence);
  to.parts.push_back({.where = at.where,
                      .size = static_cast<std::uint32_t>(log::encoded_size(fields)),
                      .sequence = at.sequence,
                      .value_size = static_cast<std::uint32_t>(piece.size())});
  to.size += piece.size();
  to.crc = crc32c(piece, to.crc);
  return {};
}

void store::bury_parts(const upload& dead) {
  if (dead.parts.empty()) return;
  // No head names them, so a crash forgets them. Nothing kills them but time: they are counted out
  // with the newest record there is, because kills are counted in order.
  const lsn killer = tail_->appended();
  for (const part_position& part : dead.parts) ledger_.killed(part.where.segment, killer);
  if (killer <= durable_) ledger_.on_durable(durable_);
}

result<lsn> store::put_parts(const upload& from, std::string_view key, key_hash hash,
                             std::int64_t deadline_ms) {
  const std::string head = encode_head(from);
  TRY(const stamp at,
      tail_->append(
          {.type = log::record_type::head, .key = key, .value = head, .deadline_ms = deadline_ms},
          log::space::normal));
  const place now = install(index_.find(hash, key), key, hash,
                            {.size = static_cast<std::uint32_t>(from.size),
                             .parts = from.parts,
                             .deadline_ms = deadline_ms,
                             .at = at});
  finish_put(now, key, hash);
  return at.sequence;
}

result<void> store::put_pieces(std::string_view key, key_hash hash,
                               std::span<const value_piece> pieces, std::int64_t deadline_ms) {
  std::size_t count = 0, bytes = 0;
  for (const value_piece& piece : pieces) {
    count += piece.times;
    if (!piece.part) bytes += log::record_header_bytes + key.size() + piece.bytes.size();
  }
  if (!has_room(bytes + log::record_header_bytes + key.size() + log::head_prefix_bytes +
                count * sizeof(std::uint64_t))) {
    return failure{errc::no_space, "the log has no room for a value of this size"};
  }
  upload whole;
  whole.parts.reserve(count);
  // Copied before the head replaces the entry that the pieces may be views of.
  std::vector<std::pair<lsn, std::string>> appended;
  for (const value_piece& piece : pieces) {
    std::uint32_t left = piece.times;
    if (!piece.part) {
      const auto done = append_part(whole, key, piece.bytes);
      if (!done) {
        bury_parts(whole);
        return done;
      }
      appended.emplace_back(whole.parts.back().sequence, piece.bytes);
      --left;
    }
    add_part(whole, piece.part ? *piece.part : whole.parts.back(), left);
  }
  const auto put = put_parts(whole, key, hash, deadline_ms);
  if (!put) {
    bury_parts(whole);
    return put.error();
  }
  for (auto& [sequence, content] : appended) {
    undecided_parts_.emplace(sequence, std::move(content));
  }
  return {};
}

void store::add_part(upload& to, part_position part, std::uint32_t times) {
  if (times == 0) return;
  to.has_crc = false;
  to.size += std::uint64_t{part.value_size} * times;
  for (; times > 0; --times) {
    ledger_.born(part.where.segment, part.sequence);
    to.parts.push_back(part);
  }
}

// ---- values that arrive part by part -----------------------------------------------------------

result<void> store::upload_part(upload_id who, std::string_view key, std::string_view piece) {
  ENSURE(key.size() <= limits::key_bytes_max && piece.size() <= limits::part_bytes_max);
  const auto appended = append_part(uploads_[who], key, piece);
  if (!appended) {
    lacked_room_ = std::max(lacked_room_, key.size() + piece.size());
    return appended;
  }
  wrote_ = true;
  return {};
}

result<void> store::put_uploaded(upload_id who, std::uint64_t size, std::string_view key,
                                 key_hash hash, std::int64_t deadline_ms) {
  const auto at = uploads_.find(who);
  if (at == uploads_.end() || at->second.size != size) {
    return failure{errc::no_space, "not all parts of this value found room"};
  }
  const auto put = put_parts(at->second, key, hash, deadline_ms);
  if (!put) {
    const auto parts = at->second.parts.size();
    lacked_room_ =
        std::max(lacked_room_, log::record_header_bytes + key.size() + log::head_prefix_bytes +
                                   parts * sizeof(std::uint64_t));
    return put.error();
  }
  uploaded_ = *put;
  uploads_.erase(at);
  return {};
}

void store::drop_upload(upload_id who) {
  const auto at = uploads_.find(who);
  if (at == uploads_.end()) return;
  bury_parts(at->second);
  uploads_.erase(at);
}

}  // namespace troupe::kv
