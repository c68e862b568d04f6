#include "replication/link/frame_queue.hpp"

#include <algorithm>
#include <utility>

#include "storage/base/ensure.hpp"

namespace troupe::link {
namespace {

/// A body above this goes to the socket from its own memory; below, the copy costs less than a
/// system call of its own.
constexpr std::size_t copied_bytes_max = 16 * 1024;
/// Small frames are gathered up to here, so that one write takes many.
constexpr std::size_t gathered_bytes = 64 * 1024;

std::size_t whole_bytes(const outgoing_frame& frame) noexcept {
  return frame_header_bytes + frame.body.bytes.size();
}

}  // namespace

frame_queue::lane& frame_queue::lane_of(shard_id shard) {
  ENSURE(shard == no_shard || shard.value < limits::shards_max);
  const std::size_t at = shard == no_shard ? 0 : shard.value + 1;
  if (at >= lanes_.size()) lanes_.resize(at + 1);
  return lanes_[at];
}

pushed frame_queue::judge(const lane& of, frame_type type, std::size_t body_bytes) const {
  const auto credit = of.allowed_bytes - std::min(of.allowed_bytes, of.taken_bytes);
  if (type == frame_type::records && body_bytes > credit) return pushed::no_credit;
  const auto total = waiting_bytes() + frame_header_bytes + body_bytes;
  if (!of.frames.empty() && total > limits::link_output_bytes_max) return pushed::full;
  return pushed::taken;
}

pushed frame_queue::push(outgoing_frame frame) {
  const auto body_bytes = frame.body.bytes.size();
  ENSURE(frame.type >= frame_type::message && may_name(frame.type, frame.shard));
  ENSURE(body_bytes <= body_bytes_max(trust::proved));
  auto& to = lane_of(frame.shard);
  const auto verdict = judge(to, frame.type, body_bytes);
  if (verdict != pushed::taken) {
    if (!std::exchange(to.is_refused, true)) refused_.push_back(frame.shard);
    to.refused_type = frame.type;
    to.refused_bytes = body_bytes;
    return verdict;
  }
  if (frame.type == frame_type::records) to.taken_bytes += body_bytes;
  if (to.frames.empty()) turns_.push_back(frame.shard == no_shard ? 0 : frame.shard.value + 1);
  lane_bytes_ += whole_bytes(frame);
  to.frames.push_back(std::move(frame));
  return pushed::taken;
}

void frame_queue::push_first(frame_type type, std::string_view body) {
  append_frame(first_, type, no_shard, body);
}

void frame_queue::allow(shard_id shard, std::uint64_t bytes) {
  ENSURE(shard != no_shard);
  auto& of = lane_of(shard);
  of.allowed_bytes = std::max(of.allowed_bytes, bytes);
}

std::vector<shard_id> frame_queue::take_admissible() {
  std::vector<shard_id> admissible;
  std::erase_if(refused_, [&](shard_id shard) {
    auto& of = lane_of(shard);
    if (judge(of, of.refused_type, of.refused_bytes) != pushed::taken) return false;
    of.is_refused = false;
    admissible.push_back(shard);
    return true;
  });
  return admissible;
}

std::string_view frame_queue::sendable() {
  if (wire_sent_ == wire_.size() && large_.bytes.empty()) refill();
  if (wire_sent_ < wire_.size()) return std::string_view(wire_).substr(wire_sent_);
  return large_.bytes;
}

void frame_queue::sent(std::size_t count) {
  if (wire_sent_ < wire_.size()) {
    ENSURE(count <= wire_.size() - wire_sent_);
    wire_sent_ += count;
    return;
  }
  ENSURE(count <= large_.bytes.size());
  large_.bytes.remove_prefix(count);
  if (large_.bytes.empty()) large_.owner.reset();
}

/// Precondition: all that was begun is sent.
void frame_queue::refill() {
  wire_.clear();
  wire_sent_ = 0;
  wire_.swap(first_);
  if (std::exchange(heartbeat_waits_, false)) {
    append_frame(wire_, frame_type::heartbeat, no_shard, {});
  }
  while (!turns_.empty() && large_.bytes.empty() && wire_.size() < gathered_bytes) {
    const auto turn = turns_.front();
    turns_.pop_front();
    auto& of = lanes_[turn];
    auto frame = std::move(of.frames.front());
    of.frames.pop_front();
    if (!of.frames.empty()) turns_.push_back(turn);
    lane_bytes_ -= whole_bytes(frame);
    stage(std::move(frame));
  }
}

void frame_queue::stage(outgoing_frame frame) {
  const auto body = frame.body.bytes;
  if (body.size() <= copied_bytes_max) {
    append_frame(wire_, frame.type, frame.shard, body);
    return;
  }
  char header[frame_header_bytes];
  encode_frame_header(header_of(frame.type, frame.shard, body), header);
  wire_.append(header, sizeof header);
  large_ = std::move(frame.body);
}

void frame_queue::drop_waiting() {
  heartbeat_waits_ = false;
  turns_.clear();
  lane_bytes_ = 0;
  refused_.clear();
  lanes_.clear();
}

void frame_queue::drop_all() {
  drop_waiting();
  first_.clear();
  wire_.clear();
  wire_sent_ = 0;
  large_ = {};
}

}  // namespace troupe::link
