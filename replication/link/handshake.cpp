#include "replication/link/handshake.hpp"

#include <fmt/format.h>

#include <utility>

#include "storage/base/ensure.hpp"

namespace troupe::link {

handshake::handshake(const handshake_setup& setup)
    : own_(setup), seen_(own_.secret, own_.exporter) {
  const bool is_console = own_.side == link_side::dialler && own_.role == link_role::console;
  ENSURE((own_.node == node_id{}) == is_console);
  ENSURE(own_.side == link_side::dialler || own_.cluster != cluster_id{});
}

handshake_step handshake::begin() {
  ENSURE(state_ == state::start);
  if (own_.secret.empty() && own_.addresses != reach::loopback) {
    return refuse(refusal::no_secret, "without a cluster secret links are on loopback only");
  }
  if (own_.side == link_side::listener) {
    state_ = state::listening;
    return {};
  }
  auto body = encode_hello({own_.role, own_.cluster, own_.node, own_.once});
  seen_.set_hello(body);
  state_ = state::greeted;
  return {{{frame_type::hello, std::move(body)}}, {}};
}

handshake_step handshake::on_frame(frame_type type, std::string_view body) {
  ENSURE(state_ != state::start && state_ != state::open && state_ != state::refused);
  switch (state_) {
    case state::listening:
      if (type == frame_type::hello) return on_hello(body);
      break;
    case state::greeted:
      if (type == frame_type::challenge) return on_challenge(body);
      break;
    case state::proved:
      if (type == frame_type::welcome) return on_welcome(body);
      break;
    case state::challenged:
      if (type == frame_type::proof) return on_proof(body);
      break;
    case state::start:
    case state::open:
    case state::refused: break;
  }
  return refuse(refusal::bad_frame, fmt::format("{} out of order", to_string(type)));
}

const link_peer& handshake::peer() const { return ENSURE(is_open()), peer_; }

handshake_step handshake::refuse(refusal why, std::string detail) {
  state_ = state::refused;
  return {{}, closure{why, ended_by::us, std::move(detail)}};
}

handshake_step handshake::refuse(failure why) {
  const bool is_version = why.code == errc::foreign;
  return refuse(is_version ? refusal::bad_protocol : refusal::bad_frame, std::move(why.message));
}

handshake_step handshake::on_hello(std::string_view body) {
  auto said = decode_hello(body);
  if (!said) return refuse(std::move(said).error());
  if (said->cluster != cluster_id{} && said->cluster != own_.cluster) {
    return refuse(refusal::foreign_cluster, "the dialler is of another cluster");
  }
  if (said->node == own_.node) return refuse(refusal::own_node, "the dialler has this node's id");
  seen_.set_hello(body);
  challenge answer{said->cluster, own_.node, own_.once, {}};
  seen_.set_challenge(std::string_view(encode_challenge(answer)).substr(0, challenge_told_bytes));
  answer.proof = seen_.prove(proof_label::listener);
  peer_ = {said->role, said->node, said->cluster};
  state_ = state::challenged;
  return {{{frame_type::challenge, encode_challenge(answer)}}, {}};
}

handshake_step handshake::on_challenge(std::string_view body) {
  auto said = decode_challenge(body);
  if (!said) return refuse(std::move(said).error());
  if (said->cluster != own_.cluster) {
    return refuse(refusal::foreign_cluster, "the listener is of another cluster");
  }
  if (said->node == own_.node) return refuse(refusal::own_node, "the listener is this node");
  seen_.set_challenge(body.substr(0, challenge_told_bytes));
  if (!is_same(said->proof, seen_.prove(proof_label::listener))) {
    return refuse(refusal::bad_proof, "the listener has another cluster secret");
  }
  peer_ = {link_role::member, said->node, own_.cluster};
  state_ = state::proved;
  return {{{frame_type::proof, encode_proof(seen_.prove(proof_label::dialler))}}, {}};
}

handshake_step handshake::on_proof(std::string_view body) {
  auto said = decode_proof(body);
  if (!said) return refuse(std::move(said).error());
  if (!is_same(*said, seen_.prove(proof_label::dialler))) {
    return refuse(refusal::bad_proof, "the dialler has another cluster secret");
  }
  state_ = state::open;
  const welcome answer{own_.cluster, seen_.prove(proof_label::welcome, own_.cluster)};
  return {{{frame_type::welcome, encode_welcome(answer)}}, {}};
}

handshake_step handshake::on_welcome(std::string_view body) {
  auto said = decode_welcome(body);
  if (!said) return refuse(std::move(said).error());
  if (!is_same(said->proof, seen_.prove(proof_label::welcome, said->cluster))) {
    return refuse(refusal::bad_proof, "the welcome was not made by the listener");
  }
  if (own_.cluster != cluster_id{} && said->cluster != own_.cluster) {
    return refuse(refusal::foreign_cluster, "the listener is of another cluster");
  }
  peer_.cluster = said->cluster;
  state_ = state::open;
  return {};
}

}  // namespace troupe::link
