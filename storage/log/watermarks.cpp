#include "storage/log/watermarks.hpp"

#include <utility>

namespace troupe::log {

void watermarks::on_appended(lsn newest) {
  ENSURE(newest >= appended_);
  appended_ = newest;
}

void watermarks::on_durable(lsn upto) {
  if (poison_) return;
  ENSURE(upto >= durable_ && upto <= appended_);
  durable_ = upto;
  committed_ = upto;
}

void watermarks::poison(failure why) {
  if (!poison_) poison_ = std::move(why);
}

}  // namespace troupe::log
