// Words of strangers, made fit for our own diagnostics.
#pragma once

#include <string>
#include <string_view>

namespace nemcon::transport {

// Printable ASCII, other bytes as '?', cut after 200.
[[nodiscard]] inline std::string printable(std::string_view text) {
  constexpr std::size_t length_max = 200;
  std::string result(text.substr(0, length_max));
  for (char& byte : result) {
    if (byte < ' ' || byte > '~') byte = '?';
  }
  return result;
}

}  // namespace nemcon::transport
