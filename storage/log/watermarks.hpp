// How far a shard's log is: in memory, on the local disk, in the whole in-sync set.
//
// Place: storage/log; owned by the shard, on its reactor's thread.
// Invariants:
//  I1. committed <= durable <= appended, and none of them ever goes back.
//  I2. After poison nothing advances: what was not durable then is never called durable.
#pragma once

#include <optional>

#include "storage/base/ids.hpp"
#include "storage/base/result.hpp"

namespace troupe::log {

class watermarks {
 public:
  /// Everything up to `recovered` is on disk.
  explicit watermarks(lsn recovered) noexcept
      : appended_(recovered), durable_(recovered), committed_(recovered) {}

  /// The newest record has this LSN. Precondition: not below the last one given.
  void on_appended(lsn newest);
  /// The disk has everything up to `upto`. Alone, this commits it too. Ignored after poison.
  /// Precondition: not above appended.
  void on_durable(lsn upto);
  /// The log failed for good; the first reason stays.
  void poison(failure why);

  [[nodiscard]] lsn appended() const noexcept { return appended_; }
  [[nodiscard]] lsn durable() const noexcept { return durable_; }
  [[nodiscard]] lsn committed() const noexcept { return committed_; }
  /// Why nothing advances any more; null while all is well. Lives as long as this object.
  [[nodiscard]] const failure* poisoned() const noexcept { return poison_ ? &*poison_ : nullptr; }

 private:
  lsn appended_;
  lsn durable_;
  lsn committed_;
  std::optional<failure> poison_;
};

}  // namespace troupe::log
