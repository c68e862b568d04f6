// What both sides of a handshake have seen, and the proofs over it: HMAC-SHA-256 (RFC 2104) with
// the cluster secret, by OpenSSL.
//
// Place: replication/link; pure, part of a handshake.
// Invariants:
//  1. Every field has a fixed place and size, so no two different handshakes have one transcript.
//  2. Each proof has a label of its own, so none can stand for another, nor be sent back to the one
//     who made it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "replication/link/handshake_format.hpp"

namespace troupe::link {

/// What a proof says.
enum class proof_label : std::uint8_t {
  listener,  ///< the listener has read this Hello and knows the secret
  dialler,   ///< the dialler has read this Challenge and knows the secret
  welcome,   ///< the listener has seen the dialler's proof, and this is its cluster
};

/// Hello, then what a Challenge tells, then the exporter.
class transcript {
 public:
  /// `secret` must outlive it; empty = the empty key. `exporter`: bytes that both ends of a TLS
  /// session derive from it (RFC 5705), so that a proof is worth nothing in another session; empty
  /// without TLS.
  transcript(std::string_view secret, std::string exporter);

  /// The body of the Hello, as it was sent.
  void set_hello(std::string_view body) { hello_ = body; }
  /// The first challenge_told_bytes of the Challenge, as they were sent.
  void set_challenge(std::string_view told) { challenge_ = told; }

  /// Precondition: both were set. `cluster` is part of a welcome only, and none otherwise.
  [[nodiscard]] proof_bytes prove(proof_label label, cluster_id cluster = {}) const;

 private:
  std::string_view secret_;
  std::string exporter_;
  std::string hello_;
  std::string challenge_;
};

/// In constant time.
[[nodiscard]] bool is_same(const proof_bytes& a, const proof_bytes& b) noexcept;

}  // namespace troupe::link
