// Which endpoints keep what is sent on this machine. Pure.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace nemcon::transport {

// "localhost", or an address of 127.0.0.0/8. Other names are not looked up.
[[nodiscard]] bool is_local_host(std::string_view host);

// Loopback, a path of the file system, or within the process.
[[nodiscard]] bool is_local_endpoint(std::string_view endpoint);

// The first of them that is not; null where all are.
[[nodiscard]] const std::string* find_remote(std::span<const std::string> endpoints);

}  // namespace nemcon::transport
