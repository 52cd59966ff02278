// Which endpoints keep what is sent on this machine. Pure.
#pragma once

#include <string_view>

namespace nemcon::transport {

// "localhost", or an address of 127.0.0.0/8. Other names are not looked up.
[[nodiscard]] bool is_local_host(std::string_view host);

// Loopback, a path of the file system, or within the process.
[[nodiscard]] bool is_local_endpoint(std::string_view endpoint);

}  // namespace nemcon::transport
