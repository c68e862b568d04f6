#include "replication/link/peer_link.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "storage/base/ensure.hpp"
#include "storage/base/limits.hpp"

namespace troupe::link {
namespace {

constexpr std::uint64_t us(std::uint32_t ms) noexcept { return std::uint64_t{ms} * 1000; }

}  // namespace

bool can_carry(link_role role, frame_type type) noexcept {
  if (role == link_role::console) return type == frame_type::console;
  return type == frame_type::message || type == frame_type::records;
}

peer_link::peer_link(const handshake_setup& setup, std::uint64_t now_us)
    : side_(setup.side),
      own_role_(setup.role),
      handshake_(setup),
      began_us_(now_us),
      now_us_(now_us),
      heard_us_(now_us),
      said_us_(now_us) {
  take(handshake_.begin());
}

link_role peer_link::role() const {
  return side_ == link_side::dialler ? own_role_ : handshake_.peer().role;
}

std::span<char> peer_link::room() {
  if (closed_) return {};
  return input_.room();
}

void peer_link::received(std::size_t count, std::uint64_t now_us) {
  now_us_ = now_us;
  if (count > 0) heard_us_ = now_us;
  input_.received(count);
}

std::optional<received_frame> peer_link::next() {
  while (!closed_) {
    auto read = input_.next();
    if (!read) {
      end({refusal::bad_frame, ended_by::us, std::move(read).error().message});
      break;
    }
    if (!*read) break;
    const auto& frame = **read;
    if (frame.type == frame_type::refused) {
      on_refused(frame.body);
    } else if (!handshake_.is_open()) {
      take(handshake_.on_frame(frame.type, frame.body));
    } else if (frame.type != frame_type::heartbeat && admit(frame)) {
      return frame;
    }
  }
  return std::nullopt;
}

void peer_link::end_input() {
  output_.drop_all();
  if (!closed_) closed_ = closure{refusal::ended, ended_by::peer, {}};
}

void peer_link::take(handshake_step step) {
  if (step.send) output_.push_first(step.send->type, step.send->body);
  if (step.refused) return end(std::move(*step.refused));
  if (!handshake_.is_open()) return;
  input_.set_proved();
  said_us_ = now_us_;
}

void peer_link::on_refused(std::string_view body) {
  auto said = decode_refused(body);
  if (!said) return end({refusal::bad_frame, ended_by::us, std::move(said).error().message});
  output_.drop_all();
  closed_ = closure{*said, ended_by::peer, {}};
}

/// Whether the frame may be given out; if not, the link has ended.
bool peer_link::admit(const received_frame& frame) {
  if (!can_carry(role(), frame.type)) {
    end({refusal::bad_frame, ended_by::us,
         fmt::format("{} on a link of role {}", to_string(frame.type), to_string(role()))});
    return false;
  }
  if (frame.type != frame_type::records) return true;
  const auto shard = frame.shard.value;
  if (shard >= allowed_.size()) allowed_.resize(shard + 1);
  auto& of = allowed_[shard];
  if (frame.body.size() > of.allowed_bytes - of.taken_bytes) {
    end({refusal::over_credit, ended_by::us,
         fmt::format("{} bytes of records of shard {}, {} were allowed", frame.body.size(), shard,
                     of.allowed_bytes - of.taken_bytes)});
    return false;
  }
  of.taken_bytes += frame.body.size();
  return true;
}

void peer_link::allow_peer(shard_id shard, std::uint64_t bytes) {
  ENSURE(shard.value < limits::shards_max);
  if (shard.value >= allowed_.size()) allowed_.resize(shard.value + 1);
  auto& of = allowed_[shard.value];
  of.allowed_bytes = std::max(of.allowed_bytes, bytes);
}

void peer_link::on_time(std::uint64_t now_us) {
  now_us_ = now_us;
  if (closed_) {
    if (now_us >= farewell_us_) output_.drop_all();
    return;
  }
  if (!handshake_.is_open()) {
    if (now_us >= began_us_ + us(limits::link_proof_deadline_ms)) {
      end({refusal::too_slow, ended_by::us,
           fmt::format("no proof within {} ms", limits::link_proof_deadline_ms)});
    }
    return;
  }
  if (now_us >= heard_us_ + us(limits::link_silence_ms)) {
    return end({refusal::silent, ended_by::us,
                fmt::format("nothing heard for {} ms", limits::link_silence_ms)});
  }
  if (now_us >= said_us_ + us(limits::link_heartbeat_ms)) output_.push_heartbeat();
}

std::uint64_t peer_link::next_deadline_us() const noexcept {
  if (closed_) return output_.empty() ? UINT64_MAX : farewell_us_;
  if (!handshake_.is_open()) return began_us_ + us(limits::link_proof_deadline_ms);
  const auto silent_us = heard_us_ + us(limits::link_silence_ms);
  if (output_.heartbeat_waits()) return silent_us;
  return std::min(silent_us, said_us_ + us(limits::link_heartbeat_ms));
}

pushed peer_link::push(outgoing_frame frame) {
  if (!is_open()) return pushed::not_open;
  ENSURE(can_carry(role(), frame.type));
  return output_.push(std::move(frame));
}

std::string_view peer_link::sendable() { return output_.sendable(); }

void peer_link::sent(std::size_t count, std::uint64_t now_us) {
  now_us_ = now_us;
  output_.sent(count);
  if (count > 0) said_us_ = now_us;
}

void peer_link::close(refusal why, std::uint64_t now_us) {
  now_us_ = now_us;
  if (!closed_) end({why, ended_by::us, {}});
}

void peer_link::end(closure why) {
  output_.drop_waiting();
  output_.push_first(frame_type::refused, encode_refused(why.why));
  farewell_us_ = now_us_ + us(limits::link_farewell_ms);
  closed_ = std::move(why);
}

}  // namespace troupe::link
