// node_statistics as Prometheus text: one family per figure, labels `shard` and `reactor`.
//
// Place: CAF-free part of actors/. Pure, any thread. Names begin with `troupe_`, end in their unit,
// counters in `_total`; they are a promise to dashboards: add, but do not rename.
#pragma once

#include <string>

#include "actors/statistics.hpp"

namespace troupe::actors {

/// Content type of metrics_text().
inline constexpr const char* metrics_content_type = "text/plain; version=0.0.4; charset=utf-8";

/// The exposition text.
[[nodiscard]] std::string metrics_text(const node_statistics& statistics);

}  // namespace troupe::actors
