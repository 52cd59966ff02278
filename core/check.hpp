// CHECK: the crash-on-bug assertion. On in every build, including release.
//
// NEMCON_CHECK(condition, values...) says "if this is false, this program has a bug".
// Never use it on anything a peer, a client or a file can influence: those are
// errors, and errors are values (see result.hpp).
#pragma once

#include <sstream>
#include <string>

namespace nemcon::core::detail {

[[noreturn]] void check_failed(const char* condition, const char* file, int line,
                               const std::string& values);

template <class... Values>
std::string joined(const Values&... values) {
  std::ostringstream out;
  ((out << " | " << values), ...);
  return out.str();
}

}  // namespace nemcon::core::detail

#define NEMCON_CHECK(condition, ...)                                                     \
  do {                                                                                   \
    if (!(condition)) [[unlikely]] {                                                     \
      ::nemcon::core::detail::check_failed(#condition, __FILE__, __LINE__,               \
                                           ::nemcon::core::detail::joined(__VA_ARGS__)); \
    }                                                                                    \
  } while (false)
