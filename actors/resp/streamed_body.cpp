#include "actors/resp/streamed_body.hpp"

#include <algorithm>
#include <utility>

#include "actors/resp/reply_writer.hpp"
#include "storage/base/ensure.hpp"
#include "storage/base/limits.hpp"

namespace troupe::resp {
namespace {

constexpr std::string_view line_end = "\r\n";
/// What its shard keeps for each part of a stream.
constexpr std::size_t listed_part_bytes = 40;

bool is_named(const stream_source& source, shard_id shard, std::uint64_t number) noexcept {
  return source.number == number && source.shard == shard;
}

}  // namespace

void streamed_reply::append(const streamed_reply& more) {
  for (const auto& mark : more.marks) marks.push_back({bytes.size() + mark.at, mark.source});
  bytes += more.bytes;
}

std::vector<stream_source> streamed_reply::cut(std::size_t from, std::size_t marks_before) {
  std::vector<stream_source> gone;
  for (std::size_t i = marks_before; i < marks.size(); ++i) gone.push_back(marks[i].source);
  marks.resize(marks_before);
  bytes.resize(from);
  return gone;
}

streamed_body::streamed_body(std::string_view rest, std::span<const stream_mark> marks) {
  const auto begin = marks.front().at;
  for (std::size_t i = 0; i < marks.size(); ++i) {
    const auto from = marks[i].at - begin;
    const auto end = i + 1 < marks.size() ? marks[i + 1].at - begin : rest.size();
    sections_.push_back({marks[i].source, std::string(rest.substr(from, end - from)), {}});
    own_bytes_ += sizeof(section) + marks[i].source.parts * listed_part_bytes;
  }
  own_bytes_ += rest.size();
}

void streamed_body::add(shard_id shard, std::uint64_t number, std::uint32_t index,
                        shared_bytes part) {
  if (is_done() || !is_named(source(), shard, number) || !sections_.front().error.empty()) return;
  ENSURE(index >= next_ && !part.bytes.empty());
  arrived_ += part.bytes.size();
  ENSURE(arrived_ <= source().size);
  ENSURE(parts_.emplace(index, std::move(part)).second);
  // Only now the header is worth sending: before, the stream may still be replaced by an error.
  if (index == 0) reply_writer(text_, protocol::resp2).begin_bulk(source().size);
}

streamed_body::failing streamed_body::fail(shard_id shard, std::uint64_t number,
                                           std::string_view text) {
  const auto found = std::ranges::find_if(sections_, [&](const section& each) {
    return is_named(each.source, shard, number) && each.error.empty();
  });
  if (found == sections_.end()) return failing::not_here;
  const auto is_first = found == sections_.begin();
  if (is_first && (stage_ != stage::header || offset_ > 0)) {
    return stage_ == stage::behind ? failing::not_here : failing::too_late;
  }
  reply_writer(found->error, protocol::resp2).error(text);
  if (is_first) begin_section();
  return failing::replaced;
}

std::string_view streamed_body::ready() const noexcept {
  if (stage_ != stage::value) return std::string_view(text_).substr(offset_);
  const auto part = parts_.find(next_);
  return part == parts_.end() ? std::string_view() : part->second.bytes.substr(offset_);
}

void streamed_body::consume(std::size_t count) {
  ENSURE(count <= ready().size());
  offset_ += count;
  if (stage_ != stage::value) {
    if (offset_ < text_.size()) return;
    if (stage_ == stage::header) {
      stage_ = stage::value;
      offset_ = 0;
      return;
    }
    sections_.pop_front();
    return begin_section();
  }
  sent_ += count;
  if (offset_ < parts_.at(next_).bytes.size()) return;
  parts_.erase(next_++);
  offset_ = 0;
  if (sent_ == source().size) end_value();
}

void streamed_body::begin_section() {
  stage_ = stage::header;
  text_.clear();
  parts_.clear();
  next_ = credited_ = 0;
  offset_ = 0;
  arrived_ = sent_ = 0;
  if (!is_done() && !sections_.front().error.empty()) end_value();
}

void streamed_body::end_value() {
  stage_ = stage::behind;
  auto& now = sections_.front();
  text_ = now.error.empty() ? line_end : std::string_view(now.error);
  text_ += now.behind;
}

void streamed_body::add_open(std::vector<stream_source>& to) const {
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    const auto is_all_here = i == 0 && arrived_ == sections_[i].source.size;
    if (sections_[i].error.empty() && !is_all_here) to.push_back(sections_[i].source);
  }
}

std::uint32_t streamed_body::take_credit() noexcept {
  if (is_done() || !sections_.front().error.empty()) return 0;
  const auto wanted = std::min(source().parts, next_ + limits::streamed_parts_ahead);
  if (wanted <= credited_) return 0;
  return wanted - std::exchange(credited_, wanted);
}

}  // namespace troupe::resp
