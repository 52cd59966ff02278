// Invariant tested: whatever a configuration file holds, it is a configuration or a list of
// problems that is not empty; and a configuration is written as a text that means the same.
#include <string_view>

#include "core/check.hpp"
#include "node/config.hpp"
#include "tests/fuzz/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t byte_count) {
  using namespace nemcon;  // NOLINT(google-build-using-namespace): the function cannot be in it.
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): bytes are bytes.
  const std::string_view text(reinterpret_cast<const char*>(bytes), byte_count);
  const node::CheckedConfig checked = node::parse_config(text, "fuzz.toml", "host");
  if (!checked.errors.empty()) return 0;
  const std::string written = node::to_text(checked.config);
  const node::CheckedConfig again = node::parse_config(written, "again.toml", "host");
  NEMCON_CHECK(again.errors.empty(), written);
  NEMCON_CHECK(node::to_text(again.config) == written, written);
  return 0;
}
