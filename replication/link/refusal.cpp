#include "replication/link/refusal.hpp"

#include <fmt/format.h>

namespace troupe::link {
namespace {

constexpr auto last_sent = refusal::stopping;

}  // namespace

std::string_view to_string(refusal why) noexcept {
  switch (why) {
    case refusal::bad_protocol: return "bad_protocol";
    case refusal::foreign_cluster: return "foreign_cluster";
    case refusal::bad_proof: return "bad_proof";
    case refusal::no_secret: return "no_secret";
    case refusal::own_node: return "own_node";
    case refusal::bad_frame: return "bad_frame";
    case refusal::too_slow: return "too_slow";
    case refusal::silent: return "silent";
    case refusal::busy: return "busy";
    case refusal::replaced: return "replaced";
    case refusal::over_credit: return "over_credit";
    case refusal::stopping: return "stopping";
    case refusal::unnamed: return "unnamed";
    case refusal::ended: return "ended";
  }
  return "unnamed";
}

std::string to_string(const closure& end) {
  std::string text;
  if (end.by == ended_by::peer && end.why != refusal::ended) text = "refused by the peer: ";
  text += to_string(end.why);
  if (!end.detail.empty()) text += fmt::format(": {}", end.detail);
  return text;
}

std::string encode_refused(refusal why) {
  ENSURE(why <= last_sent);
  std::string body(refused_bytes, '\0');
  body[0] = static_cast<char>(why);
  return body;
}

result<refusal> decode_refused(std::string_view body) {
  if (body.size() != refused_bytes || body.find_first_not_of('\0', 1) != std::string_view::npos) {
    return failure{errc::corrupt, "a refusal of another shape"};
  }
  const auto why = static_cast<refusal>(body[0]);
  const bool is_known = why >= refusal::bad_protocol && why <= last_sent;
  return is_known ? why : refusal::unnamed;
}

}  // namespace troupe::link
