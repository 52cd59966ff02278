#include "core/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace nemcon::core::detail {

void check_failed(const char* condition, const char* file, int line, const std::string& values) {
  std::fprintf(stderr, "%s:%d: CHECK failed: %s%s\n", file, line, condition, values.c_str());
  std::abort();
}

}  // namespace nemcon::core::detail
