// A value or an error. Ignoring one is a compiler warning, and warnings are errors here.
//
// Place: storage/base. Invariants: (1) exactly one of value and error exists; (2) reading the one
// that does not exist stops the process (ENSURE), in release builds too.
#pragma once

#include <optional>
#include <utility>
#include <variant>

#include "storage/base/ensure.hpp"
#include "storage/base/error.hpp"

namespace troupe {

/// The outcome of a call that may fail in an expected way.
template <class T>
class [[nodiscard]] result {
 public:
  result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  result(failure why) : state_(std::in_place_index<1>, std::move(why)) {}

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  /// The value. Precondition: has_value(). Of a temporary result it is moved out, not referred to,
  /// so that `for (auto& name : files.list(path).value())` lives long enough.
  T& value() & { return ENSURE(has_value()), std::get<0>(state_); }
  const T& value() const& { return ENSURE(has_value()), std::get<0>(state_); }
  T value() && { return ENSURE(has_value()), std::get<0>(std::move(state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  /// The error. Precondition: !has_value().
  const failure& error() const& { return ENSURE(!has_value()), std::get<1>(state_); }
  failure error() && { return ENSURE(!has_value()), std::get<1>(std::move(state_)); }

 private:
  std::variant<T, failure> state_;
};

/// The outcome of a call that yields nothing but may fail. `result<void>{}` is success.
template <>
class [[nodiscard]] result<void> {
 public:
  result() = default;
  result(failure why) : failure_(std::move(why)) {}

  [[nodiscard]] bool has_value() const noexcept { return !failure_; }
  explicit operator bool() const noexcept { return has_value(); }
  const failure& error() const& { return ENSURE(failure_.has_value()), *failure_; }
  failure error() && { return ENSURE(failure_.has_value()), std::move(*failure_); }

 private:
  std::optional<failure> failure_;
};

}  // namespace troupe

/// Returns the error of `expression` from the enclosing function, if it is one.
#define TRY_VOID(expression)                                                                  \
  do {                                                                                        \
    if (auto try_result_ = (expression); !try_result_) return std::move(try_result_).error(); \
  } while (false)

#define TROUPE_TRY_JOIN2(a, b) a##b
#define TROUPE_TRY_JOIN(a, b) TROUPE_TRY_JOIN2(a, b)
#define TROUPE_TRY_INTO(temporary, target, expression) \
  auto temporary = (expression);                       \
  if (!temporary) return std::move(temporary).error(); \
  target = std::move(temporary).value()

/// Declares or assigns `target` from a result, or returns its error: TRY(auto size, file.size());
#define TRY(target, expression) \
  TROUPE_TRY_INTO(TROUPE_TRY_JOIN(try_result_, __LINE__), target, expression)
