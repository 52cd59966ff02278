// Result<T>: a value or an Error. The subset of std::expected that we use, but
// [[nodiscard]] as a class, so that a dropped error is a compile-time warning.
#pragma once

#include <string>
#include <utility>
#include <variant>

#include "core/check.hpp"

namespace nemcon::core {

// remote_* blames the other side and may close a link; local_* blames this machine.
enum class Errc {
  remote_malformed,
  remote_version,
  local_closed,
  local_full,     // No room; goes away when there is some.
  local_corrupt,  // Our own disk holds what we never wrote.
  local_failed,   // The kernel or the disk refused a call: stop the process.
  local_refused,  // Start refused: directory in use, another node's, a newer format.
};

struct Error {
  Errc code;
  std::string detail;
};

template <class T>
class [[nodiscard]] Result {
 public:
  // Implicit on purpose: `return value;` and `return Error{...};` read alike.
  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}

  // NOLINTNEXTLINE(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool has_value() const { return state_.index() == 0; }

  explicit operator bool() const { return has_value(); }

  [[nodiscard]] const T& value() const& {
    NEMCON_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }

  [[nodiscard]] T&& value() && {
    NEMCON_CHECK(has_value());
    return std::move(*std::get_if<0>(&state_));
  }

  [[nodiscard]] const Error& error() const {
    NEMCON_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }

  const T& operator*() const { return value(); }

  const T* operator->() const { return &value(); }

 private:
  std::variant<T, Error> state_;
};

struct Nothing {};

using Status = Result<Nothing>;

}  // namespace nemcon::core
