#include "replication/link/transcript.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <utility>

#include "storage/base/ensure.hpp"

namespace troupe::link {
namespace {

constexpr std::size_t label_bytes = 8;

std::string_view text_of(proof_label label) noexcept {
  switch (label) {
    case proof_label::listener: return {"listener", label_bytes};
    case proof_label::dialler: return {"dialler\0", label_bytes};
    case proof_label::welcome: return {"welcome\0", label_bytes};
  }
  return {};
}

const unsigned char* bytes_of(std::string_view from) noexcept {
  return reinterpret_cast<const unsigned char*>(from.data());
}

}  // namespace

transcript::transcript(std::string_view secret, std::string exporter)
    : secret_(secret.empty() ? std::string_view("") : secret), exporter_(std::move(exporter)) {}

proof_bytes transcript::prove(proof_label label, cluster_id cluster) const {
  ENSURE(hello_.size() == hello_bytes && challenge_.size() == challenge_told_bytes);
  std::string seen(text_of(label));
  seen += hello_;
  seen += challenge_;
  seen.append(reinterpret_cast<const char*>(cluster.value.bytes.data()),
              cluster.value.bytes.size());
  seen += exporter_;
  proof_bytes proof;
  unsigned size = 0;
  // Fails only if the library has no SHA-256, and then nobody can be told from anybody.
  ENSURE(::HMAC(::EVP_sha256(), secret_.data(), static_cast<int>(secret_.size()), bytes_of(seen),
                seen.size(), proof.data(), &size) != nullptr);
  ENSURE(size == proof.size());
  return proof;
}

bool is_same(const proof_bytes& a, const proof_bytes& b) noexcept {
  return ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace troupe::link
