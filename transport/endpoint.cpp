#include "transport/endpoint.hpp"

#include <arpa/inet.h>

namespace nemcon::transport {

bool is_local_host(std::string_view host) {
  in_addr address{};
  if (inet_pton(AF_INET, std::string(host).c_str(), &address) != 1) return host == "localhost";
  return (ntohl(address.s_addr) >> 24U) == 127U;
}

bool is_local_endpoint(std::string_view endpoint) {
  constexpr std::string_view tcp = "tcp://";
  if (!endpoint.starts_with(tcp)) return true;
  const std::string_view rest = endpoint.substr(tcp.size());
  return is_local_host(rest.substr(0, rest.rfind(':')));
}

const std::string* find_remote(std::span<const std::string> endpoints) {
  for (const std::string& endpoint : endpoints) {
    if (!is_local_endpoint(endpoint)) return &endpoint;
  }
  return nullptr;
}

}  // namespace nemcon::transport
